"""Where an engine's packages are not installed, each kind says so first, with the command that installs them here."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from colab.handlers.analyze import engines as analyze
from colab.handlers.enhance import engines as enhance
from colab.handlers.transcribe import engines as transcribe
from colab.handlers.upscale import engines as upscale
from colab.models import ModelPlaces, Models
from media.examine import examine
from protocol.errors import JobFailed
from protocol.kinds.analyze import Params as Look
from protocol.kinds.transcribe import Params as Hear
from tests.support import odd_media
from usertext import installing

HEAVY = ("torch", "torchvision", "spandrel", "transformers", "faster_whisper", "ctranslate2")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    """Return a worker's models, none of them here, on a machine without any of the large packages."""
    there = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> object:
        return None if name in HEAVY else there(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    return Models(ModelPlaces(folder=tmp_path / "models", offline=True))


def _upscale(models: Models, picture: Path, required: str | None) -> tuple[str, ...]:
    return upscale.ENGINES.choose(models, upscale.UpscaleJob(), required).passed_over


def _enhance(models: Models, picture: Path, required: str | None) -> tuple[str, ...]:
    return enhance.ENGINES.choose(models, "auto", required).passed_over


def _transcribe(models: Models, picture: Path, required: str | None) -> tuple[str, ...]:
    return transcribe.ENGINES.choose(models, Hear(), required).passed_over


def _analyze(models: Models, picture: Path, required: str | None) -> tuple[str, ...]:
    return analyze.choose(models, required, Look(), examine(picture)).passed_over


@pytest.mark.parametrize(
    ("choose", "engine", "extra"),
    [
        (_upscale, "realesrgan", "upscale"),
        (_enhance, "llm", "llm"),
        (_transcribe, "faster-whisper", "whisper"),
        (_analyze, "clip-blip", "vision"),
    ],
)
def test_the_packages_come_before_the_model(
    models: Models, tmp_path: Path, choose: Callable[..., tuple[str, ...]], engine: str, extra: str
) -> None:
    """A model without the packages would help nobody; who requires the engine is told the same."""
    picture = odd_media.picture(tmp_path / "a.png")
    hint = installing.with_extra(extra)
    told = choose(models, picture, None)
    assert len(told) == 1
    assert hint in told[0]
    assert "models pull" not in told[0]
    with pytest.raises(JobFailed) as failed:
        choose(models, picture, engine)
    assert failed.value.code == "UNSUPPORTED"
    assert hint in str(failed.value)
