"""Stabilisation: the glue between a shaky video and vid.stab. Two passes: how it moved, then the steady video."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from colab.engines.registry import EngineTable
from colab.handlers.stabilize import checkpoints, smoothing
from colab.handlers.stabilize.checkpoints import MotionCheckpoints
from colab.handlers.stabilize.detect import Detector, even_size
from colab.handlers.stabilize.engine import ENGINES, Codec, VidStab
from colab.handlers.stabilize.motions import Motion
from colab.handlers.stabilize.transform import SecondPass
from colab.job_errors import closed_codes
from colab.models import Models
from colab.video.job import UNITS, VideoJob, inspected
from colab.video.segments import SEGMENTS, SegmentLength
from colab.work import Work, WorkResult
from media.ffmpeg import Ffmpeg
from media.info import MediaFile, VideoTrack
from protocol.errors import JobFailed
from protocol.kinds.kind import SOURCE
from protocol.kinds.stabilize import Params, film_path
from protocol.messages import Choices, EngineRecord

DETECTION = (0, 300)
"""The units of the first pass: it is about a third of the work."""

SMALLEST = 16
"""Pixels a side below which there is no field that could be followed."""


@dataclass(frozen=True, kw_only=True)
class StabilizeHandler:
    """Stabilises a video. The same request gives the same bytes by the same ffmpeg."""

    table: EngineTable[Codec, VidStab] = ENGINES
    segments: SegmentLength = SEGMENTS
    detector: type[Detector] = Detector
    prints_steps: Callable[[Ffmpeg, Path], bool] = smoothing.prints_steps
    checkpoint_frames: int = checkpoints.FRAMES
    save_every_s: float = 30.0
    kind: str = "stabilize"

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        """Return vid.stab, if an ffmpeg here has it."""
        return tuple(engine.record for engine in self.table.available(models))

    def choices(self, models: Models) -> dict[str, Choices]:
        """Return nothing: its parameters are not names of a list."""
        return {}

    def run(self, work: Work) -> WorkResult:
        """Write and publish the steady video. Raises `JobFailed` with what is wrong with the video, and a hint."""
        params = cast(Params, work.params)
        engine = self.table.choose(work.models, params.written_codec, work.engine).engine
        work.progress(0, UNITS, "inspecting the video")
        media, picture = _inspected(work.inputs[SOURCE])
        with closed_codes("the video cannot be stabilised", hint="make it smaller"):
            job = VideoJob(work=work, ffmpeg=engine.program, earlier=work.begin(engine.record))
            stabilizing = _Stabilizing(handler=self, job=job, params=params, media=media, picture=picture)
            return WorkResult(engine=engine.record, summary=stabilizing.run())


@dataclass(kw_only=True)
class _Stabilizing:
    """One video being stabilised."""

    handler: StabilizeHandler
    job: VideoJob
    params: Params
    media: MediaFile
    picture: VideoTrack
    resumed: int = 0  # frames whose motion earlier attempts detected
    saved_at: float = field(default_factory=time.monotonic)

    def run(self) -> dict[str, Any]:
        detector = self._detector()
        motion = self._motion(detector)
        made = SecondPass(
            job=self.job,
            media=self.media,
            picture=self.picture,
            params=self.params,
            motion=motion,
            segments=self.handler.segments,
            prints_steps=self.handler.prints_steps,
        ).write()
        self.job.finish(film_path(self.params), "the video is steady")
        return self._summary(detector, motion, made)

    def _motion(self, detector: Detector) -> list[Motion]:
        """Return the motion of every frame: what earlier attempts detected, and the rest detected now."""
        saving = MotionCheckpoints(
            work=self.job.work, size=even_size(self.picture), frames=self.handler.checkpoint_frames
        )
        known, is_complete = saving.resume(self.job.earlier)
        self.resumed = first = len(known)
        if is_complete:
            self.job.report(1.0, DETECTION, f"motion of {first} frames resumed from an earlier attempt")
            return known
        note = f"detecting motion {'at half size' if detector.looks > 1 else 'at full size'}"

        def on_progress(done: float) -> None:
            self.job.report(done, DETECTION, note)
            if time.monotonic() - self.saved_at > self.handler.save_every_s:
                saving.save(known + detector.so_far(first), last=False)
                self.saved_at = time.monotonic()

        found = known + detector.run(first, on_progress)
        self.job.report(1.0, DETECTION, note)
        for last in (False, True):
            saving.save(found, last=last)
            self.job.report(1.0, DETECTION, "motion detected")
        return found

    def _detector(self) -> Detector:
        folder = self.job.work.folder / "stabilize"  # ffmpeg runs there: nothing else is in it
        folder.mkdir(exist_ok=True)
        return self.handler.detector(
            ffmpeg=self.job.ffmpeg,
            path=self.media.path,
            container=self.media.container,
            picture=self.picture,
            params=self.params,
            folder=folder,
        )

    def _summary(self, detector: Detector, motion: list[Motion], made: MediaFile) -> dict[str, Any]:
        not_followed = sum(1 for each in motion if each.ignored) - 1  # the first frame has nothing before it
        more = {"not_followed": max(0, not_followed), "detection_kept": self.resumed, "notes": self.job.notes}
        return {
            "seconds": round(made.seconds or 0.0, 3),
            "frames": len(motion),
            "detection": "half" if detector.looks > 1 else "full",
            "codec": self.params.written_codec,
            **{key: value for key, value in more.items() if value},
        }


def _inspected(path: Path) -> tuple[MediaFile, VideoTrack]:
    """Return what the video is, or say why it cannot be stabilised."""
    media = inspected(path)
    if media.what != "film" or media.picture is None:
        raise JobFailed(f"a {media.what} cannot be stabilised; give a video", code="INPUT_CORRUPT")
    if media.picture.pixels.is_hdr:
        raise JobFailed(
            "the video has high dynamic range, and vid.stab works on 8 bits of the standard range, where it would look "
            "washed out; convert it to SDR first (ffmpeg's zscale and tonemap filters do)",
            code="UNSUPPORTED",
        )
    if min(even_size(media.picture)) < SMALLEST:
        size = "x".join(map(str, media.picture.size))
        raise JobFailed(f"the video is {size} pixels; at least {SMALLEST} a side are needed", code="UNSUPPORTED")
    return media, media.picture


HANDLER = StabilizeHandler()
