"""Real-ESRGAN's two architectures at their real size, with random weights: speed, and how close to the hardware limit.

    .venv-all/bin/python -m benchmarks.gpu.upscale [--rehearse]

Each step adds one thing to the one before: fp32 → TF32 → fp16 → channels_last → compiled → batched. The share of the
limit is the network's arithmetic against the best that this device did in large matrix products of the same numbers, in
the same run. The error of fp16 is against fp32 over one crop. Frames are on the GPU already: pipes are another
benchmark's. Without a GPU it says so and ends well; `--rehearse` runs tiny networks on the CPU, to see that it runs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.gpu import find, report

SIZES = {"720p": (720, 1280), "1080p": (1080, 1920)}
BATCHES = (2, 4, 8)
CROP = (256, 256)
MATRIX = 8192
WARM = 2
SECONDS = 5.0
"""How long each measurement takes."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """How a network is run."""

    name: str
    half: bool = False
    tf32: bool = False
    channels_last: bool = False
    compiled: bool = False
    batch: int = 1


STEPS = (
    Step(name="fp32"),
    Step(name="tf32", tf32=True),
    Step(name="fp16", half=True),
    Step(name="channels_last", half=True, channels_last=True),
    Step(name="compiled", half=True, channels_last=True, compiled=True),
    *(Step(name=f"batch {n}", half=True, channels_last=True, compiled=True, batch=n) for n in BATCHES),
)


def main() -> int:
    """Measure, print, and write the figures."""
    bench = find("upscale", ["spandrel"])
    if bench is None:
        return 0
    report(bench, list(_rows(bench.device, 0.05 if bench.rehearsal else SECONDS, smoke=bench.rehearsal)))
    return 0


def networks(*, smoke: bool) -> dict[str, Callable[[], Any]]:
    """Return the makers of both architectures, as large as the published ones, unless this is a rehearsal."""
    from spandrel.architectures.Compact import Compact
    from spandrel.architectures.ESRGAN import ESRGAN

    width, blocks, depth = (8, 1, 2) if smoke else (64, 23, 16)
    return {
        "x4plus": lambda: ESRGAN(in_nc=3, out_nc=3, num_filters=width, num_blocks=blocks, scale=4),
        "animevideov3": lambda: Compact(num_in_ch=3, num_out_ch=3, num_feat=width, num_conv=depth, upscale=4),
    }


def _rows(device: str, seconds: float, *, smoke: bool) -> Iterator[dict[str, Any]]:
    import torch

    sizes = {"tiny": (18, 32)} if smoke else SIZES
    steps = [step for step in STEPS if not (smoke and step.compiled)]
    limits = {
        kind: _limit(device, *kind, side=64 if smoke else MATRIX, seconds=min(1.0, seconds))
        for kind in {(s.half, s.tf32) for s in steps}
    }
    for network, make in networks(smoke=smoke).items():
        torch.manual_seed(7)
        weights = make().state_dict()
        error = _error(make, weights, device, (16, 16) if smoke else CROP)
        for label, size in sizes.items():
            work = _operations(make, size)
            for step in steps:
                yield _told(network, label, step, error, limits[step.half, step.tf32], work,
                            _measured(make, weights, step, size, device, seconds))  # fmt: skip


def _told(
    network: str, label: str, step: Step, error: dict[str, float], limit: float, work: float, measured: dict[str, Any]
) -> dict[str, Any]:
    """Return one row."""
    row: dict[str, Any] = {"network": network, "size": label, "step": step.name, **measured}
    if "fps" in row:
        row |= {"tflops": round(row["fps"] * work / 1e12, 2), "limit_tflops": round(limit / 1e12, 1)}
        row["share"] = round(row["fps"] * work / limit, 3)
    if step.half:
        row |= error
    return row


def _measured(
    make: Callable[[], Any], weights: Any, step: Step, size: tuple[int, int], device: str, seconds: float
) -> dict[str, Any]:
    """Return frames per second for whole frames, or for bands of a frame that does not fit."""
    import torch

    _numbers(step)
    for bands in (1, 2, 4, 8, 16):
        try:
            run = _ready(make, weights, step, device)
            frames = _frames(step, (-(-size[0] // bands), size[1]), device)
            fps = _rate(lambda: [run(frames) for _ in range(bands)], device, seconds) * step.batch  # noqa: B023
        except torch.OutOfMemoryError:
            run = frames = None
            torch.cuda.empty_cache()
        else:
            memory = round(torch.cuda.max_memory_allocated() / 2**30, 1) if device == "cuda" else None
            return {"fps": round(fps, 2), "bands": bands, "memory_gib": memory}
    return {"failed": "out of memory"}


def _numbers(step: Step) -> None:
    import torch

    torch.backends.cuda.matmul.allow_tf32 = step.tf32
    torch.backends.cudnn.allow_tf32 = step.tf32
    torch.backends.cudnn.benchmark = True
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _ready(make: Callable[[], Any], weights: Any, step: Step, device: str) -> Callable[[Any], Any]:
    import torch

    net = make()
    net.load_state_dict(weights)
    net = net.to(device, torch.float16 if step.half else torch.float32).eval()
    if step.channels_last:
        net = net.to(memory_format=torch.channels_last)
    run = torch.compile(net) if step.compiled else net

    def infer(frames: Any) -> Any:
        with torch.inference_mode():
            return run(frames)

    return infer


def _frames(step: Step, size: tuple[int, int], device: str) -> Any:
    import torch

    number = torch.float16 if step.half else torch.float32
    frames = torch.rand(step.batch, 3, *size, device=device).to(number)
    return frames.contiguous(memory_format=torch.channels_last) if step.channels_last else frames


def _rate(act: Callable[[], object], device: str, seconds: float) -> float:
    """Return how many times per second it runs, after a warm-up."""
    import torch

    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    for _ in range(WARM):
        act()
    wait()
    started, done = time.perf_counter(), 0
    while (taken := time.perf_counter() - started) < seconds or done < 2:
        act()
        wait()
        done += 1
    return done / taken


def _limit(device: str, half: bool, tf32: bool, side: int, seconds: float) -> float:
    """Return the operations per second of large matrix products of this type, the best of several runs."""
    import torch

    _numbers(Step(name="limit", half=half, tf32=tf32))
    one = torch.rand(side, side, device=device, dtype=torch.float16 if half else torch.float32)
    return max(_rate(lambda: one @ one, device, seconds) for _ in range(3)) * 2 * side**3


def _operations(make: Callable[[], Any], size: tuple[int, int]) -> float:
    """Return the operations of one frame, counted without executing them."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        net, frame = make(), torch.rand(1, 3, *size)
    with FlopCounterMode(display=False) as counter:
        net(frame)
    return float(counter.get_total_flops())


def _error(make: Callable[[], Any], weights: Any, device: str, size: tuple[int, int]) -> dict[str, float]:
    """Return the difference between fp16 and fp32 on one crop, in steps of 1/255."""
    import torch

    torch.manual_seed(11)
    crop = torch.rand(1, 3, *size, device=device)
    whole, half = Step(name="fp32"), Step(name="fp16", half=True)
    _numbers(whole)
    exact = _ready(make, weights, whole, device)(crop)
    off = (_ready(make, weights, half, device)(crop.half()).float() - exact).abs() * 255
    return {"fp16_off_mean": round(float(off.mean()), 4), "fp16_off_max": round(float(off.max()), 3)}


if __name__ == "__main__":
    sys.exit(main())
