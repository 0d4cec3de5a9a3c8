"""The table of engines that analyse: the classic measures always, and a model that looks at the frames beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Protocol

import cv2

from colab.engines.registry import Choice, EngineNotSetUp, EngineRow, EngineTable, Opening, pull_command
from colab.handlers.analyze.engine import FrameViewer
from colab.handlers.analyze.vision_files import NEEDS, lacking
from colab.models import Models
from media.info import MediaFile
from protocol.errors import JobFailed
from protocol.kinds.analyze import Params
from protocol.messages import EngineRecord

CLASSIC, SEEING = "classic", "clip-blip"


class Analyser(Protocol):
    """An engine of this kind, open."""

    name: str

    def files(self) -> tuple[str, ...]:
        """Return the model files that it needs, by their names in the table of models."""
        ...

    def record(self) -> EngineRecord:
        """Say what measures and looks, and on which device."""
        ...

    @property
    def eyes(self) -> FrameViewer | None:
        """Return what looks at frames; None if nothing does."""
        ...


class Classic:
    """The measures that need no model."""

    name = CLASSIC
    eyes = None

    def files(self) -> tuple[str, ...]:
        """Return nothing: there is no model."""
        return ()

    def record(self) -> EngineRecord:
        """Say which libraries measure."""
        return EngineRecord(
            name=CLASSIC,
            version=f"1 scenedetect={version('scenedetect')} opencv={cv2.__version__}",
            provider="ffmpeg, opencv",
            device="cpu",
            tier="embedded",
        )


@dataclass(frozen=True, kw_only=True)
class AnalyseJob:
    """What a job asks of its engine."""

    params: Params
    can_see: bool = True  # False for a sound

    def features(self, *values: str) -> list[str]:
        """Return those of tags, embeddings and captions whose parameter has one of these values."""
        return [name for name in NEEDS if getattr(self.params, name) in values]

    def titles(self, features: Iterable[str]) -> str:
        """Return features in words."""
        named = {"tags": "tags by the labels given"} if self.params.labels else {}
        return ", ".join(named.get(name, name) for name in features)


def _clip_blip(opening: Opening[AnalyseJob]) -> Analyser:
    """Open the models for what was asked for, and for what is left to `auto` as far as its model is here."""
    from colab.handlers.analyze.clip_blip import ClipBlip

    job, models = opening.job, opening.models
    asked = job.features("on", "auto") if opening.is_required else job.features("on")
    absent = {name: lacking(models, NEEDS[name]) for name in job.features("auto") if name not in asked}
    ready = [name for name, files in absent.items() if not files]
    lost = [name for name, files in absent.items() if files]
    reason = f"its model is not on this worker: {pull_command([file for name in lost for file in absent[name]])}"
    if not (asked or ready):
        raise EngineNotSetUp(reason)
    engine = ClipBlip(models, job.params, frozenset([*asked, *ready]))
    if lost:
        opening.passed_over.append(f"no {job.titles(lost)} ({SEEING}): {reason}")
    return engine


def _classic(opening: Opening[AnalyseJob]) -> Analyser:
    if wanted := opening.job.features("on"):
        raise JobFailed(f"it gives no {' and no '.join(wanted)}", code="UNSUPPORTED")
    return Classic()


AnalyserTable = EngineTable[AnalyseJob, Analyser]

ENGINES: AnalyserTable = EngineTable(
    kind="analyze",
    any_job=AnalyseJob(params=Params()),
    names_model=lambda job: bool(job.features("on")),
    rows=(
        EngineRow(
            name=SEEING,
            open=_clip_blip,
            packages=("torch", "transformers", "safetensors"),
            extra="vision",
            suits=lambda job: job.can_see and bool(job.features("on", "auto")),
            without=lambda job: job.titles(job.features("on", "auto")),
        ),
        EngineRow(name=CLASSIC, open=_classic, suits=lambda job: not job.features("on")),
    ),
)


def choose(
    models: Models, required: str | None, params: Params, media: MediaFile, engines: AnalyserTable = ENGINES
) -> Choice[Analyser]:
    """Return the engine for a job. Raises `JobFailed` BAD_REQUEST for what contradicts itself or the file."""
    job = AnalyseJob(params=params, can_see=media.picture is not None)
    wanted = job.features("on", "auto") if required == SEEING else job.features("on")
    if required == SEEING and not wanted:
        raise JobFailed(
            f"the engine {SEEING} is required, but all that it does is off: tags, captions and embeddings",
            code="BAD_REQUEST",
        )
    if wanted and not job.can_see:
        raise JobFailed(f"a sound has no frames: no {' and no '.join(wanted)} can be made of it", code="BAD_REQUEST")
    return engines.choose(models, job, required)


def label_notes(params: Params, choice: Choice[Analyser], media: MediaFile) -> tuple[str, ...]:
    """Return a note if labels were given and nothing will look for them, for a reason that `passed_over` lacks."""
    if not params.labels:
        return ()
    if media.picture is None:
        return ("the labels were not looked for: a sound has no frames",)
    if params.tags == "off":
        return ("the labels were not looked for: tags are off",)
    if choice.engine.eyes is None and not choice.passed_over:
        return (f"the labels were not looked for: the engine {CLASSIC} gives no tags",)
    return ()
