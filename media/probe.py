"""What is needed to insert a video into another one: its size, rate, length, audio and colours.

All of it follows from what `media.examine` finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from media.carry_over import is_rgb
from media.examine import examine
from media.info import MediaFile, VideoTrack
from protocol.errors import MediaError

MAX_SECONDS = 3600

_MATRICES = {"bt470bg": "bt601", "bt2020nc": "bt2020", "bt2020c": "bt2020"}
"""The names of the scale filter, where they differ from ffmpeg's usual ones."""


@dataclass(frozen=True, kw_only=True)
class FootageAudio:
    """The audio track of a video."""

    stream: int
    channels: int
    rate: int
    delay_s: float  # how long after the first frame it starts; negative if it starts earlier


@dataclass(frozen=True, kw_only=True)
class Footage:
    """A video that was found to be readable."""

    path: Path
    container: str
    stream: int
    size: tuple[int, int]  # as displayed: rotated, with square pixels
    seconds: float  # of the frames
    rate: float | None  # frames per second on average
    rotation: int  # in degrees
    bits: int
    matrix: str | None  # the colour matrix, in the scale filter's names; None for RGB
    transfer: str | None  # the transfer curve of HDR, in ffmpeg's names; None for SDR
    sound: FootageAudio | None


def probe(path: Path) -> Footage:
    """Return what is needed to insert a video. MediaError if it is not a video or is truncated.

    For an untrusted file call `media.confined.probe`.
    """
    return footage(examine(path))


def footage(media: MediaFile, *, max_seconds: float = MAX_SECONDS) -> Footage:
    """Return what is needed to insert an examined video. MediaError if it is not a video, or too long."""
    picture = media.picture
    if media.what == "picture":
        raise MediaError(f"{media.path} is an image, not a video; make a video of it first")
    if picture is None:
        raise MediaError(f"{media.path} has no video track; give a video")
    if picture.seconds > max_seconds:
        raise MediaError(f"{media.path} lasts {picture.seconds:.0f} s; give a video of at most {max_seconds} s")
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


def _matrix(picture: VideoTrack) -> str | None:
    """Return the colour matrix; if the video does not declare one, the one that players assume for its height."""
    space = picture.pixels.space
    if is_rgb(picture.pixels):
        return None
    if space is None:
        return "bt709" if picture.size[1] >= 720 else "bt601"
    return _MATRICES.get(space, space)


def _sound(media: MediaFile, picture: VideoTrack) -> FootageAudio | None:
    if not media.sounds:
        return None
    track = media.sounds[0]
    delay_s = track.starts_s - picture.starts_s
    return FootageAudio(stream=track.stream, channels=track.channels, rate=track.rate, delay_s=delay_s)
