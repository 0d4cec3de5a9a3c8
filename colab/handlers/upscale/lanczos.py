"""The embedded engine: ffmpeg's Lanczos scaler, then contrast-adaptive sharpening. No network, no weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from colab.handlers.upscale.engine import Enlarger, Planes, Shape, Size, Tick
from media.ffmpeg import Ffmpeg
from media.pipes import FrameReader, RawFrame
from protocol.kinds.upscale import Params
from protocol.messages import EngineRecord

SHARPEN = 0.4
"""Of `cas`, where nothing is said: edges as sharp as Lanczos leaves them at the old size, without halos."""

FLAGS = "lanczos+accurate_rnd+full_chroma_int"


def scale_filter(target: Size) -> str:
    """Return ffmpeg's filter that brings frames to a size."""
    return f"scale={target[0]}:{target[1]}:flags={FLAGS}"


def sharpen_filter(strength: float) -> tuple[str, ...]:
    """Return ffmpeg's filter that sharpens the lightness by so much, 0 to 1."""
    return (f"cas=strength={strength:.3f}:planes=1",) if strength else ()


class Lanczos:
    """Scales by ffmpeg. Better than a player's own scaling, but it adds no detail, and says so by its tier."""

    name = "ffmpeg-lanczos"
    segment_pixels = 1_200_000_000

    def __init__(self, ffmpeg: Ffmpeg) -> None:
        self._ffmpeg = ffmpeg

    def files(self) -> tuple[str, ...]:
        """Return nothing: it has no model."""
        return ()

    def record(self) -> EngineRecord:
        """Say that ffmpeg does it, and which."""
        version = self._ffmpeg.version[:200]
        return EngineRecord(name=self.name, version=version, provider="ffmpeg", device="cpu", tier="embedded")

    def ready(self, shape: Shape, params: Params) -> Enlarger:
        """Return it for one shape: the frames of a film pass untouched, and the encoder's ffmpeg scales them."""
        return _Scaling(self._ffmpeg, shape, SHARPEN if params.sharpen is None else params.sharpen)


class _Scaling:
    batch = 1

    def __init__(self, ffmpeg: Ffmpeg, shape: Shape, sharpen: float) -> None:
        self._ffmpeg, self._shape = ffmpeg, shape
        self.written = shape.size
        self.filters = (scale_filter(shape.target), *sharpen_filter(sharpen))

    def frames(self, frames: Sequence[RawFrame], tick: Tick) -> Sequence[RawFrame]:
        """Return the frames as they are: they are scaled on their way into the encoder."""
        return frames

    def planes(self, planes: Planes, tick: Tick) -> Planes:
        """Scale every plane by itself, so that no matrix of colours is in between."""
        return cast(Planes, np.stack([self._plane(plane, tick) for plane in planes]))

    def _plane(self, plane: Planes, tick: Tick) -> Planes:
        tick()
        width, height = self._shape.target
        kind = "gray" if plane.dtype == np.uint8 else "gray16le"
        taking = [*_raw(self._shape.size, kind), "-i", "pipe:0", "-vf", ",".join(self.filters)]
        arguments = [*taking, "-f", "rawvideo", "-pix_fmt", kind, "pipe:1"]
        size = width * height * plane.dtype.itemsize
        with FrameReader(self._ffmpeg, arguments, size, fed=np.ascontiguousarray(plane)) as reader:
            scaled = reader.read()
        assert scaled is not None  # one frame in, one out
        shaped: Planes = scaled.view(plane.dtype).reshape(height, width)
        return shaped

    def notes(self) -> Mapping[str, Any]:
        """Say nothing: it always goes one way."""
        return {}


def _raw(size: Size, pixel_format: str) -> list[str]:
    return ["-f", "rawvideo", "-pix_fmt", pixel_format, "-video_size", f"{size[0]}x{size[1]}", "-framerate", "25"]
