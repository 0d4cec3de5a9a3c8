"""Real-ESRGAN and every other super-resolution network that spandrel reads, by PyTorch. Imports stay inside."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np

from colab.engines import device_failures, devices
from colab.engines.device_failures import free_again
from colab.handlers.upscale import network, tiles, yuv
from colab.handlers.upscale.engine import Enlarger, Planes, Shape, Tick
from colab.handlers.upscale.lanczos import sharpen_filter
from colab.handlers.upscale.network import HINT, Network
from colab.models import Models
from media.pipes import RawFrame
from protocol.errors import JobFailed
from protocol.kinds.upscale import Params
from protocol.messages import EngineRecord

log = logging.getLogger(__name__)

MAX_NATIVE = 200_000_000
"""Pixels that a network may make of one picture on its way to the size asked for: several GB of memory."""


class RealEsrgan:
    """One network of the table of models. Making one is cheap: the file is opened by `ready`."""

    name = "realesrgan"
    segment_pixels = 240_000_000

    def __init__(self, models: Models, model: str) -> None:
        self._models, self.model = models, model
        self._digest = models.sha256(model)
        self._device = devices.on_torch(models.provider, "Real-ESRGAN")

    def files(self) -> tuple[str, ...]:
        """Return the network's file."""
        return (self.model,)

    def record(self) -> EngineRecord:
        """Say which network does it, and where."""
        return EngineRecord(
            name=self.name,
            version=f"{self.model} spandrel={version('spandrel')}"[:200],
            model_sha256=self._digest,
            provider=f"torch {version('torch')}",
            device=str(self._device),
            tier="neural",
        )

    def ready(self, shape: Shape, params: Params) -> Enlarger:
        """Load the network, from this machine's memory if it was used before."""
        path = self._models.path(self.model)
        where = self._device.name
        loaded = network.load(path, self.model, where, half=params.half)
        native = shape.size[0] * shape.size[1] * loaded.scale**2
        if native > MAX_NATIVE:
            raise JobFailed(
                f"{self.model} makes {native / 1e6:.0f} million pixels of {shape.size[0]}x{shape.size[1]}; at most "
                f"{MAX_NATIVE // 1_000_000} are made: cut the picture into parts, or ask for the model lanczos",
                code="BAD_REQUEST",
            )
        return Enlarging(loaded, shape, params, reload=lambda: network.load(path, self.model, where, half=False))


class Enlarging:
    """A loaded network at work on one shape."""

    def __init__(self, loaded: network.Network, shape: Shape, params: Params, reload: Any) -> None:
        self._network, self._shape, self._reload = loaded, shape, reload
        self._room = Room.for_(loaded, shape, params)
        self._notes: dict[str, Any] = {}
        self.written = shape.target
        self.filters = sharpen_filter(params.sharpen or 0.0)

    @property
    def batch(self) -> int:
        """Return how many frames fit at once."""
        return self._room.frames

    def notes(self) -> Mapping[str, Any]:
        """Return what had to be done otherwise: smaller tiles, 32-bit numbers."""
        return {**self._notes, **self._room.notes()}

    def frames(self, frames: Sequence[RawFrame], tick: Tick) -> Sequence[RawFrame]:
        """Return frames of a film, each through the network; fewer at once than were given where memory ends."""
        done: list[RawFrame] = []
        while len(done) < len(frames):
            rest = frames[len(done) :]
            done += self._within_memory(partial(self._next, rest, tick))
        return done

    def planes(self, planes: Planes, tick: Tick) -> Planes:
        """Return the planes of a picture; one plane alone goes through as grey."""
        whole: Planes = self._within_memory(lambda: self._picture(planes, tick))
        return whole

    def _next(self, rest: Sequence[RawFrame], tick: Tick) -> list[RawFrame]:
        """Return the next frames of a film, as many as there is room for now."""
        return self._film(rest[: self._room.frames], tick)

    def _film(self, frames: Sequence[RawFrame], tick: Tick) -> list[RawFrame]:
        import torch

        kind = np.dtype(np.uint8 if self._shape.bits == 8 else "<i2")
        samples = torch.from_numpy(np.stack([frame.view(kind) for frame in frames])).to(self._network.device)
        large = self._sized(self._large(yuv.to_rgb(samples, self._shape), tick))
        encoded = yuv.from_rgb(large, self._shape).cpu().numpy()
        return [np.ascontiguousarray(frame).view(np.uint8) for frame in encoded]

    def _picture(self, planes: Planes, tick: Tick) -> Planes:
        import torch

        most = float(np.iinfo(planes.dtype).max)
        taken = torch.from_numpy(planes.astype(np.float32) / most)[None]
        grey = taken.shape[1] == 1
        large = self._sized(self._large(taken.expand(1, 3, -1, -1) if grey else taken, tick))[0]
        large = large.mean(0, keepdim=True) if grey else large
        whole: Planes = np.rint(large.clamp(0, 1).cpu().numpy() * most).astype(planes.dtype)
        return whole

    def _sized(self, pictures: Any) -> Any:
        """Return pictures in exactly the size asked for: cubic, over as many pixels as become one."""
        import torch

        width, height = self._shape.target
        if pictures.shape[-2:] == (height, width):
            return pictures
        return torch.nn.functional.interpolate(
            pictures, size=(height, width), mode="bicubic", align_corners=False, antialias=True
        ).clamp_(0, 1)

    def _within_memory(self, act: Callable[[], Any]) -> Any:
        """Do it; when it was too much for the memory, do it again in smaller parts, with 16 bits too few in 32."""
        while True:
            try:
                return act()
            except network.Overflow:
                go_on = self._with_32_bits
            except (RuntimeError, MemoryError) as problem:
                if not device_failures.out_of_memory(problem):
                    where = self._network.device
                    raise device_failures.failed(problem, "the network", where, hint=network.HINT) from problem
                go_on = self._room.shrink
            go_on()  # here, where the failure no longer holds what is to be freed

    def _with_32_bits(self) -> None:
        log.warning("16-bit numbers are too small for this network: going on with 32 bits")
        del self._network  # there may be no room for both
        self._network = self._reload()
        self._notes["precision"] = "32 bits: 16 were too few for this network"

    def _large(self, pictures: Any, tick: Tick) -> Any:
        """Run the network over pictures of any size."""
        import torch

        with torch.inference_mode():
            if self._network.channels == 3:
                return self._tiled(pictures, tick)
            grey = pictures.flatten(0, 1)[:, None]
            return self._tiled(grey, tick).view(*pictures.shape[:2], *self._native(pictures))

    def _native(self, pictures: Any) -> tuple[int, int]:
        return pictures.shape[-2] * self._network.scale, pictures.shape[-1] * self._network.scale

    def _tiled(self, pictures: Any, tick: Tick) -> Any:
        """Return the pictures put together of their tiles, as many at once as there is room for."""
        import torch

        run, scale = self._network, self._network.scale
        rows, columns = (tiles.spans(side, self._room.tile, run.margin, scale) for side in pictures.shape[-2:])
        places = [(n, row, column) for n in range(len(pictures)) for row in rows for column in columns]
        if len(rows) == len(columns) == 1:
            return torch.cat([self._run(pictures[at : at + self._room.batch], tick) for at in self._steps(len(places))])
        sums = torch.zeros(len(pictures), run.channels, *self._native(pictures), device=run.device)
        weights = torch.zeros(1, *self._native(pictures), device=run.device)
        for at in self._steps(len(places)):
            group = places[at : at + self._room.batch]
            cut = [pictures[n, :, r.start : r.start + r.length, c.start : c.start + c.length] for n, r, c in group]
            for (n, row, column), made in zip(group, self._run(torch.stack(cut), tick), strict=True):
                weight = torch.from_numpy(np.outer(row.weights, column.weights)).to(run.device)
                where = (
                    slice(row.start * scale, (row.start + row.length) * scale),
                    slice(column.start * scale, (column.start + column.length) * scale),
                )
                sums[n, :, *where] += made * weight
                if n == 0:
                    weights[0, *where] += weight
        return sums.div_(weights)

    def _steps(self, count: int) -> range:
        return range(0, count, self._room.batch)

    def _run(self, pictures: Any, tick: Tick) -> Any:
        tick()
        return self._network.run(pictures)


