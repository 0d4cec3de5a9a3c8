"""Who analyses, when there is no model: nothing is left out without a word."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from colab.handlers.analyze import HANDLER
from colab.handlers.analyze.clip_blip import GENERAL, asked
from protocol.errors import JobFailed
from tests.support import odd_media


@pytest.fixture
def film(tmp_path):
    return odd_media.film(tmp_path / "film.mp4", seconds=0.5, sound=False)


@pytest.mark.parametrize("wish", ["tags", "captions", "embeddings"])
def test_what_was_asked_for_and_cannot_be_done_is_an_error_with_the_hint(wish, film, put):
    """No weights, no packages: the job ends before any work, and says what to do."""
    with pytest.raises(JobFailed, match=r"models pull|gpudrop\[vision\]") as failed:
        put(film, raw={wish: "on"}).run()
    assert failed.value.code == "UNSUPPORTED"


def test_what_was_left_open_is_passed_over_and_said(film, put):
    """The analysis is done without, by the engine that needs no model; the bytes do not tell of the machine."""
    desk = put(film)
    result = desk.run()
    assert (result.engine.name, result.engine.tier) == ("classic", "embedded")
    said = " ".join(result.summary["passed_over"])
    assert all(wish in said for wish in ("tags", "embeddings", "captions"))
    assert b"clip" not in desk.outputs()["source.analysis.json"]


@pytest.mark.parametrize(
    ("raw", "engine", "why"),
    [
        ({}, None, "no tags by the labels given"),
        ({"tags": "off"}, None, "the labels were not looked for: tags are off"),
        ({}, "classic", "the labels were not looked for: the engine classic gives no tags"),
    ],
)
def test_labels_that_nobody_looks_for_are_told(raw, engine, why, film, put):
    """Whoever gives labels wants them: what keeps them from being looked for is a warning at the terminal."""
    summary = put(film, raw={**raw, "labels": ("dog", "cat")}, engine=engine).run().summary
    assert why in " ".join([*summary.get("passed_over", ()), *summary.get("notes", ())])
    assert "labels" not in str(put(film, raw=raw, engine=engine).run().summary)


def test_labels_are_not_looked_for_in_a_sound(tmp_path, put):
    """It shows nothing."""
    summary = put(odd_media.SOUNDS["silence"](tmp_path), raw={"labels": ("dog",), "sheet": False}).run().summary
    assert "the labels were not looked for: a sound has no frames" in summary["notes"]


def test_who_wants_none_of_it_is_told_nothing(film, put):
    """Off is no fallback."""
    result = put(film, raw={"tags": "off", "captions": "off", "embeddings": "off"}).run()
    assert "passed_over" not in result.summary


def test_the_classic_engine_does_not_pretend_to_see(film, put):
    """Insisting on it and on captions cannot both be."""
    assert put(film, engine="classic").run().engine.name == "classic"
    with pytest.raises(JobFailed, match="classic: it gives no captions") as failed:
        put(film, raw={"captions": "on"}, engine="classic").run()
    assert failed.value.code == "UNSUPPORTED"


def test_an_engine_that_sees_is_not_asked_for_nothing(film, put):
    """Insisting on it with everything off that it does is a mistake, and no other engine's work."""
    with pytest.raises(JobFailed, match="all that it does is off") as failed:
        put(film, raw={"tags": "off", "captions": "off", "embeddings": "off"}, engine="clip-blip").run()
    assert failed.value.code == "BAD_REQUEST"


def test_an_engine_that_sees_cannot_be_had_of_a_sound(tmp_path, put):
    """A sound shows nothing, whoever looks."""
    with pytest.raises(JobFailed, match="has no frames"):
        put(odd_media.SOUNDS["silence"](tmp_path), engine="clip-blip").run()


def test_a_card_of_a_worker_without_packages_names_the_classic_engine(put, film, monkeypatch):
    """Nothing heavy is imported to find that out."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    models = put(film).models
    assert [record.name for record in HANDLER.engines(models)] == ["classic"]
    with pytest.raises(JobFailed, match="torch and transformers and safetensors not installed"):
        put(film, raw={"tags": "on"}).run()


def test_labels_are_looked_for_once_and_ours_can_be_left_out():
    """Those that were given come first."""
    assert asked(("a zebra", "a dog", "a zebra", " "), general=True)[:3] == ("a zebra", "a dog", "a person")
    assert asked(("a zebra",), general=False) == ("a zebra",)
    assert len(set(GENERAL)) == len(GENERAL)


def test_the_page_counts_the_general_labels():
    """As many as there are."""
    page = (Path(__file__).parents[4] / "docs/kinds/analyze.md").read_text(encoding="utf-8")
    assert re.findall(r"(\d+)\s+general ones", page) == [str(len(GENERAL))]
