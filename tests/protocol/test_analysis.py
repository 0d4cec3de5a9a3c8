"""The analysis as it is read: strictly."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from protocol.errors import BadMessage
from protocol.kinds.analysis import packed, read_analysis, unpacked
from protocol.kinds.analyze import ANALYSIS, KIND, SHEET, Params, fit

LOOK = {
    "sharpness": 12.5, "motion": 0.1, "brightness": 0.5, "contrast": 0.2, "saturation": 0.3, "colourfulness": 20,
    "mean": "#808080",
}  # fmt: skip


def shot(number: int, start_s: float, end_s: float, **more: Any) -> dict[str, Any]:
    return {
        "number": number, "start_s": start_s, "end_s": end_s, "start_frame": 0, "end_frame": 5,
        "representative_s": (start_s + end_s) / 2, "look": LOOK, "dominant": [{"colour": "#808080", "share": 1}],
    } | more  # fmt: skip


def analysis(**more: Any) -> dict[str, Any]:
    media = {"what": "film", "container": "mov", "seconds": 2, "picture": None, "sound": None, "sounds": 0}
    return {
        "format": "gpudrop-analysis", "version": 1, "media": media, "measured": None,
        "shots": [shot(1, 0, 1), shot(2, 1, 2)], "overall": None, "dominant": [], "black": [], "freeze": [],
        "loudness": None, "silence": [], "curves": None, "embeddings": None, "notes": [],
    } | more  # fmt: skip


def read(told: dict[str, Any]):
    return read_analysis(json.dumps(told).encode())


def test_a_good_one_is_read():
    """What is said comes back as it is."""
    assert [one.start_s for one in read(analysis()).shots] == [0, 1]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"shots": [shot(1, 0, 1), shot(2, 0.5, 2)]}, "does not follow"),
        ({"shots": [shot(1, 0, 1), shot(3, 1, 2)]}, "does not follow"),
        ({"shots": [shot(1, 0, 1, representative_s=1.5)]}, "no order"),
        ({"shots": [shot(1, 0, 1, embedding="!")]}, "no embedding"),
        ({"shots": [shot(1, 0, 1, embedding=packed([0.5, 0.5]))]}, "not as long"),
        ({"shots": [shot(1, -1, 1)]}, "start_s"),
        ({"black": [{"start_s": 2, "end_s": 1}]}, "ends before"),
        ({"dominant": [{"colour": "red", "share": 1}]}, "colour"),
        ({"more": 1}, "more"),
        ({"format": "other"}, "format"),
        ({"version": 2}, "version 2"),
    ],
)
def test_a_wrong_one_is_refused_with_the_place(wrong, why):
    """Nothing is guessed, and the message names what is wrong."""
    with pytest.raises(BadMessage, match=why):
        read(analysis(**wrong))


def test_embeddings_are_of_the_length_that_is_said_and_finite():
    """A vector that holds no number is no vector."""
    said = {"model": "clip", "model_sha256": "0" * 64, "dimensions": 2}
    good = read(analysis(embeddings=said, shots=[shot(1, 0, 1, embedding=packed([0.25, -1.0]))]))
    assert good.shots[0].vector() == (0.25, -1.0)
    with pytest.raises(BadMessage, match="no number"):
        read(analysis(embeddings=said, shots=[shot(1, 0, 1, embedding=packed([float("inf"), 1.0]))]))
    with pytest.raises(ValueError, match="no embedding"):
        unpacked("AAAA")


def test_the_outputs_follow_from_the_parameters():
    """The client fills in what a source gets; left open, only the analysis is promised."""
    assert set(KIND.outputs(Params())) == {ANALYSIS}
    assert set(KIND.outputs(Params.model_validate(fit({}, "film", "mov")))) == {ANALYSIS, SHEET}
    assert fit({"sheet": False}, "picture", "png_pipe") == {"sheet": False}
    assert set(KIND.outputs(Params.model_validate(fit({}, "sound", "wav")))) == {ANALYSIS}


@pytest.mark.parametrize("raw", [{"sheet": True}, {"tags": "on"}, {"captions": "on", "embeddings": "on"}])
def test_what_a_sound_cannot_have_is_said_before_it_is_sent(raw):
    """Neither a sheet nor what is to be seen."""
    with pytest.raises(ValueError, match="a sound"):
        fit(raw, "sound", "wav")


@pytest.mark.parametrize(
    "raw", [{"size": 2}, {"threshold": 0}, {"tags": "on", "general_labels": False}, {"labels": ["x" * 90]}, {"x": 1}]
)
def test_parameters_are_bounded(raw):
    """Each bad one is refused."""
    with pytest.raises(ValidationError):
        Params.model_validate(raw)
