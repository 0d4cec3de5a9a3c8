"""Rewritten narration: which proposals of a worker are used, what is asked, and what is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dispatcher.jobs.job import Job, Result
from dispatcher.tour.narration.enhancing import Enhancement, check, check_proposals, enhance_narration, write_spec
from dispatcher.tour.options import Enhance
from dispatcher.tour.session import TourSession
from dispatcher.tour.spec.loading import load
from protocol.errors import UsageError, VerificationError
from protocol.kinds.enhance import TEXTS_JSON
from protocol.messages import EngineRecord
from tests.support import specs
from tests.support.sessions import RecordingScreen, session

RULES = EngineRecord(name="rules", version="1", provider="python", device="cpu", tier="embedded")
TEXTS = (("a", "so, we see 3 cells [pause 1s]."), ("b", "Right."))
LEXICON = {"cells": "sells", **{f"word{n}": "word" for n in range(300)}}  # more words than a request has terms


def result(folder: Path, *answers: str, texts: Sequence[tuple[str, str]] = TEXTS, **summary: Any) -> Result:
    """Return a result as a worker sends it, with these answers."""
    pairs = [
        {"id": step, "original": text, "enhanced": answer, "kept": "", "tries": 1}
        for (step, text), answer in zip(texts, answers, strict=True)
    ]
    path = folder / TEXTS_JSON
    path.write_text(json.dumps({"purpose": "narration", "texts": pairs}), encoding="utf-8")
    return Result(run="r1", folder=folder, files={TEXTS_JSON: path}, engine=RULES, summary=summary, verified="full")


def test_a_worker_is_believed_no_more_than_a_model(tmp_path: Path) -> None:
    """An answer that lost a number or a mark, or that cannot be spoken, leaves the step its own words."""
    good, bad = check_proposals(TEXTS, result(tmp_path, "We see 3 cells [pause 1s].", "<prosody>Right.</prosody>"), ())
    assert (good.after, good.rejected) == ("We see 3 cells [pause 1s].", "")
    assert bad.after == "Right."
    assert "<prosody>" in bad.rejected
    lost, _ = check_proposals(TEXTS, result(tmp_path, "We see 4 cells.", "Right."), ())
    assert lost.after == lost.before
    assert "the number 3 is missing" in lost.rejected


def test_a_result_about_other_texts_is_no_result(tmp_path: Path) -> None:
    """Neither other words, nor other steps, nor no file at all."""
    for other in ((("a", "others"), ("b", "Right.")), (("x", TEXTS[0][1]), TEXTS[1])):
        with pytest.raises(VerificationError, match="other texts"):
            check_proposals(TEXTS, result(tmp_path, "so", "Right.", texts=other), ())
    empty = Result(run="r", folder=tmp_path, files={}, engine=None, summary={}, verified="full")
    with pytest.raises(VerificationError, match=r"enhanced\.json"):
        check_proposals(TEXTS, empty, ())


@pytest.fixture
def spec_path(tmp_path: Path) -> Path:
    """Return a spec of two steps."""
    steps = [{"id": step, "url": "about:blank", "narration": text} for step, text in TEXTS]
    return specs.write(tmp_path, {"settings": {"lexicon": LEXICON}, "steps": steps})


def enhance_with(
    spec_path: Path, screen: RecordingScreen, *answers: str, **options: Any
) -> tuple[dict[str, str], Enhancement, dict[str, Any]]:
    """Return the narrations afterwards, the outcome, and the parameters that were sent."""
    sent: dict[str, Any] = {}

    def ask(job: Job, _session: TourSession) -> Result:
        sent.update(job.params)
        return result(spec_path.parent, *answers, passed_over=["no torch"])

    spec = load(spec_path)
    asking = session(spec_path.parent, screen=screen, enhance=Enhance(**options))
    enhanced, outcome = enhance_narration(spec, asking, ask)
    assert outcome is not None
    assert enhanced.source == spec.source
    return {step.id: step.narration for step in enhanced.steps}, outcome, sent


def test_only_what_is_accepted_is_spoken(spec_path: Path) -> None:
    """What was declined stays; who wrote, what was taken and what was not are told, a passed over engine loudly."""
    before = spec_path.read_bytes()
    screen = RecordingScreen(accepts=["b"])
    answers = ("We see 3 cells [pause 1s].", "All right.")
    spoken, outcome, sent = enhance_with(spec_path, screen, *answers, glossary=("here",))
    assert spoken == {"a": TEXTS[0][1], "b": "All right."}
    assert outcome.as_dict() == {
        "engine": "rules 1 (embedded, cpu)", "accepted": ["b"], "declined": ["a"], "kept": {},
    }  # fmt: skip
    assert screen.warned == ["a better engine was not used: no torch"]
    assert sent["glossary"] == ["here", "cells"]
    assert sent["language"] == "en-us"
    assert "model" not in sent
    assert spec_path.read_bytes() == before


def test_a_step_that_keeps_its_words_is_told(spec_path: Path) -> None:
    """It is not shown as a change."""
    screen = RecordingScreen()
    _, outcome, _ = enhance_with(spec_path, screen, "We see 4 cells.", "Right.", yes=True)
    assert screen.changes == []
    assert screen.warned[-1].startswith("step a keeps its text: the number 3 is missing")
    assert list(outcome.unchanged) == ["a"]


def test_the_spec_is_written_anew_beside_the_old_one(spec_path: Path) -> None:
    """With what was accepted and everything else as it was; it loads."""
    target = spec_path.with_name("better.json")
    options = {"yes": True, "spec": target}
    enhance_with(spec_path, RecordingScreen(), "We see 3 cells [pause 1s].", "Right.", **options)
    old, new = json.loads(spec_path.read_text()), json.loads(target.read_text(encoding="utf-8"))
    assert new["steps"][0]["narration"] == "We see 3 cells [pause 1s]."
    new["steps"][0]["narration"] = old["steps"][0]["narration"]
    assert new == old
    load(target)


def test_segments_are_written_too(tmp_path: Path) -> None:
    """A spec keeps the way it was written in."""
    source = specs.write(tmp_path, specs.whole(specs.slides(), specs.demo()))
    write_spec(source, tmp_path / "new.json", {"app": "See here."})
    written = json.loads((tmp_path / "new.json").read_text(encoding="utf-8"))
    assert [segment["narration"] for segment in written["segments"]] == ["Hello.", "See here."]
    load(tmp_path / "new.json")


def test_no_file_is_written_over(spec_path: Path) -> None:
    """Neither the spec itself nor another one; and it lies where its relative paths hold."""
    (spec_path.parent / "other.json").write_text("mine")
    for name in ("tour.json", "other.json"):
        with pytest.raises(UsageError, match="not overwritten"):
            check(session(spec_path.parent, enhance=Enhance(spec=spec_path.with_name(name))))
        with pytest.raises(UsageError, match="not overwritten"):
            write_spec(spec_path, spec_path.with_name(name), {})
    with pytest.raises(UsageError, match="must be in the folder of"):
        check(session(spec_path.parent, enhance=Enhance(spec=spec_path.parent / "below" / "new.json")))
    assert (spec_path.parent / "other.json").read_text() == "mine"
