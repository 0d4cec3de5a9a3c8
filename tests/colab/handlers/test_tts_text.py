"""From written narration to spoken chunks: pure rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colab.handlers.tts.script import CLAUSE_S, PARAGRAPH_S, SENTENCE_S, script
from colab.handlers.tts.times import fill, starts_of_words
from speech.text import MAX_PIECE


def spoken(text: str, language: str = "en-us", limit: int = 300) -> list[str]:
    return [chunk.text for chunk in script(text, language, limit).chunks]


@pytest.mark.parametrize(
    ("text", "chunks"),
    [
        ("One. Two! Three? Four… five.", ["One.", "Two!", "Three?", "Four... five."]),
        ("Dr. Smith met Mrs. Jones. They left.", ["doctor Smith met missus Jones.", "They left."]),
        (
            "It costs 3.50 or 1,234.56. Cheap.",
            ["It costs three point five zero or one thousand two hundred thirty-four point five six.", "Cheap."],
        ),
        ("He said no. No. 5 is alive.", ["He said no.", "number five is alive."]),
        ("Use tools (e.g. make). Then stop.", ["Use tools (for example make).", "Then stop."]),
        ("The U.S. Army and J. K. Rowling.", ["The U.S. Army and J. K. Rowling."]),
        ("At 10 a.m. we go. At 9 p.m. We sleep.", ["At ten a.m. we go.", "At nine p.m.", "We sleep."]),
        ("1. Open it. 2. Close it.", ["one. Open it.", "two. Close it."]),
        ("“Go!” she said. (Really.) Yes.", ["Go! she said.", "(Really.)", "Yes."]),
        ("Version 3.11.2 of v1.2 runs.", ["Version three point eleven point two of version one point two runs."]),
    ],
)
def test_sentences_end_where_they_end(text, chunks):
    """Text is split after sentences, never inside an abbreviation or a number."""
    assert spoken(text) == chunks


def test_german_ordinals_and_abbreviations():
    """The full stop of "3." and "z.B." ends no German sentence; the one after "gut" does."""
    assert spoken("Am 3. Mai war z.B. alles gut. Dann nicht.", "de") == [
        "Am 3. Mai war zum Beispiel alles gut.",
        "Dann nicht.",
    ]


def test_unspaced_scripts_are_split_at_their_own_stops():
    """Chinese has no blanks: its full stops end sentences, and all of it is one written word."""
    made = script("你好，世界。今天很好！", "cmn", 300)
    assert [chunk.text for chunk in made.chunks] == ["你好， 世界。", "今天很好！"]
    assert {word for chunk in made.chunks for word in chunk.words} == {0}


@pytest.mark.parametrize(
    ("text", "chunks"),
    [
        ("Hi 👋🏽 all 👨‍👩‍👧 ok ❤️ 1️⃣ 🇩🇪.", ["Hi all ok one."]),
        ("Bye 👋! Next — 🎉.", ["Bye!", "Next,"]),
        ("😀 🎉", []),
        ("  \t\n \u200b\ufeff ", []),
        ("— … ***", []),
        ("a\u200bb\u00adc\ufeffd", ["abcd"]),
        ("be\x00ll\x07 \x1b[0m", ["bell zero meters"]),
        ("cafe\u0301", ["café"]),
        ("\u202eright\u202c to \u2066left\u2069", ["right to left"]),
        ("wait — really - now", ["wait, really, now"]),
        ("it—is ‘fine’, don’t", ["it, is 'fine', don't"]),
        ('<break time="3s"/> x', ["break time equals three s slash x"]),
        ("[[h@l'oU]] {x} a<b>c", ["h at l'o U x a b c"]),
        ("foo_bar()", ["foo bar"]),
        ("a & b, 5 % # /", ["a and b, five percent hash slash"]),
    ],
)
def test_naughty_text_becomes_plain(text, chunks):
    """Emoji are dropped, invisible characters vanish, quotes and dashes become plain, markup is only words."""
    assert spoken(text) == chunks


def test_pauses_follow_what_ends():
    """A paragraph ends with a longer pause than a sentence, a cut at a comma with a short one."""
    made = script("One two, three four five six. Seven.\n\nEight.", "en", 16)
    assert (made.chunks[0].text, made.chunks[0].pause_s) == ("One two,", CLAUSE_S)
    assert [chunk.pause_s for chunk in made.chunks][-3:] == [SENTENCE_S, PARAGRAPH_S, PARAGRAPH_S]


def test_a_monster_word_is_cut():
    """A word longer than engines can hold is spoken in parts that belong to one written word."""
    made = script("a" * 1000 + " b", "en", 300)
    assert "".join(chunk.text.replace(" ", "") for chunk in made.chunks) == "a" * 1000 + "b"
    assert max(len(piece) for chunk in made.chunks for piece in chunk.text.split()) == MAX_PIECE
    assert {word for chunk in made.chunks for word in chunk.words} == {0, 1}


@given(st.text(max_size=400), st.integers(MAX_PIECE + 1, 400))
def test_any_text_gives_a_sound_script(text, limit):
    """Whatever is written: chunks keep the limit, count their pieces, and visit the words in order."""
    made = script(text, "en-us", limit)
    visited = [word for chunk in made.chunks for word in chunk.words]
    assert all(len(chunk.text) <= limit for chunk in made.chunks)
    assert all(len(chunk.text.split()) == len(chunk.words) for chunk in made.chunks)
    assert visited == sorted(visited)
    assert not visited or visited[-1] < len(made.words)


def test_marks_find_their_words():
    """Several marks in a word merge, one on a blank belongs to the word before, a silent word has none."""
    text = "1,234 of the 🍐"
    marks = [(0, 0.0), (1, 0.4), (2, 0.8), (5, 0.9), (6, 1.0), (2, 1.1)]
    assert starts_of_words(text, marks) == [0.0, 1.0, None, None]


def test_unknown_times_are_shared_by_length():
    """Words without a mark divide the time up to the next known one."""
    assert fill([0.0, None, 1.0, None], [3, 1, 1, 1], 2.0) == [0.0, 0.75, 1.0, 1.5]
    assert fill([None, 1.0], [1, 1], 2.0) == [0.0, 1.0]
    assert fill([None, None], [1, 1], 2.0) == [0.0, 1.0]
    assert fill([], [], 2.0) == []
