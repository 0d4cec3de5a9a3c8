"""The film put together: the new picture, and what else the source has. Nothing that is lost is lost silently."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from colab.handlers.pieces import join
from colab.handlers.upscale.commands import Coding
from colab.handlers.work import Work
from media.confined import examine
from media.examine import Media
from media.ffmpeg import Ffmpeg, source
from protocol.errors import JobFailed, MediaError
from protocol.kinds.upscale import result_path

OLD_ROTATION = re.compile(r"version n?[45]\.")
"""The versions that are told by a tag how a film is turned."""

_MUXERS = {"mp4": "mp4", "mov": "mov", "mkv": "matroska"}
_TEXT = {"mp4": "mov_text", "mov": "mov_text", "mkv": "srt"}

log = logging.getLogger(__name__)


def finish(
    work: Work, media: Media, coding: Coding, ffmpeg: Ffmpeg, pieces: Sequence[Path], times: join.Times
) -> Mapping[str, Any]:
    """Join the pieces, add sound and subtitles, look at the result, publish it; return what the summary says."""
    path = result_path(coding.params)
    silent, target = work.folder / "silent.mp4", work.output(path)
    join.join(pieces, times, silent)
    changed = _mux(media, coding, ffmpeg, silent, times.start_s(), target)
    silent.unlink()
    _check(media, coding, target, len(times.at))
    work.publish(path)
    told = {"frames": len(times.at), "width": coding.shape.target[0], "height": coding.shape.target[1]}
    return told | ({"changed": changed} if changed else {})


def _mux(media: Media, coding: Coding, ffmpeg: Ffmpeg, silent: Path, start_s: float, target: Path) -> list[str]:
    """Write the film, every track as it is if the format can hold it so; return what had to be changed."""
    suffix = coding.params.format or "mp4"
    problems: list[str] = []
    for changed, choices in _ways(suffix, media):
        try:
            ffmpeg.run(
                [
                    *_pictures(coding, ffmpeg, silent, start_s),
                    *_rest(media, choices),
                    *_written(coding, ffmpeg, suffix),
                    target,
                ]
            )
        except MediaError as problem:
            problems.append(str(problem))
            log.info("the tracks do not go into %s so: %s", suffix, problem)
        else:
            return changed
    raise JobFailed(f"the film cannot be put together as {suffix}: {problems[-1]}; ask for mkv", code="ENGINE")


def _ways(suffix: str, media: Media) -> list[tuple[list[str], list[str]]]:
    """Return ways to take tracks over, best first: what is changed by one, and its arguments."""
    sound, text = ["-map", "1:a?", "-c:a", "copy"], ["-map", "1:s?", "-c:s", "copy"]
    other = ["-map", "1:a?", "-c:a", "aac", "-b:a", "256k"]
    converted = ["-map", "1:s?", "-c:s", _TEXT[suffix]]
    ways: list[tuple[list[str], list[str]]] = [([], [*sound, *text])]
    if media.subtitles:
        ways += [([f"subtitles became {_TEXT[suffix]}"], [*sound, *converted])]
        ways += [([f"subtitles left out: {suffix} cannot hold them"], sound)]
    if media.sounds:
        became = f"sound became AAC: {suffix} cannot hold it as it was"
        ways += [([became], [*other, *text])]
        if media.subtitles:
            ways += [([became, f"subtitles became {_TEXT[suffix]}"], [*other, *converted])]
            ways += [([became, f"subtitles left out: {suffix} cannot hold them"], other)]
    return ways


def _pictures(coding: Coding, ffmpeg: Ffmpeg, silent: Path, start_s: float) -> list[str | Path]:
    turned = coding.picture.rotation
    new = bool(turned) and not OLD_ROTATION.search(ffmpeg.version)
    return [
        *(["-display_rotation", str(turned)] if new else []),
        *(["-itsoffset", f"{start_s:.6f}"] if start_s > 0 else []),
        *source(silent, "mov"),
    ]


def _rest(media: Media, choices: Sequence[str]) -> list[str | Path]:
    return [*source(media.path, media.container), "-map", "0:v:0", *choices, "-map_metadata", "1", "-map_chapters", "1"]


def _written(coding: Coding, ffmpeg: Ffmpeg, suffix: str) -> list[str]:
    """Return how the result is written: no encoding, no time of making, ready to be played while it loads."""
    old = OLD_ROTATION.search(ffmpeg.version) and coding.picture.rotation
    tags = ["-tag:v", "hvc1"] if suffix != "mkv" and coding.encoder == "libx265" else []
    return [
        "-c:v", "copy", *tags, *(["-metadata:s:v:0", f"rotate={360 - old}"] if old else []),
        "-fflags", "+bitexact", "-movflags", "+faststart", "-max_muxing_queue_size", "9999", "-f", _MUXERS[suffix],
    ]  # fmt: skip


def _check(media: Media, coding: Coding, target: Path, frames: int) -> None:
    """Look at what was made, as whoever gets it will; a film that is not as it should be is not given away."""
    try:
        found = examine(target)
    except MediaError as problem:
        raise JobFailed(f"the film that was made cannot be read: {problem}", code="ENGINE") from problem
    picture = found.picture
    if picture is None or picture.size != coding.shape.target or picture.frames != frames:
        raise JobFailed(f"the film that was made is not as it should be: {picture}", code="ENGINE")
