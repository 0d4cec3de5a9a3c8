"""English as an educated American reads it aloud: a table of texts and readings."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech.text import pieces

_TABLE = Path(__file__).parent.parent / "golden" / "speech" / "english.tsv"
READINGS = [tuple(line.split("\t")) for line in _TABLE.read_text(encoding="utf-8").splitlines() if "\t" in line]


def spoken(text: str, language: str = "en-us") -> str:
    return " ".join(piece.text for piece in pieces(text, language))


@pytest.mark.parametrize(("text", "reading"), READINGS, ids=[text for text, _ in READINGS])
def test_a_text_is_read_as_the_table_says(text: str, reading: str) -> None:
    """Numbers in every context, dates, money, measures, numerals, codes and names."""
    assert spoken(text) == reading


@pytest.mark.parametrize("language", ["de", "fr", "es", "it", "pt-br", "ja", "ru"])
def test_other_languages_get_no_english_readings(language: str) -> None:
    """Their engines read the numbers, so the text stays as written."""
    text = "10,000+ $5 Louis XIV 3/4 Mon–Fri GPT-4 Python 3.11 HTTP 404 #FF8800 x^2"
    heard = spoken(text, language).lower()
    for english in ("thousand", "dollar", "fourteenth", "quarters", "friday", "four", "eleven", "squared", "hash"):
        assert english not in heard


@pytest.mark.parametrize(
    ("text", "language", "reading"),
    [
        ("10/12/2026", "en-gb", "December tenth, twenty twenty-six"),
        ("10/12/2026", "en-us", "October twelfth, twenty twenty-six"),
        ("25.12.2026", "en-us", "December twenty-fifth, twenty twenty-six"),
        ("99/99/2026", "en-us", "99/99/2026"),
        ("3/4/25", "en-us", "March fourth, twenty twenty-five"),
    ],
)
def test_the_order_of_a_date_follows_the_country(text: str, language: str, reading: str) -> None:
    """Month first in America, day first in Britain and with dots; anything else stays as it is."""
    assert spoken(text, language) == reading


def test_a_reading_belongs_to_the_word_that_was_written() -> None:
    """The reading of several words is divided among them, so that captions keep their times."""
    made = pieces("Call (555) 123-4567 or pay CHF 30.", "en-us")
    by_word: dict[int, list[str]] = {}
    for piece in made:
        by_word.setdefault(piece.word, []).append(piece.text)
    assert by_word[1] == ["five", "five", "five,"]
    assert " ".join(by_word[2]) == "one two three, four five six seven"
    assert (by_word[5], by_word[6]) == (["thirty"], ["Swiss", "francs."])


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", ["+49 " + "30 " * 3000, "Python " + "1.2 " * 3000, '"5" ' * 3000, "1914 to " * 3000])
def test_neighbours_are_looked_at_only_so_far(text: str) -> None:
    """A long run of numbers takes seconds, not minutes, because each word examines only nearby words."""
    assert len(pieces(text, "en-us")) >= 3000
