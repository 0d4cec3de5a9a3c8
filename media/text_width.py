"""How wide a text is in columns: in a terminal, or in a line of captions."""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_VIRAMA = 9
"""The combining class of a virama, which stacks the next consonant below or beside the one before."""


def text_width(text: str) -> int:
    """Return the columns of a text: a wide character takes two, a combining mark none."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(map(_char_width, text))


def graphemes(text: str) -> list[str]:
    """Return the characters of a text, each with its combining marks."""
    found: list[str] = []
    for char in text:
        if found and (_is_mark(char) or _joins_next(found[-1][-1])):
            found[-1] += char
        else:
            found.append(char)
    return found


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) == "Mc" or _char_width(char) == 0


def _joins_next(char: str) -> bool:
    return char == _JOINER or unicodedata.combining(char) == _VIRAMA
