"""Turning a picture as its viewers do, by ffmpeg's filters (its own rules: `configure_input_video_filter`)."""

from __future__ import annotations

from dataclasses import replace

from colab.handlers.upscale.engine import Size
from media.info import VideoTrack

_FILTERS = {
    (0, False): (),
    (90, False): ("transpose=cclock",),
    (180, False): ("hflip", "vflip"),
    (270, False): ("transpose=clock",),
    (0, True): ("vflip",),
    (90, True): ("transpose=clock_flip",),
    (180, True): ("hflip",),
    (270, True): ("transpose=cclock_flip",),
}
"""By (degrees against the clock, mirrored)."""


def filters(picture: VideoTrack) -> tuple[str, ...]:
    """Return what turns and mirrors the stored picture."""
    return _FILTERS[picture.rotation, picture.mirrored]


def upright(picture: VideoTrack) -> Size:
    """Return the stored size as it is after turning."""
    width, height = picture.size
    return (height, width) if picture.rotation in (90, 270) else (width, height)


def turned(picture: VideoTrack) -> VideoTrack:
    """Return what a picture is after these filters."""
    across = picture.rotation in (90, 270)
    aspect = (picture.aspect[1], picture.aspect[0]) if across else picture.aspect
    return replace(picture, size=upright(picture), aspect=aspect, rotation=0, mirrored=False)
