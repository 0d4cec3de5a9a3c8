"""Upscaling at the contract suite: a second of film, and a film in three pieces."""

from __future__ import annotations

from pathlib import Path

from colab.handlers.upscale import UpscaleHandler
from colab.video.segments import SegmentLength
from tests.contract.handlers.case import HandlerCase
from tests.support import odd_media


def _source(folder: Path) -> Path:
    return odd_media.film(folder / "film.mkv")


def _long(folder: Path) -> Path:
    return odd_media.film(folder / "long.mkv", rate="20", seconds=2)


CASE = HandlerCase(
    kind="upscale",
    params={"format": "mkv", "preset": "ultrafast"},
    source=_source,
    long_source=_long,
    long_handler=UpscaleHandler(segments=SegmentLength(fewest=16, most=16)),
    for_other={"picture": {"format": "png"}},
)
