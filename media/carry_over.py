"""What a new video carries over from its source besides the frames: audio, subtitles, chapters, times and colours.

Everything here is an argument for ffmpeg, built from our own words: no text of a file gets into a command line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from media.encoding import CONTAINERS
from media.ffmpeg import Ffmpeg, input_arguments
from media.info import MediaFile, PixelFormat
from protocol.errors import MediaError

EXACT = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")
"""No program version or date is written into the file: equal work gives equal bytes."""

_AUDIO_CODECS: Mapping[str, frozenset[str]] = {
    "mp4": frozenset({"aac", "mp3", "mp3float", "ac3", "eac3", "opus", "libopus", "alac", "flac"}),
    "mov": frozenset({"aac", "mp3", "mp3float", "ac3", "alac", "pcm_s16le", "pcm_s24le"}),
    "webm": frozenset({"opus", "libopus", "vorbis", "libvorbis"}),
}
"""The audio codecs that a container can hold; Matroska holds any."""

_TEXTS = frozenset({"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"})
_SUBTITLES: Mapping[str, str] = {"mp4": "mov_text", "mov": "mov_text", "webm": "webvtt", "mkv": "copy"}
_STREAM = re.compile(r"^ *Stream #0:(\d+)[^ ]*: Subtitle: ([a-z0-9_]+)", re.MULTILINE)
_MOV_TEXT = "mov_text"


@dataclass(frozen=True, kw_only=True)
class CarriedOver:
    """The arguments that carry something over, and a list of what could not be kept unchanged."""

    arguments: tuple[str, ...]
    changed: tuple[str, ...] = ()


def frame_times(ffmpeg: Ffmpeg) -> list[str]:
    """Return the arguments with which every frame keeps its own time, even at a variable frame rate."""
    return [*passthrough(ffmpeg), "-enc_time_base", "-1" if ffmpeg.release < (6, 1) else "demux"]


def passthrough(ffmpeg: Ffmpeg) -> list[str]:
    """Return the arguments with which no frame is dropped or duplicated."""
    return ["-vsync" if ffmpeg.release < (5, 1) else "-fps_mode", "passthrough"]


def colour_tags(pixels: PixelFormat) -> list[str]:
    """Return the arguments that copy the source's colour tags; what it does not declare stays undeclared."""
    options = {"range": "-color_range", "colorspace": "-colorspace"}
    tags = _tags(pixels).items()
    return [word for name, value in tags for word in (options.get(name, f"-{name}"), value)]


def colour_filters(pixels: PixelFormat) -> list[str]:
    """Return the filter that sets these tags on frames that lost them in a pipe."""
    tags = [f"{name}={value}" for name, value in _tags(pixels).items()]
    return ["setparams=" + ":".join(tags)] if tags else []


def _tags(pixels: PixelFormat) -> dict[str, str]:
    """Return the known colour tags, in the names of ffmpeg's filter."""
    if is_rgb(pixels):
        return {"range": "tv", "colorspace": "bt709"}
    tags = {
        "range": pixels.range,
        "colorspace": pixels.space,
        "color_primaries": pixels.primaries,
        "color_trc": pixels.transfer,
    }
    return {name: value for name, value in tags.items() if value}


def yuv_filters(pixels: PixelFormat) -> list[str]:
    """Return the filters that convert RGB to YUV; none for pixels that are YUV already."""
    return ["scale=out_color_matrix=bt709:out_range=tv"] if is_rgb(pixels) else []


def is_rgb(pixels: PixelFormat) -> bool:
    """Say whether the pixels are stored as red, green and blue."""
    return pixels.space == "gbr" or pixels.format.startswith(
        ("gbr", "rgb", "bgr", "argb", "abgr", "pal8", "0rgb", "0bgr")
    )


def audio(media: MediaFile, container: str) -> CarriedOver:
    """Return the arguments that copy every audio track; any that the container cannot hold is re-encoded and listed."""
    arguments: list[str] = []
    changed: list[str] = []
    encoder = CONTAINERS[container].audio[0]
    for index, track in enumerate(media.sounds):
        arguments += ["-map", f"0:{track.stream}"]
        if track.codec in _AUDIO_CODECS.get(container, {track.codec}):
            arguments += [f"-c:a:{index}", "copy"]
        else:
            arguments += [f"-c:a:{index}", encoder, f"-b:a:{index}", "192k"]
            changed.append(f"audio track {index + 1}: {track.codec} to {encoder}, because {container} cannot hold it")
    return CarriedOver(arguments=tuple(arguments), changed=tuple(changed))


def subtitles(ffmpeg: Ffmpeg, media: MediaFile, container: str) -> CarriedOver:
    """Return the arguments that keep the subtitles in the container's format; it may not hold bitmap subtitles."""
    if not media.subtitles:
        return CarriedOver(arguments=())
    arguments: list[str] = []
    changed: list[str] = []
    for stream, codec in _subtitle_codecs(ffmpeg, media):
        if container != "mkv" and codec not in _TEXTS:
            changed.append(f"subtitle {stream}: left out, because {container} cannot hold {codec}")
            continue
        encoder = "srt" if container == "mkv" and codec == _MOV_TEXT else _SUBTITLES[container]
        index = arguments.count("-map")
        arguments += ["-map", f"0:{stream}", f"-c:s:{index}", encoder]
        if encoder not in ("copy", codec):
            changed.append(f"subtitle {stream}: {codec} to {encoder}, because {container} cannot hold it")
    return CarriedOver(arguments=tuple(arguments), changed=tuple(changed))


def _subtitle_codecs(ffmpeg: Ffmpeg, media: MediaFile) -> list[tuple[int, str]]:
    """Return the stream and codec of every subtitle track, from ffmpeg's description of the file."""
    nothing = ["-map", "0:s?", "-c", "copy", "-t", "0", "-f", "null", "-"]
    try:
        output = ffmpeg.run([*input_arguments(media.path, media.container), *nothing], timeout_s=60)
    except MediaError as error:
        output = str(error)
    return [(int(stream), codec) for stream, codec in _STREAM.findall(output.partition("\nOutput #")[0])]
