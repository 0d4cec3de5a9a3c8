"""Runs every GPU benchmark: `python -m benchmarks.gpu [--rehearse]`."""

from __future__ import annotations

import importlib
import importlib.util
import sys

from benchmarks.gpu import ALL


def main() -> int:
    """Run them one after another; return the worst exit code."""
    there = [name for name in ALL if importlib.util.find_spec(f"benchmarks.gpu.{name}") is not None]
    return max((importlib.import_module(f"benchmarks.gpu.{name}").main() for name in there), default=0)


if __name__ == "__main__":
    sys.exit(main())
