"""The speed of the engines' models on an NVIDIA GPU, at real size with random weights: speed needs no training.

`python -m benchmarks.gpu` runs every benchmark that is here. Each is a module with `def main() -> int`; without a GPU
it says so in one line and ends well. With `--rehearse` it runs a tiny model on the CPU, to see that its code works: the
figures of a rehearsal mean nothing and are not written.
"""

from __future__ import annotations

import importlib.util
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"
ALL = ("upscale", "tts", "whisper", "clip")
"""The benchmarks, by the names of their modules here."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where a benchmark runs."""

    name: str
    device: str  # as torch calls it
    card: str  # as people call it
    rehearsal: bool = False


def find(name: str, packages: Sequence[str] = ()) -> Bench | None:
    """Return where to run a benchmark; None, after printing one line, if it cannot run."""
    missing = [package for package in ("torch", *packages) if importlib.util.find_spec(package) is None]
    if missing:
        print(f"{name}: skipped, {' and '.join(missing)} not installed here")
        return None
    import torch

    if "--rehearse" in sys.argv[1:]:
        return Bench(name=name, device="cpu", card="CPU (rehearsal)", rehearsal=True)
    if not torch.cuda.is_available():
        print(f"{name}: skipped, no NVIDIA GPU that torch {torch.__version__} can use")
        return None
    return Bench(name=name, device="cuda", card=torch.cuda.get_device_name())


def milliseconds(bench: Bench, run: Callable[[], object], *, repeats: int = 10, warm: int = 3) -> float:
    """Return the median time of a call by the GPU's own clock; the host's would only measure queueing."""
    import torch

    for _ in range(1 if bench.rehearsal else warm):
        run()
    took = []
    for _ in range(1 if bench.rehearsal else repeats):
        if bench.device == "cpu":
            started = time.perf_counter()
            run()
            took.append((time.perf_counter() - started) * 1000)
            continue
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize()
        begin.record()
        run()
        end.record()
        torch.cuda.synchronize()
        took.append(begin.elapsed_time(end))
    return sorted(took)[len(took) // 2]


def difference(one: Any, other: Any) -> dict[str, float]:
    """Return the difference of two tensors: the largest error, and the error's power relative to the signal."""
    import torch

    one, other = one.detach().double().cpu(), other.detach().double().cpu()
    error = (one - other).pow(2).mean()
    signal = other.pow(2).mean()
    return {
        "largest": float((one - other).abs().max()),
        "relative_rms": float(torch.sqrt(error / signal.clamp(min=1e-30))),
    }


def out_of_memory(bench: Bench, run: Callable[[], Any]) -> Any:
    """Return what a call returns, or None if the GPU has too little memory."""
    import torch

    try:
        return run()
    except torch.cuda.OutOfMemoryError:
        torch.cuda.empty_cache()
        print(f"{bench.name}: no room on {bench.card}")
        return None


def report(bench: Bench, rows: Sequence[dict[str, Any]]) -> None:
    """Print every row, and write them with the device's name to `benchmarks/results/gpu_<name>.json`."""
    import torch

    print(f"{bench.name} on {bench.card}, torch {torch.__version__}")
    for row in rows:
        print("  " + "  ".join(f"{key}={_shown(value)}" for key, value in row.items()))
    if bench.rehearsal:
        return
    told = {
        "device": bench.card,
        "capability": list(torch.cuda.get_device_capability()),
        "memory_gib": round(torch.cuda.get_device_properties(0).total_memory / 2**30, 1),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "weights": "random",
        "rows": list(rows),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"gpu_{bench.name}.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
