"""The film encoded elsewhere: cut here fast and almost without loss, then sent to a worker, checked, brought home."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dispatcher.assembly.checks import check_film
from dispatcher.assembly.render import RenderedVideo, RenderOptions, render
from dispatcher.assembly.timeline import Timeline
from dispatcher.config import Settings
from dispatcher.connection import Connection, connect
from dispatcher.jobs.handle import Handle
from dispatcher.jobs.job import Job, Progress, Result
from dispatcher.tour.options import Options
from dispatcher.tour.screen import Screen
from media.encoding import DEFAULT_CRF, VIDEO_CODECS
from media.ffmpeg import Ffmpeg
from protocol.errors import (
    ChannelError,
    EnvironmentNotReady,
    JobError,
    JobTimeout,
    MediaError,
    TheirsError,
    UsageError,
)
from protocol.kinds.encode import Params as Encode
from protocol.kinds.encode import film_path
from protocol.kinds.kind import SOURCE
from protocol.messages import EngineRecord

BACKENDS = ("local", "colab-nvenc")
CARD = "nvenc"
"""The engine that is a graphics card."""

ROUGH_CRF = 10
"""Of x264: nobody sees the difference to what was filmed, and it is written as fast as it can be."""

CODECS: Mapping[str, str] = {"libx264": "h264", "libx265": "hevc", "libsvtav1": "av1", "libvpx-vp9": "vp9"}
FAR_AWAY = (ChannelError, EnvironmentNotReady, JobError, TheirsError, UsageError)
"""What can go wrong with a worker, after which the film can still be encoded here."""

QUEUE_S = 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A film that was checked, and who encoded it; None is this machine."""

    film: RenderedVideo
    engine: EngineRecord | None = None


def foretell(options: Options, settings: Settings, screen: Screen) -> None:
    """Say before anything is filmed whether somebody can encode it elsewhere, as far as workers were seen.

    Raises EnvironmentNotReady without a drop, and where a graphics card is required and no worker has one.
    """
    if options.encode_backend == "local":
        return
    try:
        with connect("colab", options.encode_drop or options.drop, settings=settings) as connection:
            _check_workers(connection, options, screen)
    except FAR_AWAY as error:
        if not options.encode_fallback:
            raise
        screen.warn(f"the film will be encoded here: {error}")


def _check_workers(connection: Connection, options: Options, screen: Screen) -> None:
    if not connection.cards:
        screen.warn("no worker was ever seen in the drop; start one before the film is cut, or it waits for one")
        return
    names = [engine.name for engine in connection.engines("encode")]
    if not names:
        screen.warn("no worker that was seen here encodes films; start one of this version")
    elif CARD not in names and options.require_nvenc:
        raise EnvironmentNotReady(
            f"no worker that was seen here has NVENC (they have: {', '.join(names)}). Start one on a machine with an "
            "NVIDIA card, or leave out --require-nvenc"
        )
    elif CARD not in names:
        screen.warn(f"no worker that was seen here has NVENC: the film will be encoded by its processor ({names[0]})")


def encode(
    program: Ffmpeg,
    timeline: Timeline,
    out: Path,
    wanted: RenderOptions,
    options: Options,
    settings: Settings,
    work_dir: Path,
    screen: Screen,
) -> Encoded:
    """Cut the film and have it encoded as it was asked for, here or elsewhere. What comes home is checked like our own.

    Where no worker does it, the film is encoded here only if the options allow that; else the cut is kept, and said.
    """
    if options.encode_backend == "local":
        return Encoded(film=_here(program, timeline, out, wanted, screen))
    rough = work_dir / f"film.rough.{'mp4' if wanted.container in ('mp4', 'mov') else 'mkv'}"
    with screen.stage("cutting") as stage:
        render(program, timeline, rough, _rough(wanted, rough), on_progress=lambda done: stage.update(done, 1.0))
    try:
        result = _sent(rough, wanted, options, settings, screen)
        film = _brought_home(result, out, timeline, wanted)
    except (*FAR_AWAY, MediaError) as error:
        if not options.encode_fallback:
            screen.warn(_hint(rough, wanted))
            raise
        screen.warn(f"the film is encoded here, because no worker did it: {error}")
        return Encoded(film=_here(program, timeline, out, wanted, screen))
    rough.unlink()
    _say_engine(result, screen)
    return Encoded(film=film, engine=result.engine)


