"""How wide a text is where signs stand in columns: a terminal, a line of captions."""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_JOINS_THE_NEXT = 9
"""The combining class of a virama, which puts the consonant after it below or beside the one before."""


def columns(text: str) -> int:
    """Return how many columns a text takes: a wide sign two, a mark that sits on another none."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(map(_columns_of, text))


def clusters(text: str) -> list[str]:
    """Return the signs of a text, each with the marks that sit on it or beside it."""
    found: list[str] = []
    for sign in text:
        if found and (_belongs(sign) or _goes_on(found[-1][-1])):
            found[-1] += sign
        else:
            found.append(sign)
    return found


def _columns_of(sign: str) -> int:
    if unicodedata.combining(sign) or unicodedata.category(sign) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def _belongs(sign: str) -> bool:
    return unicodedata.category(sign) == "Mc" or _columns_of(sign) == 0


def _goes_on(sign: str) -> bool:
    return sign == _JOINER or unicodedata.combining(sign) == _JOINS_THE_NEXT
