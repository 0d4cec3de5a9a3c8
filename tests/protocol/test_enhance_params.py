"""What a request for better words may say, and what its answer looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from protocol.errors import BadMessage
from protocol.kinds.enhance import KIND, MAX_CHARACTERS, Params, outputs, read_enhanced


def test_outputs_follow_from_the_way_texts_come() -> None:
    """A file gives a file and its pairs; texts give pairs only."""
    assert outputs(Params()) == {
        "source.enhanced.txt": "text/plain",
        "source.enhanced.json": "application/json",
    }
    assert outputs(Params.model_validate({"texts": [{"id": "a", "text": ""}]})) == {"enhanced.json": "application/json"}


def test_a_prompt_may_grow_and_a_narration_may_not() -> None:
    """Unless something else is said."""
    assert Params().longest_factor == 1.2
    assert Params(purpose="prompt").longest_factor == 4.0
    assert Params(purpose="prompt", max_length_factor=1.0).longest_factor == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"texts": []},
        {"texts": [{"id": "a", "text": "x"}, {"id": "A", "text": "y"}]},
        {"texts": [{"id": "a/b", "text": "x"}]},
        {"texts": [{"id": "a", "text": "x" * (MAX_CHARACTERS + 1)}]},
        {"glossary": [""]},
        {"glossary": [" a"]},
        {"glossary": ["a\nb"]},
        {"glossary": ["a" * 101]},
        {"max_words": 0},
        {"max_length_factor": 9},
        {"temperature": float("nan")},
        {"model": "../../etc"},
        {"model": "a/b"},
        {"batch_size": 0},
        {"instruction": "x" * 1001},
        {"more": 1},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    """Before anything is sent, and again where it arrives."""
    with pytest.raises(ValidationError):
        Params.model_validate(wrong)


def test_pairs_are_read_strictly() -> None:
    """They come from elsewhere: a wrong one is told by its place."""
    pair = {"id": "a", "original": "x", "enhanced": "y", "kept": "", "tries": 1}
    good = {"purpose": "narration", "texts": [pair]}
    assert read_enhanced(json.dumps(good).encode()).texts[0].enhanced == "y"
    for wrong in ({**good, "texts": [{**pair, "enhanced": 3}]}, {**good, "purpose": "x"}, {"texts": []}):
        with pytest.raises(BadMessage, match="no file of enhanced texts"):
            read_enhanced(json.dumps(wrong).encode())
    with pytest.raises(BadMessage):
        read_enhanced(b"[" * 100)
    assert KIND.json_bytes > 6 * 512 * 1024
