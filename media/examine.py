"""What a media file from elsewhere is, by its content and never by its name: a picture, a film or a sound.

The file is untrusted: it is read as one of the formats below, never as a playlist that leads to other files, and never
through a network. Call `media.confined.examine`, which does this in a process that such a file may break.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from media import exif, unreadable
from protocol.errors import MediaError

FILMS = "mov,matroska,webm,avi,mpegts,mpeg,ogg,flv,asf"
SOUNDS = "wav,flac,mp3,aac,aiff,w64"
"""The formats of films and sounds, by the names of their demuxers. None of them names other files."""

PICTURES = {
    b"\x89PNG\r\n\x1a\n": "png_pipe",
    b"\xff\xd8\xff": "jpeg_pipe",
    b"II*\0": "tiff_pipe",
    b"MM\0*": "tiff_pipe",
    b"BM": "bmp_pipe",
}
"""Still pictures: how each begins, and its demuxer, which is named outright: left to itself ffmpeg goes by the file's
name and may take numbered files beside it for a series."""

MAX_SIDE = 16_384
MAX_PIXELS = 100_000_000
MAX_SECONDS = 24 * 3600
MISSING_S = 0.5
"""A film whose pictures end this much before its header says is cut."""

STEADY = 0.02
"""How far the time from one picture to the next may be from the usual, as a part of it, in a film of constant rate."""

_UNSAID = 2
_STILLS = frozenset({"avif", "avis", "heic", "heix", "mif1", "msf1"})
_BETTER = (
    "Give an mp4, mov, mkv, webm or avi video, a wav, flac, mp3, m4a or ogg audio file, "
    "or a png, jpg, webp or tiff image"
)


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """How the pixels of a picture or a film are stored, by ffmpeg's names; None where the file does not say."""

    format: str  # pix_fmt
    bits: int
    alpha: bool
    grey: bool
    space: str | None = None
    range: str | None = None  # "tv" or "pc"
    primaries: str | None = None
    transfer: str | None = None

    @property
    def is_hdr(self) -> bool:
        """Say whether it is of high dynamic range."""
        return self.transfer in ("smpte2084", "arib-std-b67")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The picture of a film, or a still one. Sizes are (width, height)."""

    stream: int
    codec: str
    size: tuple[int, int]  # as stored
    shown: tuple[int, int]  # as a viewer shows it: turned, and with square pixels
    aspect: tuple[int, int]  # of one pixel
    rotation: int  # degrees that a viewer turns it by, against the clock, a multiple of 90
    pixels: Pixels
    rate: str | None = None  # pictures a second as a fraction, "30000/1001"; None for a still picture
    steady: bool = True  # whether that rate is constant
    frames: int = 1
    seconds: float = 0.0
    starts_s: float = 0.0  # when the first one is shown, by the file's own clock
    mirrored: bool = False  # whether a viewer mirrors it too, as ffmpeg does for this rotation

    @property
    def fps(self) -> Fraction:
        """Return the pictures a second; 25 where the film does not say."""
        return Fraction(self.rate) if self.rate else Fraction(25)


@dataclass(frozen=True, kw_only=True)
class Track:
    """One sound of a file."""

    stream: int
    codec: str
    channels: int
    rate: int
    seconds: float | None
    language: str | None = None
    starts_s: float = 0.0  # when its first sample is heard, by the file's own clock


@dataclass(frozen=True, kw_only=True)
class Media:
    """A media file that was found to be readable."""

    path: Path
    what: Literal["picture", "film", "sound"]
    container: str  # the demuxer's name, which `media.ffmpeg.source` takes
    seconds: float | None  # None for a picture
    picture: Picture | None  # of a film the first that moves; None for a sound
    sounds: tuple[Track, ...] = ()
    subtitles: int = 0


def examine(path: Path) -> Media:
    """Return the facts of a media file. What is none, is cut or is too large raises MediaError with the hint."""
    try:
        if not path.stat().st_size:
            raise MediaError(f"{path} is empty; copy it again")
        with opened(path) as container:
            return _facts(path, container)
    except FileNotFoundError as error:
        raise MediaError(f"{path} does not exist") from error
    except IsADirectoryError as error:
        raise MediaError(f"{path} is a folder; name a file in it") from error
    except PermissionError as error:
        raise MediaError(f"{path} may not be read; give yourself the right to") from error
    except (av.error.FFmpegError, OSError, StopIteration, ValueError) as error:
        reason = unreadable.why(path) or f"it is damaged, encrypted, or in a format that is not supported. {_BETTER}"
        raise MediaError(f"{path} cannot be read as a media file: {reason}") from error


def opened(path: Path) -> InputContainer:
    """Open a media file for reading: as one of these formats, from this disk only."""
    still = _still_format(path)
    formats = still or f"{FILMS},{SOUNDS}"
    options = {"protocol_whitelist": "file", "format_whitelist": formats}
    return av.open(f"file:{path.absolute()}", format=still, options=options)


def _still_format(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(16)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp_pipe"
    return next((name for start, name in PICTURES.items() if head.startswith(start)), None)


def _facts(path: Path, container: InputContainer) -> Media:
    name = container.format.name.split(",")[0]
    if container.metadata.get("major_brand", "").strip() in _STILLS:
        raise MediaError(f"{path} is a HEIF or AVIF picture, which is not read; make a png or jpg of it first")
    if name == "mov" and unreadable.is_encrypted(path):
        raise MediaError(f"{path} cannot be read as a media file: {unreadable.ENCRYPTED}")
    if name.endswith("_pipe"):
        picture = _still(path, container)
        return Media(path=path, what="picture", container=name, seconds=None, picture=picture)
    moving = [video for video in container.streams.video if not video.disposition & video.disposition.attached_pic]
    sounds = tuple(track for track in (_track(path, stream) for stream in container.streams.audio) if track)
    if moving and name not in SOUNDS.split(","):
        film = _film(path, container, moving[0])
        subtitles = len(container.streams.subtitles)
        return Media(
            path=path,
            what="film",
            container=name,
            seconds=film.seconds,
            picture=film,
            sounds=sounds,
            subtitles=subtitles,
        )
    if not sounds:
        raise MediaError(f"{path} holds neither a moving picture nor a sound. {_BETTER}")
    seconds = _length(path, container, sounds[0].stream)
    return Media(path=path, what="sound", container=name, seconds=seconds, picture=None, sounds=sounds)


def _still(path: Path, container: InputContainer) -> Picture:
    video = container.streams.video[0]
    _check_size(path, video)
    return replace(_picture(video, _next_frame(container, video)), mirrored=exif.is_mirrored(path))


def _film(path: Path, container: InputContainer, video: VideoStream) -> Picture:
    _check_size(path, video)
    frame = _first(path, video.index)
    times = _times(path, container, video)
    said = float(video.duration * video.time_base) if video.duration and video.time_base else None
    if said is not None and times.seconds < said - MISSING_S:
        raise MediaError(f"{path} is cut: {times.seconds:.2f} of {said:.2f} s are there; copy it again")
    if said is None and container.duration and _tells_length(container):
        whole, there = container.duration / av.time_base, times.end - (container.start_time or 0) / av.time_base
        if there < whole - MISSING_S:
            raise MediaError(f"{path} is cut: {there:.2f} of {whole:.2f} s are there; copy it again")
    return _picture(video, frame, times)


@dataclass(frozen=True, kw_only=True)
class _Times:
    seconds: float
    frames: int
    steady: bool
    end: float  # of the last picture, sound or subtitle, by the file's own clock


def _times(path: Path, container: InputContainer, video: VideoStream) -> _Times:
    """Return when pictures are shown, by what is really in the file."""
    usual_s = 1 / float(video.average_rate) if video.average_rate else 0.0
    shown, end_s = [], 0.0
    for packet in container.demux():
        if packet.pts is None or packet.time_base is None or packet.is_discard:
            continue
        at_s, long_s = float(packet.pts * packet.time_base), float((packet.duration or 0) * packet.time_base)
        end_s = max(end_s, at_s + long_s)
        if packet.stream.index == video.index:
            shown.append((at_s, long_s or usual_s))
    shown.sort()
    if not shown or not (seconds := shown[-1][0] + shown[-1][1] - shown[0][0]) > 0:
        raise MediaError(f"{path} lasts no time at all; give a film that does")
    if seconds > MAX_SECONDS:
        raise MediaError(f"{path} lasts {seconds:.0f} s; give a film of at most {MAX_SECONDS} s")
    gaps = sorted(after[0] - before[0] for before, after in itertools.pairwise(shown))
    tick_s = float(video.time_base or 0)
    off = max(gaps[-1] - gaps[0], 0.0) if gaps else 0.0
    return _Times(seconds=seconds, frames=len(shown), steady=off <= STEADY * usual_s + 2 * tick_s, end=end_s)


def _check_size(path: Path, video: VideoStream) -> None:
    width, height = video.width, video.height
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        size = f"is {width}x{height} pixels" if width else "has no size that can be read, or far too large a one"
        raise MediaError(
            f"{path} {size}; at most {MAX_SIDE} pixels a side and {MAX_PIXELS // 1_000_000} million in all are read. "
            "Make it smaller, or cut it into parts, first"
        )


def _tells_length(container: InputContainer) -> bool:
    """Say whether the length is written in the file's head; elsewhere it is guessed from what is there."""
    return "matroska" in container.format.name


