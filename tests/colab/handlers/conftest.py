"""A work bench for handlers: local files, and a record of everything that the handler said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from pydantic import BaseModel

from colab.handlers.work import Result, StopWork
from colab.models import ModelPlaces, Models
from protocol.kinds import tts
from protocol.messages import EngineRecord


@dataclass
class FakeWork:
    """`Work` in a test: counts, remembers the order, and stops when told to."""

    params: BaseModel
    folder: Path
    models: Models
    engine: str | None = None
    inputs: dict[str, Path] = field(default_factory=dict)
    published: list[str] = field(default_factory=list)
    progressed: list[tuple[int, int, str]] = field(default_factory=list)
    stop_after: int | None = None
    leftover: tuple[str, ...] = ()  # outputs that lie in `folder` from an earlier attempt
    began: EngineRecord | None = None

    def output(self, path: str) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def kept(self, engine: EngineRecord) -> frozenset[str]:
        assert not self.published, "the engine is told after the first output"
        self.began = engine
        return frozenset(self.leftover)

    def publish(self, path: str) -> None:
        assert (self.folder / path).is_file(), f"{path} was published before it was written"
        assert path not in self.published, f"{path} was published twice"
        self.published.append(path)

    def progress(self, done: int, total: int, note: str = "") -> None:
        self.progressed.append((done, total, note))
        if self.stop_after is not None and len(self.progressed) > self.stop_after:
            raise StopWork


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

    work: FakeWork
    result: Result
    clips: list[Heard]


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """Return a place without any model file, and no way to get one."""
    return Models(ModelPlaces(folder=tmp_path / "models", offline=True))


@pytest.fixture
def make_work(tmp_path: Path, models: Models) -> Callable[..., FakeWork]:
    """Return a maker of fake work, each in a folder of its own."""
    made: list[FakeWork] = []

    def make(params: BaseModel, **more: Any) -> FakeWork:
        folder = tmp_path / f"work-{len(made)}"
        folder.mkdir()
        made.append(FakeWork(params=params, folder=folder, models=models, **more))
        return made[-1]

    return make


@pytest.fixture
def tell(make_work: Callable[..., FakeWork]) -> Callable[..., Told]:
    """Return a function that has texts spoken by the real handler and listens to what came out."""
    from colab.handlers import HANDLERS

    def run(*texts: str | dict[str, Any], engine: str | None = None, **params: Any) -> Told:
        told = [{"narration": text} if isinstance(text, str) else text for text in texts]
        steps = [tts.Step(id=f"s{place}", **step) for place, step in enumerate(told)]
        work = make_work(tts.Params(steps=tuple(steps), **params), engine=engine)
        result = HANDLERS["tts"]().run(work)
        return Told(work, result, [_heard(work, step.id) for step in steps])

    return run


def _heard(work: FakeWork, step_id: str) -> Heard:
    wav = work.folder / tts.wav_path(step_id)
    samples, rate = soundfile.read(wav, dtype="float32")
    times = json.loads((work.folder / tts.words_path(step_id)).read_text(encoding="utf-8"))
    return Heard(wav, samples, rate, times)
