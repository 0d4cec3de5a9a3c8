"""A written word among its neighbours: what the rules of a language may look at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_OPENERS = re.compile(r"(?:[(\[{\"'«“„‘‚¿¡]|<(?=[A-Za-z/]))+")
_CLOSERS = ")]}>\"'»”“’›」』）"
_STOPS = ".,;:!?…"
_PAIRS = {")": "(", "]": "[", "}": "{", ">": "<"}
_NUMBER = re.compile(r"[+\-−]?[$€£¥₹]?[0-9][0-9,]*(?:\.[0-9]+)?")


def unwrapped(word: str) -> tuple[str, str, str]:
    """Return what opens a word, the word, and what follows it: `("(", "foo()", "),")`. Its own brackets stay."""
    found = _OPENERS.match(word)
    opening = found[0] if found else ""
    core = word[len(opening) :]
    end = len(core)
    while end and core[end - 1] in _STOPS + _CLOSERS and not _is_own(core[:end]):
        end -= 1
    return opening, core[:end], core[end:]


def _is_own(core: str) -> bool:
    partner = _PAIRS.get(core[-1])
    return partner is not None and partner in core


@dataclass(frozen=True, kw_only=True)
class Near:
    """The words of a paragraph, and the place of the one that is looked at."""

    words: Sequence[str]
    at: int

    def word(self, away: int) -> str:
        """Return a neighbour without what opens and ends it; an empty text where there is none."""
        place = self.at + away
        return unwrapped(self.words[place])[1] if 0 <= place < len(self.words) else ""

    def raw(self, away: int) -> str:
        """Return a neighbour as it is written."""
        place = self.at + away
        return self.words[place] if 0 <= place < len(self.words) else ""

    def is_number(self, away: int) -> bool:
        """Say whether a neighbour is a number."""
        return bool(_NUMBER.fullmatch(self.word(away)))

    def is_operand(self, away: int) -> bool:
        """Say whether a neighbour is what formulas are made of: a number or a single letter."""
        word = self.word(away)
        return self.is_number(away) or (len(word) == 1 and word.isalpha())
