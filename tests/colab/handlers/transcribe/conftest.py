"""Desks for the recognisers: the embedded one, and a tiny Whisper of random weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colab.fake_workbench import FakeWorkbench
from colab.handlers.transcribe import TranscribeHandler, engines
from colab.models import Models
from protocol.kinds.kind import SOURCE
from tests.support.spoken import spoken
from tests.support.whisper import models_with, tiny_whisper


@pytest.fixture(scope="session")
def whisper_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny Whisper."""
    return tiny_whisper(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(autouse=True)
def _nothing_resident() -> Iterator[None]:
    engines.loaded.clear()
    yield
    engines.loaded.clear()


@pytest.fixture
def with_whisper(tmp_path: Path, whisper_files: Path) -> Models:
    """Return models of which the small Whisper is here."""
    return models_with(tmp_path / "models", whisper_files, "small")


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """Return a sound of two sentences with silences around them."""
    return spoken(tmp_path / "talk.wav", "what can you do for your country", "this is the time")


@pytest.fixture
def desk_for(tmp_path: Path) -> Callable[..., FakeWorkbench]:
    """Return a maker of desks: a source, models if any, and raw parameters."""
    made: list[FakeWorkbench] = []

    def make(
        source: Path,
        models: Models | None = None,
        engine: str | None = None,
        handler: TranscribeHandler | None = None,
        **raw: object,
    ) -> FakeWorkbench:
        folder = tmp_path / f"desk-{len(made)}" / "work"
        folder.parent.mkdir()
        work = FakeWorkbench(
            kind="transcribe",
            raw=raw,
            folder=folder,
            sources={SOURCE: source},
            engine=engine,
            models=models,
            handler=handler,
        )
        made.append(work)
        return made[-1]

    return make
