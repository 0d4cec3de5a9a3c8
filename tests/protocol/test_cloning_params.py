"""A cloned voice on the wire: its fields come together, and a request without them is what it always was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dispatcher.jobs.simple_form import _plain_steps
from protocol.kinds import tts
from protocol.messages import InputFile, Offer

STEPS = [{"id": "a", "narration": "Hello."}]


def made(**more: Any) -> tts.Params:
    return tts.Params.model_validate({"steps": STEPS, **more})


def test_a_plain_request_has_none_of_the_fields():
    """Old workers refuse keys that they do not know; nothing of ours adds one."""
    assert set(made().model_dump(exclude_unset=True)) == {"steps"}
    assert made().ref_text is None


def test_a_whole_request_passes():
    """Text and consent are all that is needed."""
    assert made(ref_text="Hi.", consent=True).seed is None
    assert made(ref_text="Hi.", consent=True, seed=0, nfe_step=16, cfg_strength=2).cfg_strength == 2.0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ref_text": "Hi."}, "consent must be true"),
        ({"ref_text": "Hi.", "consent": False}, "consent must be true"),
        ({"ref_text": "Hi.", "consent": "yes"}, "valid boolean"),
        ({"ref_text": " ", "consent": True}, "is blank"),
        ({"consent": True}, "consent: only a cloned voice has that"),
        ({"seed": 1, "nfe_step": 8}, "seed and nfe_step: only a cloned voice"),
        ({"ref_text": "Hi.", "consent": True, "seed": -1}, "greater than or equal to 0"),
        ({"ref_text": "Hi.", "consent": True, "nfe_step": 1000}, "less than or equal to 128"),
        ({"ref_text": "Hi.", "consent": True, "cfg_strength": float("nan")}, "less than or equal to 10"),
        ({"ref_text": "x" * 1001, "consent": True}, "at most 1000"),
    ],
)
def test_what_does_not_go_together_is_refused(fields, words):
    """Nobody's voice is cloned by half a request."""
    with pytest.raises(ValidationError, match=words):
        made(**fields)


def test_a_plain_answer_counts_for_no_cloned_voice():
    """An old worker would speak with another voice, and say nothing of it."""

    def steps(params: dict[str, Any], **inputs: InputFile) -> tuple[str, ...]:
        offer = Offer(
            drop="d" * 16,
            id="260101-120000-0badcafe",
            dispatcher="e" * 16,
            kind="tts",
            digest="ab" * 32,
            inputs=inputs,
        )
        return _plain_steps(params, offer)

    file = InputFile(size=1, sha256="ab" * 32, in_="in-1-ref_audio")
    assert steps({"steps": STEPS}) == ("a",)
    assert steps({"steps": STEPS}, ref_audio=file) == ()
    assert steps({"steps": STEPS, "ref_text": "Hi.", "consent": True}) == ()


def test_the_examples_of_the_simple_form_stay_as_they_are():
    """The golden requests of old parties hold none of the new names."""
    golden = Path(__file__).parents[1] / "golden"
    for path in [golden / "request-plain.json", golden / "request.json"]:
        assert not {b"ref_text", b"consent"} & set(path.read_bytes().split(b'"'))
