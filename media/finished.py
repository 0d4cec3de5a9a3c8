"""Whether a film that ffmpeg wrote is what it should be: ffmpeg calls many a wrong film a success."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from media import confined
from media.examine import Media
from media.ffmpeg import LONGEST_S, Ffmpeg, source
from protocol.errors import MediaError

NEAR_S = 0.05
"""How far a film's length may be from what is due, unless one of its pictures lasts longer."""


def check(
    ffmpeg: Ffmpeg,
    path: Path,
    *,
    seconds: float,
    sounds: int,
    frames: int | None = None,
    subtitles: int | None = None,
    decode: bool = True,
    on_progress: Callable[[float], None] | None = None,
) -> Media:
    """Return the facts of a finished film; MediaError says in what it is not as it should be.

    Its length, its streams and, where `frames` is given, each picture are counted. It is decoded to its end, unless
    told otherwise.
    """
    made = confined.examine(path)
    if made.picture is None:
        raise MediaError("the film that was written holds no moving picture")
    if decode:
        _decode(ffmpeg, made, seconds, on_progress)
    off = abs(made.picture.seconds - seconds)
    if off > max(NEAR_S, 1.01 / float(made.picture.fps)):
        raise MediaError(f"the film that was written lasts {made.picture.seconds:.3f} s instead of {seconds:.3f} s")
    if len(made.sounds) != sounds:
        raise MediaError(f"the film that was written has {len(made.sounds)} sound(s) instead of {sounds}")
    if subtitles is not None and made.subtitles != subtitles:
        raise MediaError(f"the film that was written has {made.subtitles} subtitle(s) instead of {subtitles}")
    if frames is not None and made.picture.frames != frames:
        raise MediaError(f"the film that was written has {made.picture.frames} pictures instead of {frames}")
    return made


def _decode(ffmpeg: Ffmpeg, made: Media, seconds: float, on_progress: Callable[[float], None] | None) -> None:
    everything = ["-map", "0:v:0", "-map", "0:a?", "-f", "null", "-"]
    ffmpeg.run(
        ["-v", "error", "-xerror", *source(made.path, made.container), *everything],
        duration_s=seconds,
        on_progress=on_progress,
        timeout_s=LONGEST_S,
    )
