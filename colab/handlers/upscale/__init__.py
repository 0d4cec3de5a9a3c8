"""Upscaling: the glue between a video or an image and an engine. No model library is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from colab.handlers.upscale import commands
from colab.handlers.upscale.engines import AUTO, ENGINES, NO_NETWORK, UpscaleJob, UpscaleTable, names
from colab.handlers.upscale.image import upscale_image
from colab.handlers.upscale.video import SEGMENTS, upscale_video
from colab.job_errors import closed_codes
from colab.models import Models
from colab.video.job import inspected
from colab.video.segments import SegmentLength
from colab.work import Work, WorkResult
from media.info import MediaFile
from protocol.errors import JobFailed
from protocol.kinds.kind import SOURCE
from protocol.kinds.upscale import FILMS, PICTURES, Params
from protocol.messages import Choices, EngineRecord


@dataclass(frozen=True, kw_only=True)
class UpscaleHandler:
    """Makes a video or an image larger. A video in work saves a checkpoint after each of its segments."""

    table: UpscaleTable = ENGINES
    segments: SegmentLength = SEGMENTS
    report_every_s: float = 0.2  # between frames: how often progress is reported, once some are done
    kind: str = "upscale"

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        """Return the engines that can upscale here, best first; none without an ffmpeg that can write the result."""
        try:
            UpscaleJob().program()
        except JobFailed:
            return ()
        return tuple(engine.record() for engine in self.table.available(models))

    def choices(self, models: Models) -> dict[str, Choices]:
        """Return the models of each engine."""
        known: dict[str, Choices] = {
            "realesrgan": {"model": (AUTO, *names(models))},
            "ffmpeg-lanczos": {"model": (AUTO, NO_NETWORK)},
        }
        return {record.name: known[record.name] for record in self.engines(models)}

    def run(self, work: Work) -> WorkResult:
        """Upscale the source. Raises `JobFailed` with what is wrong, and a hint."""
        params = cast(Params, work.params)
        with closed_codes("it cannot be made larger", hint="ask for a smaller scale"):
            media = inspected(work.inputs[SOURCE])
            _check(media, params)
            job = UpscaleJob(model=params.model, what=media.what, encoders=_encoders(media, params))
            program = job.program()
            choice = self.table.choose(work.models, job, work.engine)
            if media.what == "picture":
                summary: Mapping[str, Any] = upscale_image(work, params, media, choice.engine, program)
            else:
                summary = upscale_video(
                    work, params, media, choice.engine, program, segments=self.segments, every_s=self.report_every_s
                )
            passed_over = {"passed_over": list(choice.passed_over)} if choice.passed_over else {}
            return WorkResult(engine=choice.engine.record(), summary={"what": media.what, **summary, **passed_over})


def _check(media: MediaFile, params: Params) -> None:
    """Raise `JobFailed` for what cannot be upscaled, or not in the format that is asked for."""
    if media.what == "sound":
        raise JobFailed("the source is a sound; give a video or an image to upscale", code="INPUT_CORRUPT")
    what, formats = ("video", FILMS) if media.what == "film" else ("image", PICTURES)
    if (wanted := params.format or "mp4") not in formats:
        raise JobFailed(
            f"this {what} cannot be written as {wanted}; ask for one of {', '.join(formats)}", code="BAD_REQUEST"
        )


def _encoders(media: MediaFile, params: Params) -> frozenset[str]:
    """Return the encoders without which the result cannot be written; none for an image."""
    if media.what == "picture" or media.picture is None:
        return frozenset()
    return frozenset({commands.encoder(params, commands.bits(media.picture.pixels))})


HANDLER = UpscaleHandler()
