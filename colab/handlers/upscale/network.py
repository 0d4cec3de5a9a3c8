"""A network in memory: read from a file that may hold numbers and nothing else, checked, and run. Imports stay inside.

Pickles are read with `weights_only`, so no code of a file is ever run; what the file holds decides how it is read, not
its name.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colab.engines import device_failures
from colab.engines.model_cache import cached
from protocol.errors import JobFailed

log = logging.getLogger(__name__)

MARGIN = 16
"""How far a network looks around a pixel, where its architecture does not tell; deep ones look further, but weakly."""

EXACT_MARGIN = 48
"""Up to here a margin is as wide as the network really looks."""

HINT = "end what else uses the GPU, or ask for the model lanczos"
"""What to do where there is not enough memory for it."""


class Overflow(Exception):
    """16-bit numbers were too small for what the network calculated."""


@dataclass(kw_only=True)
class Network:
    """A super-resolution network on its device."""

    descriptor: Any
    device: str
    half: bool
    finite: bool = True  # whether the last output was made of numbers

    @property
    def scale(self) -> int:
        """Return how many times as wide its output is."""
        return int(self.descriptor.scale)

    @property
    def channels(self) -> int:
        """Return 3 for colour, 1 for grey."""
        return int(self.descriptor.input_channels)

    @property
    def margin(self) -> int:
        """Return by how many pixels of the source tiles have to overlap on each side."""
        depth = self._tag(r"(\d+)nc")
        if self.descriptor.architecture.id == "Compact" and depth is not None and depth + 2 <= EXACT_MARGIN:
            return depth + 2  # one pixel for each of its 3x3 convolutions
        return MARGIN

    @property
    def bytes_each(self) -> int:
        """Return about how much memory a pixel of the source takes while it runs."""
        features, number = self._tag(r"(\d+)nf") or 64, 2 if self.half else 4
        late = self.descriptor.architecture.id == "Compact"  # it grows at its very end
        return features * number * (16 if late else 3 * self.scale**2)

    def _tag(self, pattern: str) -> int | None:
        found = [re.fullmatch(pattern, tag) for tag in self.descriptor.tags]
        return next((int(match[1]) for match in found if match), None)

    def run(self, pictures: Any) -> Any:
        """Return (n, channels, height·scale, width·scale) in 32 bits, 0 to 1, of (n, channels, height, width).

        Raises `Overflow` when 16 bits were too few, `JobFailed` ENGINE when it gives no numbers anyway.
        """
        import torch

        number = torch.float16 if self.half else torch.float32
        with torch.inference_mode():
            taken = pictures.to(self.device, number).contiguous(memory_format=torch.channels_last)
            large = self.descriptor(taken).float()
        if self.finite:
            return large
        if self.half:
            raise Overflow
        raise JobFailed("the network gives values that are no numbers; its file is damaged", code="ENGINE")

    def watch(self) -> Network:
        """Look at every output before it is clamped: what overflowed is seen only there."""
        import torch

        def look(_: Any, __: Any, output: Any) -> None:
            self.finite = bool(torch.isfinite(output).all())

        self.descriptor.model.register_forward_hook(look)
        return self


def load(path: Path, name: str, device: str, *, half: bool) -> Network:
    """Return the network of a file, which stays in memory for the next job.

    Raises `JobFailed`: UNSUPPORTED for a file of something else, ENGINE, OUT_OF_MEMORY.
    """
    return loaded_model(path, path.stat().st_mtime_ns, name, device, half)


@cached()
def loaded_model(path: Path, _: int, name: str, device: str, half: bool) -> Network:
    import torch

    with device_failures.told(f"the model {name}", device, hint=HINT):
        found = _described(path, name)
        may = half and device != "cpu" and found.supports_half
        found = found.to(device).eval()
        if may:
            found = found.half()
        found.model.to(memory_format=torch.channels_last)
        return Network(descriptor=found, device=device, half=may).watch()


def _described(path: Path, name: str) -> Any:
    """Return the network of a file in the machine's own memory, with what spandrel found out about it."""
    from spandrel import ImageModelDescriptor, ModelLoader, canonicalize_state_dict

    try:
        found = ModelLoader(device="cpu").load_from_state_dict(canonicalize_state_dict(_numbers(path)))
    except JobFailed:
        raise
    except Exception as problem:  # each architecture fails in its own way at what does not fit it
        if device_failures.out_of_memory(problem):
            raise
        raise JobFailed(
            f"the model {name} is of no architecture that spandrel knows: {problem}", code="UNSUPPORTED"
        ) from problem
    if not isinstance(found, ImageModelDescriptor) or found.purpose != "SR" or found.input_channels not in (1, 3):
        raise JobFailed(
            f"the model {name} ({found.architecture.name}) is for something else than upscaling", code="UNSUPPORTED"
        )
    return found


def _numbers(path: Path) -> Any:
    """Return what a file holds: safetensors, or a pickle of nothing but tensors."""
    import torch
    from safetensors.torch import load_file

    with path.open("rb") as file:
        head = file.read(9)
    try:
        if head[8:9] == b"{" and head[6:8] == b"\0\0":  # the length of a JSON header, which is short of 256 TiB
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # SafetensorError, pickle.UnpicklingError, and what a broken stream raises
        if device_failures.out_of_memory(problem):
            raise
        raise _unreadable(path, problem) from problem


def _unreadable(path: Path, problem: Exception) -> JobFailed:
    first = str(problem).partition("\n")[0][:300]
    return JobFailed(
        f"{path.name} is no file of weights that is read here (safetensors, or a pickle of tensors only, because "
        f"others can run code): {first}",
        code="UNSUPPORTED",
    )
