"""What a film from elsewhere is: its picture, its rate, its length, its sound and its colours.

The file is untrusted: it is read as one of the containers below, never as a playlist that leads to other files, and
never through a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from protocol.errors import MediaError

CONTAINERS = "mov,matroska,webm,avi,mpegts,mpeg,ogg,flv,asf"
"""The containers a film may come in. None of them names other files."""

MAX_SIDE = 16_384
MAX_SECONDS = 3600
MISSING_S = 0.5
"""A film whose pictures end this much before its header says is cut."""

_HDR = {16: "smpte2084", 18: "arib-std-b67"}
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "smpte170m", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
_UNSAID = 2
_STILLS = frozenset({"avif", "avis", "heic", "heix", "mif1", "msf1"})


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
    """Return the facts of a film. What is no film, holds no picture, or is cut raises MediaError naming the file."""
    try:
        with opened(path) as container:
            return _facts(path, container)
    except FileNotFoundError as error:
        raise MediaError(f"{path} does not exist") from error
    except IsADirectoryError as error:
        raise MediaError(f"{path} is a folder; name a film in it") from error
    except PermissionError as error:
        raise MediaError(f"{path} may not be read; give yourself the right to") from error
    except (av.error.FFmpegError, OSError, StopIteration, ValueError) as error:
        raise MediaError(f"{path} is no film that can be read; give an mp4, mov, mkv, webm or avi file") from error


def opened(path: Path) -> InputContainer:
    """Open a film for reading: as one of the containers above, from this disk only."""
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    return av.open(f"file:{path.absolute()}", options=options)


def _facts(path: Path, container: InputContainer) -> Footage:
    video = _picture(path, container)
    frame = _first(path, video.index)
    seconds = _seconds(path, container, video)
    turned = round(frame.rotation / 90) % 4 * 90
    return Footage(
        path=path,
        container=container.format.name.split(",")[0],
        stream=video.index,
        size=_shown(video, frame, turned),
        seconds=seconds,
        rate=float(video.average_rate) if video.average_rate else None,
        rotation=turned,
        bits=max(component.bits for component in frame.format.components),
        matrix=_matrix(frame),
        transfer=_HDR.get(video.codec_context.color_trc),
        sound=_sound(path, container, frame.time or 0.0),
    )


def _picture(path: Path, container: InputContainer) -> VideoStream:
    """Return the film's picture; a cover, or a file that is one still picture, is none."""
    if container.metadata.get("major_brand", "").strip() in _STILLS:
        raise MediaError(f"{path} is a picture, not a film; make a film of it first")
    moving = [video for video in container.streams.video if not video.disposition & video.disposition.attached_pic]
    if not moving:
        raise MediaError(f"{path} holds no moving picture; give a film")
    if not all(0 < side <= MAX_SIDE for side in (moving[0].width, moving[0].height)):
        raise MediaError(f"{path} is {moving[0].width}x{moving[0].height}, which is no size of a film")
    return moving[0]


def _first(path: Path, stream: int) -> Any:
    """Return the first frame of a stream. Opened anew: seeking to the start may lead past it."""
    with opened(path) as container:
        return next(iter(container.decode(container.streams[stream])))


def _seconds(path: Path, container: InputContainer, video: VideoStream) -> float:
    """Return how long the picture lasts, by what is really in the file."""
    said = float(video.duration * video.time_base) if video.duration and video.time_base else None
    usual_s = 1 / float(video.average_rate) if video.average_rate else 0.0
    start, end = float("inf"), float("-inf")
    for packet in container.demux(video):
        if packet.pts is not None and packet.time_base is not None and not packet.is_discard:
            at = float(packet.pts * packet.time_base)
            start, end = min(start, at), max(end, at + (float((packet.duration or 0) * packet.time_base) or usual_s))
    seconds = end - start
    if not seconds > 0:
        raise MediaError(f"{path} lasts no time at all; give a film that does")
    if seconds > MAX_SECONDS:
        raise MediaError(f"{path} lasts {seconds:.0f} s; give a film of at most {MAX_SECONDS} s")
    if said is not None and seconds < said - MISSING_S:
        raise MediaError(f"{path} is cut: {seconds:.2f} of {said:.2f} s are there; copy it again")
    return seconds


def _shown(video: VideoStream, frame: VideoFrame, turned: int) -> tuple[int, int]:
    """Return width and height as a player shows them."""
    aspect = video.sample_aspect_ratio
    width, height = round(frame.width * float(aspect or 1)), frame.height
    return (height, width) if turned in (90, 270) else (width, height)


def _matrix(frame: VideoFrame) -> str | None:
    """Return how colours are coded; a film that does not say is taken as players take it, by its height."""
    if frame.format.is_rgb:
        return None
    if frame.colorspace == _UNSAID:
        return "bt709" if frame.height >= 720 else "bt601"
    return _MATRICES.get(frame.colorspace, "bt709")


def _sound(path: Path, container: InputContainer, picture_s: float) -> Sound | None:
    if not container.streams.audio:
        return None
    stream = container.streams.audio[0]
    try:
        first = _first(path, stream.index)
    except (av.error.FFmpegError, StopIteration):
        return None  # a track without a sample is no sound
    return Sound(
        stream=stream.index,
        channels=first.layout.nb_channels,
        rate=first.sample_rate,
        delay_s=(first.time or 0.0) - picture_s,
    )
