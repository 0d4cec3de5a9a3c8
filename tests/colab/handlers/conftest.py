"""Workbenches for handlers, and what a listener has of a spoken clip."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from pydantic import BaseModel

from colab.fake_workbench import FakeWorkbench
from colab.models import ModelPlaces, Models
from colab.work import Handler, WorkResult
from protocol.kinds import tts


@dataclass(frozen=True)
class Heard:
    """One clip, as a listener has it."""

    wav: Path
    samples: np.ndarray
    rate: int
    times: dict[str, Any]

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    @property
    def words(self) -> list[tuple[str, float, float]]:
        return [tuple(word) for word in self.times["words"]]

    def level(self, start_s: float, end_s: float) -> float:
        """The loudest sample of a span."""
        span = np.abs(self.samples[int(start_s * self.rate) : int(end_s * self.rate)])
        return float(span.max(initial=0.0))


@dataclass(frozen=True)
class Told:
    """A finished job of kind tts."""

    work: FakeWorkbench
    result: WorkResult
    clips: list[Heard]


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """Return a place without any model file, and no way to get one."""
    return Models(ModelPlaces(folder=tmp_path / "models", offline=True))


@pytest.fixture
def make_work(tmp_path: Path, models: Models) -> Callable[..., FakeWorkbench]:
    """Return a maker of workbenches, each in a folder of its own; the kind follows from the parameters."""
    made: list[FakeWorkbench] = []

    def make(params: BaseModel, **more: Any) -> FakeWorkbench:
        kind = type(params).__module__.rpartition(".")[2]
        given = {"kind": kind, "raw": params, "folder": tmp_path / f"work-{len(made)}", "models": models, **more}
        made.append(FakeWorkbench(**given))
        return made[-1]

    return make


@pytest.fixture
def tell(make_work: Callable[..., FakeWorkbench]) -> Callable[..., Told]:
    """Return a function that has texts spoken by the real handler and listens to what came out."""

    def run(
        *texts: str | dict[str, Any], engine: str | None = None, handler: Handler | None = None, **params: Any
    ) -> Told:
        told = [{"narration": text} if isinstance(text, str) else text for text in texts]
        steps = [tts.Step(id=f"s{place}", **step) for place, step in enumerate(told)]
        work = make_work(tts.Params(steps=tuple(steps), **params), engine=engine, handler=handler)
        return Told(work, work.run(), [_heard(work, step.id) for step in steps])

    return run


def _heard(work: FakeWorkbench, step_id: str) -> Heard:
    wav = work.output(tts.wav_path(step_id))
    samples, rate = soundfile.read(wav, dtype="float32")
    times = json.loads(work.output(tts.words_path(step_id)).read_text(encoding="utf-8"))
    return Heard(wav, samples, rate, times)
