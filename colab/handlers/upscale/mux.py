"""The film put together: the new picture, and what else the source has. Nothing that is lost is lost silently."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from colab.handlers.pieces import join
from colab.handlers.upscale.commands import Coding
from colab.handlers.work import Work
from media import muxing
from media.ffmpeg import Ffmpeg
from media.info import MediaFile
from media.muxing import EncodedVideo
from protocol.errors import JobFailed, MediaError
from protocol.kinds.upscale import result_path


def finish(
    work: Work,
    media: MediaFile,
    coding: Coding,
    ffmpeg: Ffmpeg,
    pieces: Sequence[Path],
    times: join.Times,
    *,
    on_progress: Callable[[float], None],
) -> Mapping[str, Any]:
    """Join the pieces, add sound and subtitles, look at the result, publish it; return what the summary says.

    Its pictures, which were decoded one by one before, are counted and not decoded once more.
    """
    silent, path = work.folder / "silent.mp4", result_path(coding.params)
    join.join(pieces, times, silent)
    picture = EncodedVideo(
        path=silent,
        encoder=coding.encoder,
        frames=len(times.at),
        seconds=times.seconds(),
        starts_s=times.start_s(),
        rotation=coding.picture.rotation,
    )
    container = coding.params.format or "mp4"
    try:
        film = muxing.mux(ffmpeg, picture, media, container, work.output(path), on_progress=on_progress, decode=False)
    except MediaError as problem:
        wrong = f"the film cannot be put together as {container}: {problem}; ask for mkv"
        raise JobFailed(wrong, code="ENGINE") from problem
    silent.unlink()
    made = film.media.picture
    if made is None or made.size != coding.shape.target:
        raise JobFailed(f"the film that was made is not as it should be: {made}", code="ENGINE")
    work.publish(path)
    told = {"frames": picture.frames, "width": made.size[0], "height": made.size[1]}
    return told | ({"changed": list(film.changed)} if film.changed else {})
