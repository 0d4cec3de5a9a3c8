"""FFMPEG_BINARY: the ffmpeg that the worker's handlers use, from the environment to the process in which they run."""

from __future__ import annotations

import sys
from pathlib import Path

import imageio_ffmpeg
import pytest

from colab.bench import Bench
from colab.config import WorkerSettings
from colab.serving import make_worker
from protocol.errors import EnvironmentNotReady
from tests.support.drops import make_drop
from tests.support.programs import noted

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a program is a shell script here")


def test_the_bench_is_told_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked what it can do, in the process where handlers run."""
    asked = tmp_path / "asked"
    program = noted(tmp_path / "mine", asked, imageio_ffmpeg.get_ffmpeg_exe())
    monkeypatch.setenv("FFMPEG_BINARY", str(program))
    bench = Bench(("stabilize",), WorkerSettings(drop="somewhere").model_places())
    try:
        assert list(bench.abilities().engines) == ["stabilize"]
    finally:
        bench.kill()
    assert asked.exists()


def test_a_worker_whose_ffmpeg_is_none_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which setting is wrong, instead of doing without half its kinds."""
    monkeypatch.setenv("FFMPEG_BINARY", str(tmp_path / "none"))
    with pytest.raises(EnvironmentNotReady, match=r"none is not a program; set FFMPEG_BINARY"):
        make_worker(WorkerSettings(drop=str(make_drop(tmp_path / "drop"))))
