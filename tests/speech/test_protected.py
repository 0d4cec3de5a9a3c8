"""Parts that are hidden during a rewrite and restored afterwards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.protected import hide, marks, show


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Run `a  b` now.", ["`a  b`"]),
        ("Wait [pause 0.5s] here.", ["[pause 0.5s]"]),
        ("See https://a.b/c, then go.", ["https://a.b/c"]),
        ("Press *this one* at 10:30!", ["*this one*", "10:30"]),
        ("Open src/main.py with --force.", ["src/main.py", "--force"]),
        ("A [link](https://a.b) and <em>so</em>.", ["[link](https://a.b)", "<em>", "</em>"]),
        ("camelCase and run() and a.b.c, $HOME.", ["camelCase", "run()", "a.b.c", "$HOME"]),
        ("Nothing here - at all.", []),
    ],
)
def test_what_is_protected(text: str, parts: list[str]) -> None:
    """Code, marks, addresses, identifiers, numbers; not the punctuation after them."""
    hidden, found = hide(text)
    assert found == parts
    assert show(hidden, found) == text


def test_a_term_wins_and_is_a_whole_word() -> None:
    """The longest term is used; a term inside another word does not count."""
    hidden, parts = hide("Go to Google Docs by Go", ["Go", "Google Docs"])
    assert parts == ["Go", "Google Docs", "Go"]
    assert len(hidden) == len("? to ? by ?")


def test_a_text_that_uses_our_signs_is_not_hidden() -> None:
    """Otherwise it would be unclear what to restore."""
    with pytest.raises(ValueError, match="private-use"):
        hide("a \U000f0000 b")


@given(st.text(alphabet="ab *`[]<>()_1. \n\\&;/:-\"'", max_size=80))
def test_whatever_is_hidden_comes_back(text: str) -> None:
    """Byte for byte."""
    hidden, parts = hide(text, ("a", "ab b"))
    assert show(hidden, parts) == text


def test_long_texts_take_no_time() -> None:
    """No pattern backtracks excessively."""
    for text in ("a" * 50_000, "`" * 50_000, "[" * 50_000, "*a" * 25_000, "a." * 25_000, "<" * 50_000, "-" * 50_000):
        assert show(*hide(text)) == text


def test_marks_are_those_a_listener_misses() -> None:
    """Code, pauses, tags, addresses; a number alone is not one."""
    assert marks("`x` [pause] <b>3</b> https://a.b.") == ["`x`", "[pause]", "<b>", "</b>", "https://a.b"]
