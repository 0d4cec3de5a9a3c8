"""What a film is that is shown within another: its picture, its rate, its length, its sound and its colours.

All of it follows from what `media.examine` finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from media.carried import is_rgb
from media.examine import Media, Picture, examine
from protocol.errors import MediaError

MAX_SECONDS = 3600

_MATRICES = {"bt470bg": "bt601", "bt2020nc": "bt2020", "bt2020c": "bt2020"}
"""The names of the scale filter, where they are others than ffmpeg's usual ones."""


@dataclass(frozen=True, kw_only=True)
class Sound:
    """The sound of a film."""

    stream: int
    channels: int
    rate: int
    delay_s: float  # how long after the first picture it starts; negative where it starts before


@dataclass(frozen=True, kw_only=True)
class Footage:
    """A film that was found to be readable."""

    path: Path
    container: str
    stream: int
    size: tuple[int, int]  # as it is to be shown: turned, and with square pixels
    seconds: float  # of the picture
    rate: float | None  # pictures a second on average
    rotation: int  # in degrees
    bits: int
    matrix: str | None  # how colours are coded, by the scale filter's names; None for RGB
    transfer: str | None  # the curve of high dynamic range, by ffmpeg's names; None for the usual one
    sound: Sound | None


def probe(path: Path) -> Footage:
    """Return the facts of a film. What is no film, holds no picture, or is cut raises MediaError naming the file.

    For a file from elsewhere call `media.confined.probe`.
    """
    return footage(examine(path))


def footage(media: Media) -> Footage:
    """Return what of a medium matters for showing it. One that is no film, or a long one, raises MediaError."""
    picture = media.picture
    if media.what == "picture":
        raise MediaError(f"{media.path} is a picture and no film; make a film of it first")
    if picture is None:
        raise MediaError(f"{media.path} holds no moving picture; give a film")
    if picture.seconds > MAX_SECONDS:
        raise MediaError(f"{media.path} lasts {picture.seconds:.0f} s; give a film of at most {MAX_SECONDS} s")
    return Footage(
        path=media.path,
        container=media.container,
        stream=picture.stream,
        size=picture.shown,
        seconds=picture.seconds,
        rate=float(picture.fps) if picture.rate else None,
        rotation=picture.rotation,
        bits=picture.pixels.bits,
        matrix=_matrix(picture),
        transfer=picture.pixels.transfer if picture.pixels.is_hdr else None,
        sound=_sound(media, picture),
    )


def _matrix(picture: Picture) -> str | None:
    """Return how colours are coded; a film that does not say is taken as players take it, by its height."""
    space = picture.pixels.space
    if is_rgb(picture.pixels):
        return None
    if space is None:
        return "bt709" if picture.size[1] >= 720 else "bt601"
    return _MATRICES.get(space, space)


def _sound(media: Media, picture: Picture) -> Sound | None:
    if not media.sounds:
        return None
    track = media.sounds[0]
    delay_s = track.starts_s - picture.starts_s
    return Sound(stream=track.stream, channels=track.channels, rate=track.rate, delay_s=delay_s)
