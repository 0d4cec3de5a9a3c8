"""What an upscaling engine is. Model libraries stay inside the engines' own files; `engines` is the table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from media.pipes import RawFrame
from protocol.kinds.upscale import Params
from protocol.messages import EngineRecord

Size = tuple[int, int]
"""Width and height in pixels."""

Planes = NDArray[np.uint8] | NDArray[np.uint16]
"""A picture as (planes, height, width): one plane of grey, or red, green and blue."""

Tick = Callable[[], None]
"""Called between two units of work; it may raise `StopWork`."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What goes in and what must come out. Films travel as yuv420p, with 10 bits as yuv420p10le."""

    size: Size
    target: Size
    bits: int = 8  # 8, or 10 for a film and 16 for a picture
    space: str = "bt709"  # the matrix of a film's colours, by ffmpeg's name
    full_range: bool = False

    @property
    def pixel_format(self) -> str:
        """Return ffmpeg's name for the frames of a film."""
        return "yuv420p" if self.bits == 8 else "yuv420p10le"


class Enlarger(Protocol):
    """An engine made ready for one shape."""

    written: Size  # of the frames that `frames` returns
    filters: tuple[str, ...]  # what is left to ffmpeg, on the way into the encoder

    @property
    def batch(self) -> int:
        """Return how many frames it wants at once."""
        ...

    def frames(self, frames: Sequence[RawFrame], tick: Tick) -> Sequence[RawFrame]:
        """Return as many frames as were given, each of size `written`."""
        ...

    def planes(self, planes: Planes, tick: Tick) -> Planes:
        """Return the planes of a picture in the target's size and with the same bits."""
        ...

    def notes(self) -> Mapping[str, Any]:
        """Return what the summary says of how it went: smaller tiles, another precision."""
        ...


class UpscaleEngine(Protocol):
    """One engine. Making one loads no model and fetches no file."""

    name: str
    segment_pixels: int  # of the result, in about half a minute

    def files(self) -> tuple[str, ...]:
        """Return the model files that it needs, by their names in the table of models."""
        ...

    def record(self) -> EngineRecord:
        """Say who works: engine, version, provider and device really in use, tier."""
        ...

    def ready(self, shape: Shape, params: Params) -> Enlarger:
        """Return it made ready, its model loaded. Raises `JobFailed` when it cannot be."""
        ...