log = logging.getLogger(__name__)

CPU_BYTES = 1_500_000_000
"""What a network may take of a machine's memory, of which nobody says how much is free."""

PART_OF_GPU = 0.6
LARGEST_TILE = 4096
LARGEST_BATCH = 8


@dataclass(kw_only=True)
class Room:
    """The largest parts that are tried now."""

    tile: int
    batch: int
    whole: int  # the longer side of a picture: a tile as large as that is no tile
    shrunk: int = 0

    @classmethod
    def for_(cls, network: Network, shape: Shape, params: Params) -> Room:
        """Return what should fit, or what was asked for."""
        pixels = _free(network.device) / network.bytes_each
        whole = max(shape.size)
        fits = shape.size[0] * shape.size[1] <= pixels
        tile = params.tile or (whole if fits else max(tiles.SMALLEST, min(LARGEST_TILE, math.isqrt(int(pixels)))))
        each = min(tile, shape.size[0]) * min(tile, shape.size[1])
        batch = params.batch or (1 if network.device == "cpu" else min(LARGEST_BATCH, max(1, int(pixels // each))))
        return cls(tile=max(tile, tiles.SMALLEST), batch=batch, whole=whole)

    @property
    def frames(self) -> int:
        """Return how many frames are wanted at once: more than one only where a whole one fits."""
        return self.batch if self.tile >= self.whole else 1

    def shrink(self) -> None:
        """Make the parts smaller: fewer at once first, then smaller tiles. Raises `JobFailed` OUT_OF_MEMORY."""
        if self.batch > 1:
            self.batch //= 2
        elif self.tile > tiles.SMALLEST:
            self.tile = max(tiles.SMALLEST, min(self.tile, self.whole) // 2)
        else:
            raise JobFailed(
                f"not even a tile of {self.tile}x{self.tile} pixels fits into the memory; {HINT}",
                code="OUT_OF_MEMORY",
            )
        self.shrunk += 1
        log.warning("out of memory: going on with tiles of %d and %d at once", self.tile, self.batch)
        free_again()

    def notes(self) -> Mapping[str, Any]:
        """Return what had to be smaller than it was to be."""
        return {"memory": f"too little: tiles of {self.tile}, {self.batch} at once"} if self.shrunk else {}


def _free(device: str) -> float:
    import torch

    return PART_OF_GPU * torch.cuda.mem_get_info()[0] if device == "cuda" else CPU_BYTES
