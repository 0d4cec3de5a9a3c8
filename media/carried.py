"""What a new film carries over from its source beside the picture: sounds, subtitles, chapters, times and colours.

Arguments for ffmpeg, all of them ours: nothing of a file's own text gets into them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from media.encoding import CONTAINERS
from media.examine import Media, Pixels
from media.ffmpeg import Ffmpeg, source
from protocol.errors import MediaError

EXACT = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")
"""Nothing of the program or the day is written into the file: equal work gives equal bytes."""

_HELD: Mapping[str, frozenset[str]] = {
    "mp4": frozenset({"aac", "mp3", "mp3float", "ac3", "eac3", "opus", "libopus", "alac", "flac"}),
    "mov": frozenset({"aac", "mp3", "mp3float", "ac3", "alac", "pcm_s16le", "pcm_s24le"}),
    "webm": frozenset({"opus", "libopus", "vorbis", "libvorbis"}),
}
"""The sounds that can be copied into a container as they are; Matroska holds any."""

_TEXTS = frozenset({"subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text"})
_SUBTITLES: Mapping[str, str] = {"mp4": "mov_text", "mov": "mov_text", "webm": "webvtt", "mkv": "copy"}
_STREAM = re.compile(r"^ *Stream #0:(\d+)[^ ]*: Subtitle: ([a-z0-9_]+)", re.MULTILINE)
_MOV_TEXT = "mov_text"


@dataclass(frozen=True, kw_only=True)
class Carried:
    """The arguments that carry something over, and what could not be kept as it was."""

    arguments: tuple[str, ...]
    changed: tuple[str, ...] = ()


def times(ffmpeg: Ffmpeg) -> list[str]:
    """Return the arguments by which every picture keeps its own time, in a film of varying rate too."""
    return [*passing(ffmpeg), "-enc_time_base", "-1" if ffmpeg.release < (6, 1) else "demux"]


def passing(ffmpeg: Ffmpeg) -> list[str]:
    """Return the arguments by which no picture is left out or shown twice."""
    return ["-vsync" if ffmpeg.release < (5, 1) else "-fps_mode", "passthrough"]


def colours(pixels: Pixels) -> list[str]:
    """Return the tags that say what the source says of its colours; what it does not say stays unsaid."""
    options = {"range": "-color_range", "colorspace": "-colorspace"}
    tags = _tags(pixels).items()
    return [word for name, value in tags for word in (options.get(name, f"-{name}"), value)]


def marks(pixels: Pixels) -> list[str]:
    """Return the filter that sets these tags on frames that came through a pipe, and lost them there."""
    tags = [f"{name}={value}" for name, value in _tags(pixels).items()]
    return ["setparams=" + ":".join(tags)] if tags else []


def _tags(pixels: Pixels) -> dict[str, str]:
    """Return what is known of colours, by the names of ffmpeg's filter."""
    if is_rgb(pixels):
        return {"range": "tv", "colorspace": "bt709"}
    tags = {
        "range": pixels.range,
        "colorspace": pixels.space,
        "color_primaries": pixels.primaries,
        "color_trc": pixels.transfer,
    }
    return {name: value for name, value in tags.items() if value}


def entry(pixels: Pixels) -> list[str]:
    """Return the filters that make brightness and colour of what is stored as red, green and blue."""
    return ["scale=out_color_matrix=bt709:out_range=tv"] if is_rgb(pixels) else []


def is_rgb(pixels: Pixels) -> bool:
    """Say whether pixels are stored as red, green and blue."""
    return pixels.space == "gbr" or pixels.format.startswith(
        ("gbr", "rgb", "bgr", "argb", "abgr", "pal8", "0rgb", "0bgr")
    )


def sounds(media: Media, container: str) -> Carried:
    """Return the arguments that copy every sound; one that the container cannot hold is encoded for it, and named."""
    arguments: list[str] = []
    changed: list[str] = []
    coder = CONTAINERS[container].audio[0]
    for place, track in enumerate(media.sounds):
        arguments += ["-map", f"0:{track.stream}"]
        if track.codec in _HELD.get(container, {track.codec}):
            arguments += [f"-c:a:{place}", "copy"]
        else:
            arguments += [f"-c:a:{place}", coder, f"-b:a:{place}", "192k"]
            changed.append(f"sound {place + 1}: {track.codec} to {coder}, because {container} does not hold it")
    return Carried(arguments=tuple(arguments), changed=tuple(changed))


def subtitles(ffmpeg: Ffmpeg, media: Media, container: str) -> Carried:
    """Return the arguments that keep the subtitles, as the container has them; those made of pictures may not fit."""
    if not media.subtitles:
        return Carried(arguments=())
    arguments: list[str] = []
    changed: list[str] = []
    for stream, codec in _subtitle_codecs(ffmpeg, media):
        if container != "mkv" and codec not in _TEXTS:
            changed.append(f"subtitle {stream}: left out, {container} holds no {codec}")
            continue
        coder = "srt" if container == "mkv" and codec == _MOV_TEXT else _SUBTITLES[container]
        place = arguments.count("-map")
        arguments += ["-map", f"0:{stream}", f"-c:s:{place}", coder]
        if coder not in ("copy", codec):
            changed.append(f"subtitle {stream}: {codec} to {coder}, because {container} does not hold it")
    return Carried(arguments=tuple(arguments), changed=tuple(changed))


def _subtitle_codecs(ffmpeg: Ffmpeg, media: Media) -> list[tuple[int, str]]:
    """Return the stream and codec of every subtitle, by what ffmpeg says of the file."""
    look = ["-map", "0:s?", "-c", "copy", "-t", "0", "-f", "null", "-"]
    try:
        told = ffmpeg.run([*source(media.path, media.container), *look], timeout_s=60)
    except MediaError as error:
        told = str(error)
    return [(int(stream), codec) for stream, codec in _STREAM.findall(told.partition("\nOutput #")[0])]