def _first(path: Path, stream: int) -> Any:
    """Return the first frame of a stream. Opened anew: seeking to the start may lead past it."""
    with opened(path) as container:
        return _next_frame(container, container.streams[stream])


def _next_frame(container: InputContainer, stream: Any) -> Any:
    """Return the next frame, and end the decoding before the container is closed: left half-way, it crashes later."""
    frames: Any = container.decode(stream)  # a generator, whatever PyAV's types say
    try:
        return next(frames)
    finally:
        frames.close()


def _picture(video: VideoStream, frame: VideoFrame, times: _Times | None = None) -> Picture:
    turned = round(frame.rotation / 90) % 4 * 90
    aspect = video.sample_aspect_ratio or Fraction(1)
    width, height = round(frame.width * float(aspect)), frame.height
    return Picture(
        stream=video.index,
        codec=video.codec_context.name,
        size=(frame.width, frame.height),
        shown=(height, width) if turned in (90, 270) else (width, height),
        aspect=(aspect.numerator, aspect.denominator),
        rotation=turned,
        pixels=_pixels(frame),
        rate=str(video.average_rate) if times and video.average_rate else None,
        steady=times.steady if times else True,
        frames=times.frames if times else 1,
        seconds=times.seconds if times else 0.0,
        starts_s=(frame.time or 0.0) if times else 0.0,
        mirrored=bool(turned and times) and _mirrored(frame),
    )


