"""A film put together: a picture that is encoded already, and everything else that its source has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from media import carried, encoding, finished
from media.examine import Media
from media.ffmpeg import LONGEST_S, Ffmpeg, local, source


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A picture that is encoded, in an MP4 without sound that begins at 0, and how it is to be shown."""

    path: Path
    encoder: str  # ffmpeg's name of what wrote it
    frames: int
    seconds: float
    starts_s: float = 0.0  # when it is first shown, by the source's clock
    rotation: int = 0  # degrees against the clock, a multiple of 90
    ratio: str | None = None  # the shape of the picture, which not every codec tells


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A film that was looked at, and what of its source is not as it was."""

    media: Media
    changed: tuple[str, ...]


def write(
    ffmpeg: Ffmpeg,
    picture: Encoded,
    rest: Media,
    container: str,
    out: Path,
    *,
    on_progress: Callable[[float], None],
    decode: bool = True,
) -> Whole:
    """Write a picture with the sounds, subtitles, chapters and title of `rest`; nothing is encoded but what must be.

    Raises MediaError where the result is not what it should be, StorageFull when the disk is full. Without `decode`
    its pictures are counted and not decoded once more.
    """
    sounds = carried.sounds(rest, container)
    texts = carried.subtitles(ffmpeg, rest, container)
    command = [
        *source(rest.path, rest.container),
        *_picture(ffmpeg, picture),
        *("-map", "1:v:0", "-c:v", "copy", *_shape(ffmpeg, picture)),
        *sounds.arguments,
        *texts.arguments,
        *("-map_metadata", "0", "-map_chapters", "0", *carried.EXACT, "-max_muxing_queue_size", "9999"),
        *encoding.container_arguments(container, picture.encoder),
        local(out),
    ]
    ffmpeg.run(command, duration_s=picture.seconds, on_progress=on_progress, timeout_s=LONGEST_S)
    made = finished.check(
        ffmpeg,
        out,
        seconds=picture.seconds,
        frames=picture.frames,
        sounds=len(rest.sounds),
        subtitles=texts.arguments.count("-map"),
        decode=decode,
        on_progress=lambda _: on_progress(1.0),
    )
    return Whole(media=made, changed=(*sounds.changed, *texts.changed))


def _picture(ffmpeg: Ffmpeg, picture: Encoded) -> list[str]:
    turned = picture.rotation if ffmpeg.release >= (6, 0) else 0
    return [
        *(["-display_rotation", str(turned)] if turned else []),
        *(["-itsoffset", f"{picture.starts_s:.6f}"] if picture.starts_s > 0 else []),
        *source(picture.path, "mov"),
    ]


def _shape(ffmpeg: Ffmpeg, picture: Encoded) -> list[str]:
    """Return the arguments for its shape, and for how it is turned where that is said by a tag: before ffmpeg 6."""
    tag = f"rotate={360 - picture.rotation}" if picture.rotation and ffmpeg.release < (6, 0) else None
    return [
        *(["-aspect", picture.ratio] if picture.ratio else []),
        *(["-metadata:s:v:0", tag] if tag else []),
    ]
