"""Examining an untrusted media file: what it is, by its content and never by its name.

It is opened as one of the formats below, never as a playlist that leads to other files, and never through a network.
Call `media.confined.examine`, which does this in a process that a malicious file may crash.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from media import headers
from media.info import AudioTrack, MediaFile, PixelFormat, VideoTrack
from protocol.errors import MediaError

VIDEO_FORMATS = "mov,matroska,webm,avi,mpegts,mpeg,ogg,flv,asf"
AUDIO_FORMATS = "wav,flac,mp3,aac,aiff,w64"
"""The accepted formats, by the names of their demuxers. None of them refers to other files."""

IMAGE_FORMATS = {
    b"\x89PNG\r\n\x1a\n": "png_pipe",
    b"\xff\xd8\xff": "jpeg_pipe",
    b"II*\0": "tiff_pipe",
    b"MM\0*": "tiff_pipe",
    b"BM": "bmp_pipe",
}
"""How each image format begins, and its demuxer. It is named explicitly, because ffmpeg would otherwise go by the
file's name, and might treat numbered files beside it as a sequence."""

MAX_SIDE = 16_384
MAX_PIXELS = 100_000_000
MAX_SECONDS = 24 * 3600
MISSING_S = 0.5
"""A video whose frames end this much earlier than its header says is truncated."""

STEADY = 0.02
"""How far the interval between two frames may deviate from the average, as a fraction of it, at a constant rate."""

_STILL_BRANDS = frozenset({"avif", "avis", "heic", "heix", "mif1", "msf1"})
_SUPPORTED = (
    "Give an mp4, mov, mkv, webm or avi video, a wav, flac, mp3, m4a or ogg audio file, "
    "or a png, jpg, webp or tiff image"
)


def examine(path: Path) -> MediaFile:
    """Return what a media file contains. MediaError says what is wrong with it, and what to do."""
    try:
        if not path.stat().st_size:
            raise MediaError(f"{path} is empty; copy it again")
        with open_media(path) as container:
            return _describe(path, container)
    except FileNotFoundError as error:
        raise MediaError(f"{path} does not exist") from error
    except IsADirectoryError as error:
        raise MediaError(f"{path} is a folder; name a file in it") from error
    except PermissionError as error:
        raise MediaError(f"{path} cannot be read: permission denied; make it readable for this user") from error
    except (av.error.FFmpegError, OSError, StopIteration, ValueError) as error:
        reason = headers.explain_unreadable(path)
        reason = reason or f"it is damaged, encrypted, or in a format that is not supported. {_SUPPORTED}"
        raise MediaError(f"{path} cannot be read as a media file: {reason}") from error


def open_media(path: Path) -> InputContainer:
    """Open a media file for reading, as one of the formats above and from the local disk only."""
    image_format = _image_format(path)
    options = {"protocol_whitelist": "file", "format_whitelist": image_format or f"{VIDEO_FORMATS},{AUDIO_FORMATS}"}
    return av.open(f"file:{path.absolute()}", format=image_format, options=options)


