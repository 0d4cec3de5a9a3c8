"""How much goes into memory at once, and what is tried when it was too much."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from colab.engines.device_failures import free_again
from colab.handlers.upscale import tiles
from colab.handlers.upscale.engine import Shape
from colab.handlers.upscale.network import HINT, Network
from protocol.errors import JobFailed
from protocol.kinds.upscale import Params

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
