"""Run the comparisons: outputs first, then paired times in random order with random gaps; a table, and JSON."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import math
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.kinds.arm import Comparison
from protocol import kinds

KINDS = tuple(kind for kind in kinds.KINDS if importlib.util.find_spec(f"benchmarks.kinds.{kind}"))
NOISE = 1.03
"""A ratio up to which two times count as equal."""

GAP_S = 0.3


def paired(comparison: Comparison, pairs: int, chance: random.Random) -> list[tuple[float, float]]:
    """Return (ours, theirs) in seconds, pair by pair, in an order that chance decides."""
    times = []
    for _ in range(pairs):
        time.sleep(chance.uniform(0, GAP_S))
        ways = [("ours", comparison.ours), ("theirs", comparison.theirs)]
        chance.shuffle(ways)
        taken = {name: _timed(way) for name, way in ways}
        times.append((taken["ours"], taken["theirs"]))
    return times


def _timed(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started


def interval(ratios: list[float]) -> tuple[float, float]:
    """Return the 95 % interval of the median of ratios, by order statistics: nothing is assumed of their shape."""
    ordered, n = sorted(ratios), len(ratios)
    reach = math.floor((n - 1.96 * math.sqrt(n)) / 2)
    low = max(0, min(reach, n - 1))
    return ordered[low], ordered[n - 1 - low]


def measure(kind: str, comparison: Comparison, pairs: int | None, chance: random.Random) -> dict[str, Any]:
    """Return the figures of one comparison; the first run of each way warms up, and its outputs are compared."""
    unlike = comparison.equal(comparison.ours(), comparison.theirs())
    if unlike:
        return {"kind": kind, "name": comparison.name, "unlike": unlike, "met": False}
    times = paired(comparison, pairs or comparison.pairs, chance)
    ratios = [ours / theirs for ours, theirs in times]
    low, high = interval(ratios)
    return {
        "kind": kind,
        "name": comparison.name,
        "theirs_is": comparison.theirs_is,
        "ours_s": round(statistics.median(each[0] for each in times), 4),
        "theirs_s": round(statistics.median(each[1] for each in times), 4),
        "ratio": round(statistics.median(ratios), 3),
        "interval": [round(low, 3), round(high, 3)],
        "pairs": len(times),
        "target": comparison.target,
        "met": low <= comparison.target * NOISE,
    }


def main() -> int:
    """Measure what was asked for and print it; 1 when outputs could not be compared."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", help=f"some of {', '.join(KINDS)}; all if none is named")
    parser.add_argument("--pairs", type=int, help="paired runs of each comparison, instead of its own number")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    asked = parser.parse_args()
    chance, rows = random.Random(20), []
    with tempfile.TemporaryDirectory(prefix="gpudrop-bench-") as folder:
        for kind in asked.kinds or KINDS:
            module = importlib.import_module(f"benchmarks.kinds.{kind}")
            place = Path(folder) / kind
            place.mkdir()
            for comparison in module.comparisons(place):
                rows.append(measure(kind, comparison, asked.pairs, chance))
                _print(rows[-1])
    if asked.json:
        machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    return int(any("unlike" in row for row in rows))


def _print(row: dict[str, Any]) -> None:
    if "unlike" in row:
        print(f"{row['kind']}: {row['name']}: NOT COMPARED: {row['unlike']}")
        return
    verdict = "met" if row["met"] else "missed"
    print(
        f"{row['kind']}: {row['name']}: ours {row['ours_s']:.3f} s, {row['theirs_is']} {row['theirs_s']:.3f} s, "
        f"ratio {row['ratio']:.3f} [{row['interval'][0]:.3f}, {row['interval'][1]:.3f}] over {row['pairs']} pairs; "
        f"target {row['target']:.2f}: {verdict}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
