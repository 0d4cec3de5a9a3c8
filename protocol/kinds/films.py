"""What all kinds that write videos have in common: formats, codecs, quality, effort. Types of parameters, no rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

MEDIA_TYPES: Mapping[str, str] = {
    "mp4": "video/mp4",
    "mkv": "video/x-matroska",
    "mov": "video/quicktime",
    "webm": "video/webm",
}

FilmFormat = Annotated[
    Literal["mp4", "mkv", "mov", "webm"],
    Field(description="The format of the video; without it one that suits the source"),
]
Codec = Literal["auto", "h264", "hevc", "av1", "vp9"]
RateFactor = Annotated[int, Field(strict=True, ge=0, le=63)]
Preset = Annotated[
    Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"],
    Field(description="The encoder's effort: slower gives smaller files"),
]

LARGEST_FACTOR = 51
"""What H.264 and HEVC take at most; the others go on to 63."""


def factor_problem(quality: int | None, codec: str) -> str | None:
    """Return what is wrong with a quality for a codec."""
    if quality is None or quality <= LARGEST_FACTOR or codec not in ("h264", "hevc"):
        return None
    return f"quality {quality} is too much for {codec}: at most {LARGEST_FACTOR}"
