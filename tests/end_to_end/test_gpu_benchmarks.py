"""The GPU's benchmarks where there is none: one line each, and no failure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.gpu import ALL

ROOT = Path(__file__).parents[2]


def test_without_a_gpu_they_say_so():
    """One line for each that is here, and exit 0: a machine without a GPU has nothing to answer for."""
    environment = {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT), "PATH": ""}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.gpu"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    there = [name for name in ALL if (ROOT / "benchmarks" / "gpu" / f"{name}.py").exists()]
    lines = ran.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == there
    assert all("skipped" in line for line in lines)