def _image_format(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(16)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp_pipe"
    return next((name for start, name in IMAGE_FORMATS.items() if head.startswith(start)), None)


def _describe(path: Path, container: InputContainer) -> MediaFile:
    name = container.format.name.split(",")[0]
    if container.metadata.get("major_brand", "").strip() in _STILL_BRANDS:
        raise MediaError(f"{path} is a HEIF or AVIF image, which is not supported; convert it to png or jpg first")
    if name == "mov" and headers.is_encrypted(path):
        raise MediaError(f"{path} cannot be read as a media file: {headers.ENCRYPTED}")
    if name.endswith("_pipe"):
        image = _image(path, container)
        return MediaFile(path=path, what="picture", container=name, seconds=None, picture=image)
    moving = [video for video in container.streams.video if not video.disposition & video.disposition.attached_pic]
    sounds = tuple(track for track in (_audio_track(path, stream) for stream in container.streams.audio) if track)
    if moving and name not in AUDIO_FORMATS.split(","):
        video = _video(path, container, moving[0])
        return MediaFile(
            path=path,
            what="film",
            container=name,
            seconds=video.seconds,
            picture=video,
            sounds=sounds,
            subtitles=len(container.streams.subtitles),
        )
    if not sounds:
        raise MediaError(f"{path} contains neither video nor audio. {_SUPPORTED}")
    seconds = _audio_seconds(path, container, sounds[0].stream)
    return MediaFile(path=path, what="sound", container=name, seconds=seconds, picture=None, sounds=sounds)


def _image(path: Path, container: InputContainer) -> VideoTrack:
    stream = container.streams.video[0]
    _check_size(path, stream)
    return replace(_video_track(stream, _next_frame(container, stream)), mirrored=headers.is_mirrored(path))


def _video(path: Path, container: InputContainer, stream: VideoStream) -> VideoTrack:
    _check_size(path, stream)
    frame = _first_frame(path, stream.index)
    timing = _measure_timing(path, container, stream)
    declared = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None
    if declared is not None:
        _check_complete(path, timing.seconds, declared)
    elif container.duration and _declares_length(container):
        present = timing.end - (container.start_time or 0) / av.time_base
        _check_complete(path, present, container.duration / av.time_base)
    return _video_track(stream, frame, timing)


def _check_complete(path: Path, present: float, declared: float) -> None:
    if present < declared - MISSING_S:
        raise MediaError(f"{path} is truncated: it has {present:.2f} of {declared:.2f} s; copy it again")


@dataclass(frozen=True, kw_only=True)
class _Timing:
    seconds: float
    frames: int
    steady: bool
    end: float  # of the last frame, sample or subtitle, by the file's own clock


def _measure_timing(path: Path, container: InputContainer, video: VideoStream) -> _Timing:
    """Return the times of the frames, from the packets that are really in the file."""
    average_s = 1 / float(video.average_rate) if video.average_rate else 0.0
    frames, end_s = [], 0.0
    for packet in container.demux():
        if packet.pts is None or packet.time_base is None or packet.is_discard:
            continue
        start_s, length_s = float(packet.pts * packet.time_base), float((packet.duration or 0) * packet.time_base)
        end_s = max(end_s, start_s + length_s)
        if packet.stream.index == video.index:
            frames.append((start_s, length_s or average_s))
    frames.sort()
    if not frames or not (seconds := frames[-1][0] + frames[-1][1] - frames[0][0]) > 0:
        raise MediaError(f"{path} has no duration; give a video that has one")
    if seconds > MAX_SECONDS:
        raise MediaError(f"{path} lasts {seconds:.0f} s; give a video of at most {MAX_SECONDS} s")
    gaps = sorted(after[0] - before[0] for before, after in itertools.pairwise(frames))
    tick_s = float(video.time_base or 0)
    deviation_s = max(gaps[-1] - gaps[0], 0.0) if gaps else 0.0
    steady = deviation_s <= STEADY * average_s + 2 * tick_s
    return _Timing(seconds=seconds, frames=len(frames), steady=steady, end=end_s)


def _check_size(path: Path, video: VideoStream) -> None:
    width, height = video.width, video.height
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        size = f"is {width}x{height} pixels" if width else "has an unreadable or far too large size"
        raise MediaError(
            f"{path} {size}; at most {MAX_SIDE} pixels a side and {MAX_PIXELS // 1_000_000} million in all are "
            "supported. Scale it down, or cut it into parts, first"
        )


def _declares_length(container: InputContainer) -> bool:
    """Say whether the length is written in the header; in other formats it is estimated from the content."""
    return "matroska" in container.format.name


def _first_frame(path: Path, stream: int) -> Any:
    """Return the first frame of a stream. The file is opened again: seeking to the start may skip that frame."""
    with open_media(path) as container:
        return _next_frame(container, container.streams[stream])


def _next_frame(container: InputContainer, stream: Any) -> Any:
    """Return the next frame, and stop decoding before the container is closed: otherwise PyAV crashes later."""
    frames: Any = container.decode(stream)  # a generator, whatever PyAV's types say
    try:
        return next(frames)
    finally:
        frames.close()


def _video_track(video: VideoStream, frame: VideoFrame, timing: _Timing | None = None) -> VideoTrack:
    rotation = round(frame.rotation / 90) % 4 * 90
    aspect = video.sample_aspect_ratio or Fraction(1)
    width, height = round(frame.width * float(aspect)), frame.height
    return VideoTrack(
        stream=video.index,
        codec=video.codec_context.name,
        size=(frame.width, frame.height),
        shown=(height, width) if rotation in (90, 270) else (width, height),
        aspect=(aspect.numerator, aspect.denominator),
        rotation=rotation,
        pixels=_pixel_format(frame),
        rate=str(video.average_rate) if timing and video.average_rate else None,
        steady=timing.steady if timing else True,
        frames=timing.frames if timing else 1,
        seconds=timing.seconds if timing else 0.0,
        starts_s=(frame.time or 0.0) if timing else 0.0,
        mirrored=bool(rotation and timing) and _is_mirrored(frame),
    )


def _is_mirrored(frame: VideoFrame) -> bool:
    """Say whether the display matrix of a video mirrors it: its determinant is negative.

    Called only for rotated videos: PyAV 18.1 crashes when it reads the side data of a frame with a colour profile.
    """
    try:
        found = next((each for each in _side_data(frame) if each.type.name == "DISPLAYMATRIX"), None)
    except ValueError:  # there is side data of a type that PyAV does not know
        return False
    if found is None:
        return False
    across, down, _, back, up = struct.unpack_from("=5i", bytes(found))
    return bool(across * up - down * back < 0)


def _side_data(frame: VideoFrame) -> list[Any]:
    found: Any = frame.side_data  # PyAV's types declare it as a mapping of names
    return [found[index] for index in range(len(found))]


def _pixel_format(frame: VideoFrame) -> PixelFormat:
    components = frame.format.components
    return PixelFormat(
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


# The code points of ISO/IEC 23091-2, in ffmpeg's names.
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


def _audio_track(path: Path, stream: Any) -> AudioTrack | None:
    try:
        first = _first_frame(path, stream.index)
    except (av.error.FFmpegError, StopIteration):
        return None  # a track without any sample
    return AudioTrack(
        stream=stream.index,
        codec=stream.codec_context.name,
        channels=first.layout.nb_channels,
        rate=first.sample_rate,
        seconds=float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None,
        language=stream.language,
        starts_s=first.time or 0.0,
    )


def _audio_seconds(path: Path, container: InputContainer, stream: int) -> float:
    """Return how long an audio file lasts, from its packets."""
    end = 0.0
    for packet in container.demux(container.streams[stream]):
        if packet.pts is not None and packet.time_base is not None:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    if not 0 < end <= MAX_SECONDS:
        raise MediaError(f"{path} lasts {end:.0f} s; give an audio file of up to {MAX_SECONDS} s")
    return end
