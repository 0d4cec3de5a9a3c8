"""CLIP ViT-B/32 at its real size with random weights: pictures a second by batch, half precision against full.

`python -m benchmarks.gpu.clip` on a machine with an NVIDIA GPU; without one it says so and ends well. The weights are
random, so that nothing is downloaded: speed does not depend on them, and the error is that of this arithmetic.
With `--rehearse` a tiny model runs on the CPU, to see that the code works; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BATCHES = (1, 8, 32, 64, 128, 256, 512)
RUNS, WARM = 15, 5
SIDE, SEED = 224, 20
FLOPS_A_PICTURE = 2 * 4.37e9
"""4.37 billion multiplications and additions a picture for the image tower of ViT-B/32 at 224 pixels."""


TINY = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
RESULTS = Path(__file__).parents[1] / "results"


def unable(*, rehearse: bool) -> str | None:
    """Return why nothing can be measured here, None if it can."""
    if lacking := [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]:
        return f"{' and '.join(lacking)} not installed here (extra vision)"
    import torch

    return None if rehearse or torch.cuda.is_available() else "no NVIDIA GPU that torch can use is here"


def model(dtype: Any, device: str, *, tiny: bool = False) -> Any:
    """Return CLIP's two towers at their real size, with the same random weights every time."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(SEED)
    config = CLIPConfig(vision_config=TINY, text_config=TINY) if tiny else CLIPConfig()
    return CLIPModel(config).eval().to(device=device, dtype=dtype)


def vectors(clip: Any, pixels: Any) -> Any:
    """Return the pictures' vectors at length 1."""
    features = clip.get_image_features(pixel_values=pixels)
    made = getattr(features, "pooler_output", features).float()
    return made / made.norm(dim=-1, keepdim=True)


def pictures(count: int, dtype: Any, device: str) -> Any:
    """Return random pictures as the model is given them."""
    import torch

    dice = torch.Generator().manual_seed(SEED)
    return torch.randn(count, 3, SIDE, SIDE, generator=dice).to(device=device, dtype=dtype)


def rate(clip: Any, batch: int, dtype: Any, device: str, runs: int = RUNS) -> float:
    """Return the median of pictures a second."""
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
    """Return how far vectors of half precision are from those of full precision, of the same pictures."""
    import torch

    with torch.inference_mode():
        ours = vectors(half, pictures(count, torch.float16, device))
        exact = vectors(full, pictures(count, torch.float32, device))
    return {
        "least_cosine": round(float((ours * exact).sum(dim=-1).min()), 6),
        "largest_difference": round(float((ours - exact).abs().max()), 6),
    }


def sweep(device: str, batches: Sequence[int], *, rehearse: bool = False) -> dict[str, Any]:
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
            _print(rows[-1])
    return {"rows": rows, "fp16_against_fp32": error(models["fp16"], models["fp32"], device)}


def _settled(device: str) -> None:
    """Wait until the device has done what it was told."""
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def _print(row: dict[str, Any]) -> None:
    print(
        f"{row['precision']}  batch {row['batch']:>4}  {row['pictures_a_second']:>10.1f} pictures a second  "
        f"{row['tflops']:>7.2f} Tflop/s",
        flush=True,
    )


def main() -> int:
    """Measure and print; with nothing to measure on, say so in one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--rehearse", action="store_true", help="a tiny model on the CPU")
    asked = parser.parse_args()
    if why := unable(rehearse=asked.rehearse):
        print(f"CLIP is not measured: {why}")
        return 0
    import torch

    device = "CPU (rehearsal)" if asked.rehearse else torch.cuda.get_device_name()
    print(f"CLIP ViT-B/32, random weights, image tower, on {device}, torch {torch.__version__}")
    batches = (1, 2) if asked.rehearse else asked.batches
    told = sweep("cpu" if asked.rehearse else "cuda", batches, rehearse=asked.rehearse)
    print(f"half against full precision: {told['fp16_against_fp32']}")
    if not asked.rehearse:
        about = {"device": device, "torch": torch.__version__, "cuda": torch.version.cuda, "weights": "random"}
        (RESULTS / "gpu_clip.json").write_text(json.dumps(about | told, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
