"""Words wider than a line are split where a reader expects it."""

from __future__ import annotations

import pytest

from media.text_width import text_width
from media.timed_text import TimedText, fit_width


def cut(text: str, width: int) -> list[str]:
    return [part.text for part in fit_width([TimedText(text=text, start_s=0, end_s=4)], 10, width)]


@pytest.mark.parametrize(
    ("text", "width", "parts"),
    [
        (
            "Datenschutzgrundverordnungskonformitätserklärung,",
            30,
            ["Datenschutzgrundverord-", "nungskonformitätserklärung,"],
        ),
        ("Baden-Württembergischer", 18, ["Baden-", "Württembergischer"]),
        ("https://example.org/docs/getting-started", 24, ["https://example.org/", "docs/getting-started"]),
        ("a_very_long_function_name()", 20, ["a_very_long_", "function_name()"]),
        ("0123456789abcdef0123", 12, ["0123456789", "abcdef0123"]),
        ("short", 42, ["short"]),
    ],
)
def test_a_long_word_is_cut(text: str, width: int, parts: list[str]) -> None:
    """A compound is hyphenated at a syllable; code, paths and addresses are split after punctuation instead."""
    assert cut(text, width) == parts
    assert all(text_width(part) <= width for part in cut(text, width))


def test_parts_share_the_time_of_their_word() -> None:
    """The time is divided by width, without gaps; only the first part has a space before it."""
    first, second = fit_width([TimedText(text="https://example.org/docs/getting-started", start_s=1, end_s=3)], 10, 24)
    assert (first.start_s, first.end_s, second.end_s) == (1, second.start_s, 3)
    assert first.end_s == pytest.approx(2.0)
    assert (first.spaced, second.spaced) == (True, False)
