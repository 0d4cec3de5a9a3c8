"""What a type checker knows of the operations, in a script of a user who has no plugin of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RIGHT = """
from dispatcher import JobFailed, analyze, connect, encode, enhance, stabilize, transcribe, upscale

with connect() as gpu:
    upscale(gpu, "a.mp4", scale=2).save("big")
    transcribe(gpu, "a.wav", formats=("srt", "vtt"), language="en")
    stabilize.within(60).anew()(gpu, "a.mp4", smoothing=20)
    analyze(gpu, "a.mp4")
    encode(gpu, "a.mp4")
    enhance(gpu, "a.txt")
    for made in upscale.each(gpu, ["clips"], scale=2):
        print(made.engine)
"""
WRONG = """
from dispatcher import connect, transcribe, upscale

with connect() as gpu:
    upscale(gpu, "a.mp4", scal=2)
    transcribe(gpu, "a.wav", formats="srt")
    upscale(gpu, "a.mp4").keep()
"""


def test_a_type_checker_knows_the_operations(tmp_path: Path) -> None:
    """What is right passes the strictest check, and each of three mistakes is told with its line."""
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary", "right.py", "wrong.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=250)
    told = [line.partition(": error:")[0] for line in done.stdout.splitlines() if ": error:" in line]
    assert told == ["wrong.py:5", "wrong.py:6", "wrong.py:7"], done.stdout + done.stderr
