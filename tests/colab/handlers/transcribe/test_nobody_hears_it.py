"""Where no recogniser can do a job, what is said names each hint once, and nothing that would not help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from colab.handlers.transcribe.engines import ENGINES
from colab.models import ModelPlaces, Models
from protocol.errors import JobFailed
from protocol.kinds.transcribe import Params

pytest.importorskip("faster_whisper")  # without it the hint is its package, which another test looks at

PULL = "gpudrop models pull"


def said(folder: Path, required: str | None = None, **raw: Any) -> str:
    """Return why a job cannot be done on a worker without a Whisper, which may not download."""
    with pytest.raises(JobFailed) as failed:
        ENGINES.choose(Models(ModelPlaces(folder=folder, offline=True)), Params.model_validate(raw), required)
    assert failed.value.code == "UNSUPPORTED"
    return str(failed.value)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ({"language": "de"}, "pocketsphinx: it recognises English only, not 'de'"),
        ({"task": "translate"}, "does not translate"),
    ],
)
def test_a_hint_is_said_once(tmp_path: Path, raw: dict[str, Any], why: str) -> None:
    """What the small recogniser cannot, then what is missing for the other, and how it comes."""
    told = said(tmp_path, **raw)
    assert why in told
    assert told.count(PULL) == 1
    assert told.endswith("faster-whisper: its model is not on this worker: gpudrop models pull whisper-small")


def test_a_model_by_its_name_is_asked_of_whisper_alone(tmp_path: Path) -> None:
    """Another model would be no hint, and neither would the recogniser that has none."""
    told = said(tmp_path, model="turbo")
    assert "whisper-large-v3-turbo/config.json" in told
    assert told.endswith("gpudrop models pull whisper-large-v3-turbo")
    assert told.count(PULL) == 1
    assert "pocketsphinx" not in told
    assert "whisper-small" not in told


def test_who_insists_on_the_small_one_is_told_to_leave_that(tmp_path: Path) -> None:
    """There Whisper was not asked."""
    told = said(tmp_path, "pocketsphinx", language="de")
    assert told.endswith("leave out --require-engine to use Whisper")
