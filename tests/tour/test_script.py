"""A spec's narration: read with its marks, sent without them, shown beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dispatcher.tour.narration.clips import NarrationVoice, speech_job
from dispatcher.tour.output import duration
from dispatcher.tour.spec import script
from dispatcher.tour.spec.loading import load
from protocol.errors import SpecError, UsageError
from protocol.kinds import tts

STEP = {"id": "a", "url": "about:blank"}


def spec(tmp_path: Path, *narrations: str, **settings: object) -> Path:
    steps = [{**STEP, "id": f"s{n}", "narration": text} for n, text in enumerate(narrations)]
    path = tmp_path / "tour.json"
    path.write_text(json.dumps({"settings": settings, "steps": steps}), encoding="utf-8")
    return path


def test_marks_travel_beside_the_text():
    """What is sent is plain text with the places of its marks, and the worker's kind takes it."""
    job = speech_job(
        [("a", "Now [pause 1s] *really* go to `main.py`.")], NarrationVoice(name="v", speed=1.0, language="en-us")
    )
    assert job.params["steps"] == [
        {"id": "a", "narration": "Now really go to main.py.", "pauses": [[1, 1.0]], "emphasis": [1]}
    ]
    assert tts.Params.model_validate(job.params).steps[0].pauses == ((1, 1.0),)


def test_a_plain_narration_is_sent_as_it_always_was():
    """No new key appears where nothing new is asked for: old workers and kept digests see the same request."""
    voice = NarrationVoice(name="v", speed=1.0, language="en-us", lexicon={"nginx": "engine x"})
    assert speech_job([("a", "Plain 2 * 3 words.")], voice).params == {
        "voice": "v",
        "speed": 1.0,
        "language": "en-us",
        "steps": [{"id": "a", "narration": "Plain 2 * 3 words."}],
    }


def test_only_what_is_used_of_a_lexicon_is_sent():
    """An entry for a word that nobody says changes no request."""
    voice = NarrationVoice(
        name="v", speed=1.0, language="en-us", lexicon={"nginx": "engine x", "foo bar": "fubar", "Q": "kew"}
    )
    assert speech_job([("a", "Open NGINX\nor Foo\nBar.")], voice).params["lexicon"] == {
        "nginx": "engine x",
        "foo bar": "fubar",
    }


def test_wrong_narration_is_named_by_its_place(tmp_path):
    """Markup, fences, pauses and lexicon entries are told with the other problems of the spec, each at its path."""
    path = spec(tmp_path, "fine", "<speak>no</speak>", "```\ncode", "[pause long]", lexicon={"a": "<b>", "c": "…"})
    with pytest.raises(SpecError) as wrong:
        load(path)
    told = wrong.value.problems
    assert [line.split(":")[0] for line in told] == [
        "$.settings.lexicon",
        "$.steps[1].narration",
        "$.steps[2].narration",
        "$.steps[3].narration",
    ]
    assert 'entry "a" respells with' in told[0]
    assert 'entry "c"' in told[0]
    assert "<speak>" in told[1]
    assert "[pause 0.5s]" in told[3]


@pytest.mark.parametrize("lexicon", [["a"], {"a": 1}, "a"])
def test_a_lexicon_that_is_none_is_refused(tmp_path, lexicon):
    """Anything but pairs of text is a problem of settings.lexicon."""
    with pytest.raises(SpecError, match=r"\$\.settings\.lexicon: "):
        load(spec(tmp_path, "fine", lexicon=lexicon))


def test_the_users_lexicon_lies_under_the_spec_s(tmp_path):
    """A file of the user's is read, the spec's own entries win, and a wrong one is named with its file."""
    file = tmp_path / "lexicon.json"
    file.write_text('{"nginx": "engine x", "SQL": "sequel"}', encoding="utf-8")
    assert script.merged_lexicon({"SQL": "S Q L"}, file) == {"SQL": "S Q L", "nginx": "engine x"}
    assert script.merged_lexicon({}, None) == {}
    file.write_text('{"nginx": 1}', encoding="utf-8")
    with pytest.raises(UsageError, match=r'lexicon\.json, entry "nginx" must be text'):
        script.merged_lexicon({}, file)


def test_pauses_count_in_the_forecast(tmp_path):
    """A video is foretold from what is spoken and its pauses, not from the marks as words."""
    plain, marked = (
        duration.estimate_from_text(load(spec(tmp_path, text))).seconds
        for text in ("One two three.", "*One* two [pause 5s] three.")
    )
    assert marked - plain == pytest.approx(5.0, abs=0.05)


def test_all_steps_are_previewed():
    """Each step with a narration is shown under its id."""
    told = script.show_spoken([("a", "Pay 5%."), ("b", " "), ("c", "nginx")], "en-us", {"nginx": "engine x"})
    assert told == "a: Pay five percent.\n  5%. → five percent.\n\nc: engine x\n  nginx → engine x"


def test_words_that_cannot_be_read_are_a_warning_of_their_step() -> None:
    """Each step is named with its words; markup around them and the lexicon are heeded."""
    steps = [("a", "Go to *Москва* and 東京."), ("b", "Fine."), ("c", "東京")]
    told = script.unreadable(steps, "en-us", {"Москва": "Moscow"})
    assert [line.split(":")[0] for line in told] == ["step a", "step c"]
    assert "東京" in told[0]
    assert "Москва" not in told[0]
