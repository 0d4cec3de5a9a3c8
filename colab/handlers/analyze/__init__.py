"""Looking at media: the glue between one pass over a file and what the analysis says. No model is imported here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import cv2

from colab.handlers.analyze.engines import ENGINES, AnalyserTable, choose
from colab.handlers.analyze.job import Analysing, units
from colab.handlers.analyze.resume import SAVING, Saving
from colab.job_errors import closed_codes
from colab.models import Models
from colab.work import Work, WorkResult
from media import confined, ffmpeg
from protocol.errors import JobFailed
from protocol.kinds.analyze import Params
from protocol.kinds.kind import SOURCE
from protocol.messages import Choices, EngineRecord

NEEDS = frozenset({"ebur128", "scale", "silencedetect"})
"""The filters that ffmpeg must have."""


@dataclass(frozen=True, kw_only=True)
class AnalyzeHandler:
    """Measures a video, an image or a sound in one pass. The same request gives the same bytes."""

    table: AnalyserTable = ENGINES
    saving: Saving = SAVING
    kind: str = "analyze"

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        """Return the engines that can work here, best first."""
        return tuple(engine.record() for engine in self.table.available(models))

    def choices(self, models: Models) -> dict[str, Choices]:
        """Return nothing: what can be asked for is no matter of names."""
        return {}

    def run(self, work: Work) -> WorkResult:
        """Write and publish the analysis and the contact sheet. Raises `JobFailed` with a closed code."""
        params = cast(Params, work.params)
        with _in_words():
            media = confined.examine(work.inputs[SOURCE])
            if media.what == "sound" and params.sheet:
                raise JobFailed("a sound has no contact sheet; ask for none", code="BAD_REQUEST")
            work.progress(0, units(media), "looked at")
            choice = choose(work.models, work.engine, params, media, self.table)
            record = choice.engine.record()
            program = ffmpeg.find(needs=NEEDS, encoders=frozenset({"rawvideo"}))
            job = Analysing(work, program, media, params, choice, work.begin(record), self.saving)
            return WorkResult(engine=record, summary=job.run())


@contextmanager
def _in_words() -> Iterator[None]:
    """Map what readers, disks and libraries raise to the closed codes."""
    with closed_codes("it cannot be analysed", hint="give a smaller size", media="INPUT_CORRUPT"):
        try:
            yield
        except cv2.error as error:
            raise JobFailed(f"OpenCV could not measure a picture: {str(error)[:300]}", code="ENGINE") from error


HANDLER = AnalyzeHandler()
