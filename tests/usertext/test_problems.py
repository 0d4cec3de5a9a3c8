"""What is wrong with parameters, as people say it: every sort of problem that the kinds' checks have."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from protocol.kinds import KINDS
from usertext.problems import place_of, sentences

STEP = {"id": "a", "narration": "Hello."}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a number too high": ({"speed": 9}, "speed must be at most 2, not 9"),
    "a number too low": ({"speed": 0.1}, "speed must be at least 0.5, not 0.1"),
    "no number": ({"speed": "fast"}, "speed must be a number, not 'fast'"),
    "not finite": ({"speed": float("nan")}, "speed must be"),
    "an unknown name": ({"pitch": 3}, "pitch is not known"),
    "no text": ({"voice": 7}, "voice must be text, not 7"),
    "an empty text": ({"voice": ""}, "voice must have at least 1 character(s)"),
    "a long text": ({"voice": "x" * 65}, "voice must have at most 64 characters"),
    "no list": ({"steps": "Hello."}, "steps must be a list, not 'Hello.'"),
    "an empty list": ({"steps": []}, "steps must have at least 1 entry"),
    "an entry that is none": ({"steps": [3]}, "step 1 must be an object with names and values, not 3"),
    "missing in an entry": ({"steps": [STEP, {"id": "b"}]}, "the narration of step 2 is missing"),
    "wrong in an entry": ({"steps": [{**STEP, "narration": None}]}, "the narration of step 1 must be text, not null"),
    "a rule of ours": ({"steps": [STEP, STEP]}, "two steps share the id 'a' (ids are compared without case)"),
    "a whole number": ({"seed": 1.5, "ref_text": "x", "consent": True}, "seed must be a whole number, not 1.5"),
    "true or false": ({"consent": "yes"}, "consent must be true or false, not 'yes'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_problem_is_told_with_its_place_and_value(what: str) -> None:
    """Each once, in words that need no knowledge of pydantic, and without what only follows from it."""
    given, told = WRONG[what]
    with pytest.raises(ValidationError) as wrong:
        KINDS["tts"].params.model_validate({"steps": [STEP], **given})
    said = sentences(wrong.value)
    assert said.startswith(told)
    assert "nput should" not in said
    assert ";" not in said


def test_places_are_named_as_people_count() -> None:
    """From one, and from the inside to the outside."""
    assert place_of(("speed",)) == "speed"
    assert place_of(("steps", 0)) == "step 1"
    assert place_of(("steps", 2, "id")) == "the id of step 3"
    assert place_of(()) == ""