def job(rough: Path, wanted: RenderOptions, *, require_nvenc: bool) -> Job:
    """Return the job that encodes a rough cut; its sound is the film's already."""
    encoder = VIDEO_CODECS[wanted.video_codec]
    params: dict[str, Any] = {
        "format": wanted.container,
        "codec": CODECS[encoder],
        "preset": wanted.preset,
        "audio_codec": "copy",
    }
    if wanted.crf != DEFAULT_CRF[encoder]:
        params["quality"] = wanted.crf
    return Job(
        kind="encode",
        params=params,
        inputs={SOURCE: rough},
        require_engine=CARD if require_nvenc else None,
        queue_s=QUEUE_S,
    )


def _here(program: Ffmpeg, timeline: Timeline, out: Path, wanted: RenderOptions, screen: Screen) -> RenderedVideo:
    with screen.stage("cutting") as stage:
        return render(program, timeline, out, wanted, on_progress=lambda done: stage.update(done, 1.0))


def _rough(wanted: RenderOptions, rough: Path) -> RenderOptions:
    container = rough.suffix.removeprefix(".")
    return replace(wanted, container=container, video_codec="libx264", preset="ultrafast", crf=ROUGH_CRF)


def _sent(rough: Path, wanted: RenderOptions, options: Options, settings: Settings, screen: Screen) -> Result:
    """Return the verified result of the job."""
    with (
        screen.stage("encoding") as stage,
        connect("colab", options.encode_drop or options.drop, settings=settings, group=options.group) as connection,
    ):

        def on_progress(progress: Progress) -> None:
            stage.job(progress)
            connection.keep()

        handle = connection.client.submit(job(rough, wanted, require_nvenc=options.require_nvenc))
        result = _waited(handle, options, on_progress)
        stage.update(1, 1, result.engine.told() if result.engine else "")
        connection.client.clean()
    return result


def _waited(handle: Handle, options: Options, on_progress: Callable[[Progress], None]) -> Result:
    """Return the result in time. A job that is late is cancelled where the film is encoded here instead."""
    try:
        return handle.wait(options.encode_timeout_s, on_progress=on_progress)
    except JobTimeout as late:
        if not options.encode_fallback:
            raise
        if not handle.cancel("it was late: the film is encoded where it was cut"):
            return handle.wait(0.0)  # it has ended just now
        text = f"{str(late).splitlines()[0]}\nIt was cancelled, on the worker too (run {handle.run})"
        raise JobTimeout(text, why=late.why, hint=late.hint, run=handle.run) from late


def _brought_home(result: Result, out: Path, timeline: Timeline, wanted: RenderOptions) -> RenderedVideo:
    """Put the film in its place, whole or not at all, when it has every picture and every chapter; else MediaError."""
    made = result.files[film_path(Encode.model_validate({"format": wanted.container}))]
    unfinished = out.with_name(f".{out.stem}.unfinished{out.suffix}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, unfinished)
        check_film(unfinished, timeline)
        unfinished.replace(out)
    except OSError as error:
        raise MediaError(f"the film that came home cannot be put at {out}: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return RenderedVideo(path=out, seconds=timeline.seconds)


def _say_engine(result: Result, screen: Screen) -> None:
    if result.engine is None or result.engine.name == CARD:
        return
    screen.warn(
        f"the film was encoded by {result.engine.name} on the worker's processor: there is no NVENC. "
        "--require-nvenc makes that an error"
    )


def _hint(rough: Path, wanted: RenderOptions) -> str:
    return (
        f"the cut is kept: {rough}. With a worker there, `gpudrop encode {rough} --backend colab --format "
        f"{wanted.container} --audio-codec copy` encodes it; --encode-fallback encodes here where no worker does"
    )
