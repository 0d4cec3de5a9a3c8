"""A fallback is never silent: why a better engine did not do it is said once a command, with `--quiet` too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import odd_media

BEFORE = "warning: a better engine could not be used: "


def command(folder: Path, *arguments: str | Path) -> tuple[str, list[str]]:
    """Give a command that succeeds, with no model file at hand; return its standard output and its warnings."""
    here = {
        **os.environ,
        "GPUDROP_DATA_DIR": str(folder / "data"),
        "GPUDROP_WORKER_MODELS_DIR": str(folder / "models"),
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "dispatcher.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=here,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if line.startswith("warning: ")]


@pytest.mark.timeout(600)
def test_a_fallback_is_told_once_and_aloud(tmp_path: Path) -> None:
    """Two pictures share one warning; standard output has paths alone; the next step of a chain tells too.

    It is told of work that is done, not of results that an earlier command had made.
    """
    for name in ("a.png", "b.png"):
        odd_media.picture(tmp_path / name)
    out, warnings = command(tmp_path, "upscale", tmp_path / "a.png", tmp_path / "b.png", "-q")
    assert out.splitlines() == [str(tmp_path / f"{name}.upscaled.png") for name in "ab"]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{BEFORE}realesrgan: ")
    assert "install" in warnings[0]
    chain = ("upscale", tmp_path / "a.png", "-q", "--then", "analyze")
    _, warnings = command(tmp_path, *chain)
    reasons = [line.removeprefix(BEFORE) for line in warnings]
    assert any(each.startswith("no tags") for each in reasons)
    assert not any(each.startswith("realesrgan: ") for each in reasons)
    assert len(set(reasons)) == len(reasons)
    assert command(tmp_path, *chain)[1] == []