def _mirrored(frame: VideoFrame) -> bool:
    """Say whether the matrix that a film is shown by turns it over: its determinant is negative.

    Asked only of films that are turned: of a frame that carries a colour profile, PyAV 18.1 crashes for having looked.
    """
    try:
        found = next((each for each in _side_data(frame) if each.type.name == "DISPLAYMATRIX"), None)
    except ValueError:  # data of a sort that PyAV does not know stands beside it
        return False
    if found is None:
        return False
    across, down, _, back, up = struct.unpack_from("=5i", bytes(found))
    return bool(across * up - down * back < 0)


def _side_data(frame: VideoFrame) -> list[Any]:
    found: Any = frame.side_data  # PyAV's types take it for a mapping of names
    return [found[place] for place in range(len(found))]


def _pixels(frame: VideoFrame) -> Pixels:
    components = frame.format.components
    return Pixels(
        format=frame.format.name,
        bits=max(component.bits for component in components),
        alpha=any(component.is_alpha for component in components) or frame.format.has_palette,
        grey=_is_grey(frame),
        space=_SPACES.get(int(frame.colorspace)),
        range=_RANGES.get(int(frame.color_range)),
        primaries=_PRIMARIES.get(int(frame.color_primaries)),
        transfer=_TRANSFERS.get(int(frame.color_trc)),
    )


def _is_grey(frame: VideoFrame) -> bool:
    colours = [component for component in frame.format.components if not component.is_alpha]
    return len(colours) == 1 and not frame.format.has_palette


# ISO/IEC 23091-2's code points, by ffmpeg's names.
_SPACES = {
    0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc", 10: "bt2020c",
}  # fmt: skip
_RANGES = {1: "tv", 2: "pc"}
_PRIMARIES = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020", 12: "smpte432",
}  # fmt: skip
_TRANSFERS = {
    1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 11: "iec61966-2-4",
    13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084", 18: "arib-std-b67",
}  # fmt: skip


def _track(path: Path, stream: Any) -> Track | None:
    try:
        first = _first(path, stream.index)
    except (av.error.FFmpegError, StopIteration):
        return None  # a track without a sample is no sound
    return Track(
        stream=stream.index,
        codec=stream.codec_context.name,
        channels=first.layout.nb_channels,
        rate=first.sample_rate,
        seconds=float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None,
        language=stream.language,
        starts_s=first.time or 0.0,
    )


def _length(path: Path, container: InputContainer, stream: int) -> float:
    """Return how long a sound lasts, by its packets."""
    end = 0.0
    for packet in container.demux(container.streams[stream]):
        if packet.pts is not None and packet.time_base is not None:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    if not 0 < end <= MAX_SECONDS:
        raise MediaError(f"{path} lasts {end:.0f} s; give a sound of up to {MAX_SECONDS} s")
    return end
