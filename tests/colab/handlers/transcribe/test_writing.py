"""Every format says the same, in the way that its readers expect."""

from __future__ import annotations

import json

import pysubs2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colab.handlers.transcribe.engine import HeardUtterance, HeardWord
from colab.handlers.transcribe.sentences import sentences_of
from colab.handlers.transcribe.writing import WRITERS, Written
from media.captions import WORD_JOINER, Cue
from protocol.kinds.transcribe import read_transcript

ENGINE = {"name": "tiny", "version": "1", "tier": "neural"}
WORDS = (
    HeardWord(text="Mr.", start_s=0.5, end_s=0.7, score=0.9),
    HeardWord(text="Smith", start_s=0.7, end_s=1.0, score=0.8),
    HeardWord(text="left.", start_s=1.0, end_s=1.4),
    HeardWord(text="Why?", start_s=1.5, end_s=1.9, score=1.0),
)
SAID = [HeardUtterance(start_s=0.5, end_s=1.9, text="Mr. Smith left. Why?", words=WORDS)]


def written(*lines: str, remark: str | None = None) -> Written:
    cues = [
        Cue(start_ms=1000 * place, end_ms=1000 * place + 900, lines=tuple(line.split("|")))
        for place, line in enumerate(lines)
    ]
    return Written(sentences=sentences_of(SAID, 60.0, "en"), cues=cues, language="en", engine=ENGINE, remark=remark)


def test_subrip_is_numbered_and_has_commas_in_its_times() -> None:
    """As every player reads it."""
    assert WRITERS["srt"](written("one|two", "three")) == (
        "1\n00:00:00,000 --> 00:00:00,900\none\ntwo\n\n2\n00:00:01,000 --> 00:00:01,900\nthree\n\n"
    )


def test_webvtt_says_who_heard_it_and_that_it_is_rough() -> None:
    """In notes, which players do not show."""
    text = WRITERS["vtt"](written("a < b & c", remark="This is rough."))
    assert text.startswith("WEBVTT\n\nNOTE made by gpudrop, tiny 1\n\nNOTE This is rough.\n\n1\n00:00:00.000 --> ")
    assert "a &lt; b &amp; c" in text


def test_substation_has_a_style_for_a_full_hd_film() -> None:
    """Braces and backslashes of a text are no commands."""
    text = WRITERS["ass"](written(r"{\an8}C:\new|line", remark="This is rough."))
    assert "PlayResY: 1080" in text
    assert "; This is rough." in text
    assert rf"\{{\{WORD_JOINER}an8\}}C:\{WORD_JOINER}new\Nline" in text


def test_texts_and_tables_are_as_whispers_command_writes_them() -> None:
    """A line for each sentence; milliseconds between tabs. A title ends no sentence."""
    assert WRITERS["txt"](written()) == "Mr. Smith left.\nWhy?\n"
    assert WRITERS["tsv"](written()) == "start\tend\ttext\n500\t1400\tMr. Smith left.\n1500\t1900\tWhy?\n"


def test_json_has_the_shape_of_whisperx() -> None:
    """Segments with words, all words once more, and the language; our reader takes it."""
    text = WRITERS["json"](written())
    told = json.loads(text)
    assert told["language"] == "en"
    assert [segment["text"] for segment in told["segments"]] == ["Mr. Smith left.", "Why?"]
    assert told["segments"][1] == {
        "start": 1.5,
        "end": 1.9,
        "text": "Why?",
        "words": [{"word": "Why?", "start": 1.5, "end": 1.9, "score": 1.0}],
    }
    assert [word["word"] for word in told["word_segments"]] == ["Mr.", "Smith", "left.", "Why?"]
    assert read_transcript(text.encode()).rough is False


@pytest.mark.parametrize("form", ["srt", "vtt", "ass", "txt"])
def test_an_empty_transcript_is_a_file_of_its_format(form: str) -> None:
    """Nobody spoke: no cue, no error."""
    nothing = Written(sentences=[], cues=[], language=None, engine=ENGINE)
    text = WRITERS[form](nothing)  # type: ignore[index]
    assert form in ("srt", "txt") or not pysubs2.SSAFile.from_string(text).events


plain = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30)


@settings(max_examples=150, deadline=None)
@given(st.lists(plain, min_size=1, max_size=3))
def test_no_text_breaks_a_subtitle_file(lines: list[str]) -> None:
    """Whatever a model writes, there are as many cues, at the same times, and no line is a blank."""
    cues = written("|".join(line.replace("|", "/") for line in lines), "after")
    for form in ("srt", "vtt"):
        blocks = WRITERS[form](cues).split("\n\n")  # type: ignore[index]
        timed = [block for block in blocks if " --> " in block.split("\n")[min(1, block.count("\n"))]]
        assert len(timed) == 2
        assert len(timed[0].split("\n")) == 2 + len(lines)
    dialogue = [line for line in WRITERS["ass"](cues).splitlines() if line.startswith("Dialogue: ")]
    assert len(dialogue) == 2
