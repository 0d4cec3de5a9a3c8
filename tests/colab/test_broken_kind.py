"""A kind whose library is broken or missing costs the worker that kind, and no other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from colab import bench
from colab.handlers import HANDLERS
from colab.models import ModelPlaces, Models


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models(ModelPlaces(folder=tmp_path, offline=True))


@pytest.mark.parametrize("error", [ImportError("libGL.so.1"), RuntimeError("driver"), OSError("no such device")])
def test_a_kind_that_cannot_be_opened_is_left_out(
    models: Models, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Whatever its library raises, the others are told of."""

    def broken() -> Any:
        raise error

    monkeypatch.setitem(HANDLERS, "analyze", broken)
    told = bench._answer_abilities(models, ["analyze", "echo"])
    assert list(told["engines"]) == ["echo"]


def test_every_kind_is_offered_without_the_extras(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with nothing but the package itself every kind has its embedded engine."""
    for name in ("ctranslate2", "faster_whisper", "kokoro_onnx", "onnxruntime", "torch", "transformers", "spandrel"):
        monkeypatch.setitem(sys.modules, name, None)
    told = bench._answer_abilities(models, list(HANDLERS))
    assert set(told["engines"]) == set(HANDLERS)
    assert all(any(each["tier"] == "embedded" for each in records) for records in told["engines"].values())
