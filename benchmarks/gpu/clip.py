"""CLIP ViT-B/32 at its real size with random weights: images per second by batch size, half precision against full.

`python -m benchmarks.gpu.clip` on a machine with an NVIDIA GPU; without one it says so and ends well. The weights are
random, so that nothing is downloaded: speed does not depend on them, and the error is that of this arithmetic.
With `--rehearse` a tiny model runs on the CPU, to see that the code works; its figures mean nothing.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.gpu import find, report

BATCHES = (1, 8, 32, 64, 128, 256, 512)
RUNS, WARM = 15, 5
SIDE, SEED = 224, 20
FLOPS_A_PICTURE = 2 * 4.37e9
"""4.37 billion multiply-adds per image for the image tower of ViT-B/32 at 224 pixels."""


TINY = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


def model(dtype: Any, device: str, *, tiny: bool = False) -> Any:
    """Return CLIP's two towers at their real size, with the same random weights every time."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(SEED)
    config = CLIPConfig(vision_config=TINY, text_config=TINY) if tiny else CLIPConfig()
    return CLIPModel(config).eval().to(device=device, dtype=dtype)


def vectors(clip: Any, pixels: Any) -> Any:
    """Return the images' vectors, normalised."""
    features = clip.get_image_features(pixel_values=pixels)
    made = getattr(features, "pooler_output", features).float()
    return made / made.norm(dim=-1, keepdim=True)


def pictures(count: int, dtype: Any, device: str) -> Any:
    """Return random images in the model's input format."""
    import torch

    dice = torch.Generator().manual_seed(SEED)
    return torch.randn(count, 3, SIDE, SIDE, generator=dice).to(device=device, dtype=dtype)


def rate(clip: Any, batch: int, dtype: Any, device: str, runs: int = RUNS) -> float:
    """Return the median of images per second."""
    import torch

    pixels, taken = pictures(batch, dtype, device), []
    with torch.inference_mode():
        for run in range(WARM + runs):
            _settled(device)
            began = time.perf_counter()
            vectors(clip, pixels)
            _settled(device)
            if run >= WARM:
                taken.append(time.perf_counter() - began)
    return batch / statistics.median(taken)


def error(half: Any, full: Any, device: str, count: int = 64) -> dict[str, float]:
    """Return the difference between the vectors of half and full precision for the same images."""
    import torch

    with torch.inference_mode():
        ours = vectors(half, pictures(count, torch.float16, device))
        exact = vectors(full, pictures(count, torch.float32, device))
    return {
        "least_cosine": round(float((ours * exact).sum(dim=-1).min()), 6),
        "largest_difference": round(float((ours - exact).abs().max()), 6),
    }


def sweep(device: str, batches: Sequence[int], *, rehearse: bool = False) -> list[dict[str, Any]]:
    """Return the figures of both precisions; a batch that does not fit ends its row."""
    import torch

    halves = {"fp16": torch.float16, "fp32": torch.float32}
    models = {name: model(dtype, device, tiny=rehearse) for name, dtype in halves.items()}
    rows: list[dict[str, Any]] = []
    for name, dtype in halves.items():
        for batch in batches:
            try:
                speed = rate(models[name], batch, dtype, device, 1 if rehearse else RUNS)
            except torch.cuda.OutOfMemoryError:
                rows.append({"precision": name, "batch": batch, "pictures_a_second": None})
                break
            tera = round(speed * FLOPS_A_PICTURE / 1e12, 2)
            rows.append({"precision": name, "batch": batch, "pictures_a_second": round(speed, 1), "tflops": tera})
    return [*rows, {"what": "fp16 against fp32", **error(models["fp16"], models["fp32"], device)}]


def _settled(device: str) -> None:
    """Wait until the device has finished."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def main() -> int:
    """Measure, print, and write the figures."""
    bench = find("clip", ["transformers"])
    if bench is None:
        return 0
    report(bench, sweep(bench.device, (1, 2) if bench.rehearsal else BATCHES, rehearse=bench.rehearsal))
    return 0


if __name__ == "__main__":
    sys.exit(main())
