"""Limits are set once and apply to child processes, too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits are Unix's")

START = """
import subprocess, sys
sys.path.insert(0, sys.argv[1])
from media.limits import limit_process as limit
def write(size): open(sys.argv[2], "wb", 0).write(b"x" * size) == size or sys.exit(1)
def child(does): subprocess.check_call([sys.executable, "-c", does, sys.argv[2]])
"""
CHILD = "import sys; open(sys.argv[1], 'wb', 0).write(b'x' * 11) == 11 or sys.exit(1)"
PASSES = {
    "a small file": ("limit(file_bytes=10); write(10)", True),
    "a large file": ("limit(file_bytes=10); write(11)", False),
    "of a child": (f"limit(file_bytes=10); child({CHILD!r})", False),
    "much memory": ("limit(file_bytes=10, memory_bytes=1 << 30); bytearray(1 << 31)", False),
    "many files": ("limit(file_bytes=10, open_files=20); kept = [open(sys.executable) for _ in range(30)]", False),
    "looser than before": ("limit(file_bytes=10); limit(file_bytes=99); write(99)", False),
    "a loop": ("limit(file_bytes=0, cpu_s=1)\nwhile True: pass", False),
}  # fmt: skip


@pytest.mark.parametrize("what", PASSES)
def test_what_is_beyond_a_limit_fails(tmp_path: Path, what: str) -> None:
    """Below a limit everything works, exceeding it ends only that process, and a limit is never loosened."""
    does, passes = PASSES[what]
    command = [sys.executable, "-c", START + does, str(Path(__file__).parents[2]), str(tmp_path / "x")]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert (done.returncode == 0) == bool(passes), done.stderr.decode()[-500:]
    assert not (tmp_path / "x").exists() or (tmp_path / "x").stat().st_size <= 10
