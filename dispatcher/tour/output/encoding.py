"""Encoding the video: on this machine, or on a worker from an intermediate video that is almost lossless."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dispatcher.assembly.checks import check_film
from dispatcher.assembly.render import RenderedVideo, RenderOptions, render
from dispatcher.assembly.timeline import Timeline
from dispatcher.connection import Connection
from dispatcher.jobs.handle import Handle
from dispatcher.jobs.job import Job, Progress, Result
from dispatcher.operations.batch import wait_or_cancel
from dispatcher.tour.options import TourOptions
from dispatcher.tour.screen import Screen
from dispatcher.tour.session import TourSession
from media.encoding import DEFAULT_CRF, VIDEO_CODECS
from media.ffmpeg import Ffmpeg
from protocol.errors import (
    ChannelError,
    EnvironmentNotReady,
    JobError,
    MediaError,
    TheirsError,
    UsageError,
)
from protocol.kinds.encode import Params as Encode
from protocol.kinds.encode import film_path
from protocol.kinds.kind import SOURCE
from protocol.messages import EngineRecord

BACKENDS = ("local", "colab-nvenc")
NVENC = "nvenc"
"""The encode engine that uses a graphics card."""

INTERMEDIATE_CRF = 10
"""For x264: visually lossless, and encoded as fast as possible."""

CODECS: Mapping[str, str] = {"libx264": "h264", "libx265": "hevc", "libsvtav1": "av1", "libvpx-vp9": "vp9"}
WORKER_ERRORS = (ChannelError, EnvironmentNotReady, JobError, TheirsError, UsageError)
"""The errors after which the video can still be encoded on this machine."""

QUEUE_S = 24 * 3600.0


@dataclass(frozen=True, kw_only=True)
class EncodedTour:
    """A checked video, and the engine that encoded it; None means ffmpeg on this machine."""

    film: RenderedVideo
    engine: EngineRecord | None = None


@dataclass(frozen=True, kw_only=True)
class EncodeRequest:
    """What is to be encoded, and how: a timeline, the file it becomes, and the ffmpeg of this machine."""

    program: Ffmpeg
    timeline: Timeline
    out: Path
    options: RenderOptions
    check: Callable[[Path, Timeline], object] = check_film  # of a worker's video; raises MediaError

    def render(self, screen: Screen) -> RenderedVideo:
        """Encode it on this machine."""
        with screen.stage("cutting") as stage:
            return render(
                self.program,
                self.timeline,
                self.out,
                self.options,
                on_progress=lambda done: stage.update(done, 1.0),
            )

    def rough(self, folder: Path) -> EncodeRequest:
        """Return the request for the intermediate video in `folder`, which a worker encodes."""
        container = "mp4" if self.options.container in ("mp4", "mov") else "mkv"
        options = replace(
            self.options, container=container, video_codec="libx264", preset="ultrafast", crf=INTERMEDIATE_CRF
        )
        return replace(self, out=folder / f"film.rough.{container}", options=options)


def check_encoder(session: TourSession) -> None:
    """Say before anything is recorded whether a worker can encode the video, as far as workers have been seen.

    Raises EnvironmentNotReady without a drop, and if a graphics card is required and no worker has one.
    """
    if session.options.encode_backend == "local":
        return
    try:
        with session.connect_encoder() as connection:
            _check_workers(connection, session)
    except WORKER_ERRORS as error:
        if not session.options.encode_fallback:
            raise
        session.screen.warn(f"the video will be encoded on this machine: {error}")


def _check_workers(connection: Connection, session: TourSession) -> None:
    screen = session.screen
    if not connection.cards:
        screen.warn("no worker has been seen in the drop; start one, or the video will wait for it to be encoded")
        return
    names = [engine.name for engine in connection.engines("encode")]
    if not names:
        screen.warn("none of the workers seen here can encode videos; start one of this version")
    elif NVENC not in names and session.options.require_nvenc:
        raise EnvironmentNotReady(
            f"none of the workers seen here has NVENC (they have: {', '.join(names)}). Start one on a machine with an "
            "NVIDIA card, or leave out --require-nvenc"
        )
    elif NVENC not in names:
        screen.warn(f"none of the workers seen here has NVENC: the video will be encoded on a processor ({names[0]})")


def encode(request: EncodeRequest, session: TourSession) -> EncodedTour:
    """Encode the video as requested, here or on a worker. A worker's video is checked like one encoded here.

    If no worker encodes it, that happens here if the options allow it; otherwise the intermediate video is kept, and
    a warning says how to continue.
    """
    screen = session.screen
    if session.options.encode_backend == "local":
        return EncodedTour(film=request.render(screen))
    rough = request.rough(session.work_dir)
    rough.render(screen)
    try:
        result = _encode_on_worker(rough.out, request.options, session)
        film = _fetch(result, request)
    except (*WORKER_ERRORS, MediaError) as error:
        if not session.options.encode_fallback:
            screen.warn(_how_to_continue(rough.out, request.options))
            raise
        screen.warn(f"the video is encoded on this machine, because no worker did it: {error}")
        return EncodedTour(film=request.render(screen))
    rough.out.unlink()
    _warn_without_nvenc(result, screen)
    return EncodedTour(film=film, engine=result.engine)


def job(rough: Path, options: RenderOptions, *, require_nvenc: bool) -> Job:
    """Return the job that encodes the intermediate video; its audio is copied as it is."""
    encoder = VIDEO_CODECS[options.video_codec]
    params: dict[str, Any] = {
        "format": options.container,
        "codec": CODECS[encoder],
        "preset": options.preset,
        "audio_codec": "copy",
    }
    if options.crf != DEFAULT_CRF[encoder]:
        params["quality"] = options.crf
    return Job(
        kind="encode",
        params=params,
        inputs={SOURCE: rough},
        require_engine=NVENC if require_nvenc else None,
        queue_s=QUEUE_S,
    )


def _encode_on_worker(rough: Path, options: RenderOptions, session: TourSession) -> Result:
    """Return the verified result of the job."""
    with session.screen.stage("encoding") as stage, session.connect_encoder() as connection:

        def on_progress(progress: Progress) -> None:
            stage.job(progress)
            connection.keep()

        handle = connection.client.submit(job(rough, options, require_nvenc=session.options.require_nvenc))
        result = _wait(handle, session.options, on_progress)
        stage.update(1, 1, result.engine.told() if result.engine else "")
        connection.client.clean()
    return result


def _wait(handle: Handle, options: TourOptions, on_progress: Callable[[Progress], None]) -> Result:
    """Return the result. A late job is cancelled if the video can be encoded here instead."""
    if not options.encode_fallback:
        return handle.wait(options.encode_timeout_s, on_progress=on_progress)
    reason = "timed out: the video is encoded on the machine that cut it"
    return wait_or_cancel(handle, options.encode_timeout_s, on_progress=on_progress, reason=reason)


def _fetch(result: Result, request: EncodeRequest) -> RenderedVideo:
    """Copy a worker's video to its place, if it has every frame and every chapter. Raises MediaError otherwise."""
    source = result.files[film_path(Encode.model_validate({"format": request.options.container}))]
    out = request.out
    unfinished = out.with_name(f".{out.stem}.unfinished{out.suffix}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, unfinished)
        request.check(unfinished, request.timeline)
        unfinished.replace(out)
    except OSError as error:
        raise MediaError(f"the encoded video cannot be copied to {out}: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return RenderedVideo(path=out, seconds=request.timeline.seconds)


def _warn_without_nvenc(result: Result, screen: Screen) -> None:
    if result.engine is None or result.engine.name == NVENC:
        return
    screen.warn(
        f"the video was encoded by {result.engine.name} on the worker's processor: the worker has no NVENC. "
        "--require-nvenc makes that an error"
    )


def _how_to_continue(rough: Path, options: RenderOptions) -> str:
    return (
        f"the intermediate video is kept: {rough}. With a worker running, `gpudrop encode {rough} --backend colab "
        f"--format {options.container} --audio-codec copy` encodes it; --encode-fallback encodes on this machine if no "
        "worker does"
    )
