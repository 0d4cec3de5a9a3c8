"""What runs handlers is bounded before the first of them runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from colab.bench import Bench
from colab.models import ModelPlaces
from protocol.integrity import MAX_RESULT_BYTES


def test_a_handler_writes_no_endless_file(tmp_path: Path) -> None:
    """The process of the handlers has a largest file and leaves no core; it works all the same."""
    if not Path("/proc/self/limits").exists():
        pytest.skip("limits are read from /proc")
    bench = Bench(("echo",), ModelPlaces(folder=tmp_path, offline=True))
    try:
        assert "echo" in bench.abilities().engines
        told = Path(f"/proc/{bench._process.pid}/limits").read_text()
    finally:
        bench.kill()
    limits = {line[:25].strip(): line[25:].split() for line in told.splitlines()}
    assert limits["Max file size"][0] == str(MAX_RESULT_BYTES)
    assert limits["Max core file size"][0] == "0"
