"""The dispatch benchmark runs, and says what it promises to say: figures are only as good as what makes them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_dispatch_benchmark_runs(tmp_path: Path) -> None:
    """Our own arms, small: every row names its party, and no job is lost or doubled, also when workers are killed."""
    told = tmp_path / "dispatch.json"
    few = ["--jobs", "2", "--drain", "3", "--finished", "0", "5", "--kills", "3", "--gone", "100", "--idle", "1"]
    command = [sys.executable, "-m", "benchmarks.dispatch", "--systems", "gpudrop", *few, "--json", str(told)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    rows = json.loads(told.read_text())["rows"]
    assert {(row["system"], row["arm"], row["finished"]) for row in rows} == {
        ("gpudrop", arm, finished) for arm in ("durable", "equal") for finished in (0, 5)
    }
    assert all(row["p50_ms"] > 0 for row in rows if "idle_cpu_percent" in row)
    assert not any(row.get("lost") for row in rows)
    assert [row["doubled"] for row in rows if row.get("killed")] == [0, 0]
