"""Captions as files: every character is displayed, and none acts as a command."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.captions import WORD_JOINER, Cue, ass_text, srt, vtt

TEXTS = (
    "the <head> of", "git switch <branch>", "<b>bold</b>", "a < b > c", "a <b", "<1>", "</i>", "<!-- no -->",
    "{name}", r"{\an8}top", "{y:i}x", r"\{x\}", r"C:\Users", r"C:\new \N \h", "x\\", "a --> b",
    "R&D", "&amp; &lt;b&gt; &nbsp; &#60;", "<3 & 4 > 2",
)  # fmt: skip


def seen(payload: str) -> str:
    """Return a SubRip text as ffmpeg and mpv display it."""
    return payload.replace("\\{", "{").replace("\\}", "}").replace(WORD_JOINER, "")


def cue(*lines: str, at: int = 0) -> Cue:
    return Cue(start_ms=at, end_ms=at + 900, lines=lines)


def test_subrip() -> None:
    """Cues are numbered, times have commas, and hours at least two digits."""
    cues = [cue("one", "two"), cue("three", at=3_600_000)]
    first, second = "00:00:00,000 --> 00:00:00,900\none\ntwo\n\n", "01:00:00,000 --> 01:00:00,900\nthree\n\n"
    assert srt(cues) == f"1\n{first}2\n{second}"


def test_webvtt() -> None:
    """The header, the notes, and the cues."""
    assert vtt([cue("one")], ["of me"]) == "WEBVTT\n\nNOTE of me\n\n1\n00:00:00.000 --> 00:00:00.900\none\n\n"
    assert vtt([]) == "WEBVTT\n\n"


@pytest.mark.parametrize("text", TEXTS)
def test_webvtt_holds_the_very_text(text: str) -> None:
    """`<`, `>` and `&` are escaped, and no invisible character is added."""
    payload = vtt([cue(text)]).split("\n")[4]
    assert html.unescape(payload) == text
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", payload)


@pytest.mark.parametrize("text", TEXTS)
def test_subrip_holds_no_command(text: str) -> None:
    """Everything that players treat as a tag, an override, a break or an entity is broken up; visible text stays."""
    payload = srt([cue(text)]).split("\n")[2]
    assert seen(payload) == text
    for command in (r"<[\w/ !]", r"(?<!\\)\{", r"\{[\\\w]+:", r"\{\\", r"\\[Nnh}]", r"-->", r"&#?\w+;", r"\\$"):
        assert not re.search(command, payload), command


def test_harmless_texts_are_left_alone() -> None:
    """No invisible character is added where none is needed."""
    for text in ("plain", r"C:\Users", "R&D", "a -> b > c", "what }", "日本語。"):
        assert srt([cue(text)]).split("\n")[2] == text


HEBREW, LATIN = "לחצו על Export (ייצוא)!", "Export the file."


def test_text_from_right_to_left_says_so() -> None:
    """Its lines carry direction marks, in SubRip around them and in WebVTT before them; other lines are left alone."""
    cues = [cue(HEBREW, "Chrome 120 ייצוא"), cue(LATIN)]
    lines = srt(cues).split("\n")
    assert lines[2:4] == [f"\u202b{HEBREW}\u202c", "\u202bChrome 120 ייצוא\u202c"]
    assert lines[7] == LATIN
    assert vtt(cues).split("\n")[4:6] == [f"\u200f{HEBREW}", "\u200fChrome 120 ייצוא"]
    assert vtt(cues).split("\n")[9] == LATIN


def test_a_foreign_word_turns_no_line() -> None:
    """English that quotes a Hebrew word runs from left to right, and Hebrew full of English from right to left."""
    quoting = [cue("The button says ייצוא in Hebrew.")]
    assert srt(quoting).split("\n")[2] == quoting[0].lines[0]
    mixed = [cue("לחצו על הכפתור כדי לשמור את הקובץ"), cue("לחצו Export Settings Configuration Manager")]
    assert srt(mixed).split("\n")[6].startswith("\u202b")


def test_substation() -> None:
    """Braces and backslashes are escaped."""
    assert ass_text(r"{\an8}C:\new") == rf"\{{\{WORD_JOINER}an8\}}C:\{WORD_JOINER}new"


plain = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30)


@settings(max_examples=150, deadline=None)
@given(st.lists(plain, min_size=1, max_size=3))
def test_no_text_breaks_a_file(lines: list[str]) -> None:
    """The number of cues and lines stays the same, whatever the text."""
    for text in (srt([cue(*lines), cue("after")]), vtt([cue(*lines), cue("after")])):
        first, second, rest = text.removeprefix("WEBVTT\n\n").split("\n\n")
        assert first.split("\n")[0] == "1"
        assert len(first.split("\n")) == 2 + len(lines)
        assert second.endswith("\nafter")
        assert rest == ""
