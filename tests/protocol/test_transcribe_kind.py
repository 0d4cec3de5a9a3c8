"""What may be asked of a transcript, and what one in JSON must be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from protocol.errors import BadMessage
from protocol.kinds import KINDS
from protocol.kinds.transcribe import Params, outputs, read_transcript


def test_there_is_an_output_for_each_format() -> None:
    """Named after the source; subtitles by default."""
    assert outputs(Params()) == {"source.srt": "text/x-subrip"}
    assert list(outputs(Params(formats=("json", "vtt")))) == ["source.json", "source.vtt"]
    assert KINDS["transcribe"].takes == ("film", "sound")


def test_a_language_is_taken_in_capitals_too() -> None:
    """EN is en."""
    assert Params(language=" EN ").language == "en"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a language": ({"language": "klingon"}, "auto, af, am"),
    "a model": ({"model": "../huge"}, "model"),
    "a format": ({"formats": ["doc"]}, "srt"),
    "no format": ({"formats": []}, "at least 1"),
    "a format twice": ({"formats": ["srt", "srt"]}, "twice"),
    "turbo that translates": ({"task": "translate", "model": "turbo"}, "large-v3, medium or small"),
    "durations the wrong way round": ({"min_cue_s": 5, "max_cue_s": 2}, "longer than max_cue_s"),
    "a beam of none": ({"beam_size": 0}, "greater than or equal to 1"),
    "a batch of none": ({"batch_size": 0}, "greater than or equal to 1"),
    "track nought": ({"track": 0}, "greater than or equal to 1"),
    "no number": ({"gap_s": float("nan")}, "gap_s"),
    "a stray option": ({"threads": 4}, "threads"),
}


@pytest.mark.parametrize(("raw", "says"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused_in_words(raw: dict[str, Any], says: str) -> None:
    """The message names what there is instead, or why not."""
    with pytest.raises(ValidationError, match=says):
        Params.model_validate(raw)


GOOD = {
    "segments": [{"start": 0, "end": 1.5, "text": "Hi.", "words": [{"word": "Hi.", "start": 0, "end": 1, "score": 1}]}],
    "word_segments": [{"word": "Hi.", "start": 0, "end": 1, "score": 1}],
    "language": "en",
}


def test_a_transcript_of_whisperx_can_be_read() -> None:
    """Whole numbers are as good as fractions."""
    assert read_transcript(json.dumps(GOOD).encode()).segments[0].words[0].word == "Hi."


@pytest.mark.parametrize(
    "change",
    [
        {"segments": None},
        {"segments": [{"start": -1, "end": 1, "text": ""}]},
        {"segments": [{"start": "0", "end": 1, "text": ""}]},
        {"segments": [{"start": 0, "end": 1e9, "text": ""}]},
        {"word_segments": [{"word": "a", "start": 0, "end": 1, "score": 2}]},
        {"language": 1},
    ],
)
def test_what_is_no_transcript_is_refused(change: dict[str, Any]) -> None:
    """It comes from elsewhere."""
    with pytest.raises(BadMessage, match="is no transcript"):
        read_transcript(json.dumps(GOOD | change).encode())
