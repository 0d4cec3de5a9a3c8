"""A written word with its neighbours: what the rules of a language may examine."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

_OPENERS = re.compile(r"(?:[(\[{\"'«“„‘‚¿¡]|<(?=[A-Za-z/]))+")
_CLOSERS = ")]}>\"'»”“’›」』）"
_STOPS = ".,;:!?…"
_PAIRS = {")": "(", "]": "[", "}": "{", ">": "<"}
_SIGNS = r"[~≈<>≤≥±+\-−–]*"
_ONE_NUMBER = r"[$€£¥₹]?[0-9][0-9,]*(?:\.[0-9]+)?(?:[×x]10\^?-?[0-9⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
_NUMBER = re.compile(rf"{_SIGNS}{_ONE_NUMBER}\+?")
_SPAN = re.compile(rf"{_SIGNS}{_ONE_NUMBER}[-–—]{_ONE_NUMBER}\+?")
_DETERMINERS = "a an the this that each every another any no my your his her its our their one's"
_FUNCTION_WORDS = (
    "a about above across after again all also always among an and another any are around as at be because been before "
    "being below between both but by can could did do does down during each either else every few for from had has "
    "have he her here his how i if in into is it its just less like long many may might more most much must my near "
    "neither no nor not now of off often on once one only onto or other our out over per perhaps plus she should since "
    "so some sometimes still such than that the their them then there these they this those through thus till to today "
    "too toward under until up upon us very via was we were what when where whether which while who whose why will "
    "with within without would yes yet you your ago apart away each high tall wide deep thick older later earlier left "
    "remain remains max min total"
)
DETERMINERS = frozenset(_DETERMINERS.split())
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that are not nouns: a measure before one of them does not describe what follows."""


def unwrapped(word: str) -> tuple[str, str, str]:
    """Split a word into opening marks, the word, and closing marks: `("(", "foo()", "),")`. Its own brackets stay."""
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
class WordContext:
    """The words of a paragraph, and the index of the current one. `language` is as the user named it."""

    words: Sequence[str]
    at: int
    language: str = "en-us"

    def word(self, offset: int) -> str:
        """Return the word at an offset from the current one, without its opening and closing marks; else empty."""
        place = self.at + offset
        return unwrapped(self.words[place])[1] if 0 <= place < len(self.words) else ""

    def lower(self, offset: int) -> str:
        """Return the same as `word`, in lower case."""
        return self.word(offset).lower()

    def raw(self, offset: int) -> str:
        """Return the word at an offset as it is written."""
        place = self.at + offset
        return self.words[place] if 0 <= place < len(self.words) else ""

    def with_word(self, core: str) -> WordContext:
        """Return the same context with another current word."""
        return replace(self, words=[*self.words[: self.at], core, *self.words[self.at + 1 :]])

    def before(self, count: int) -> list[str]:
        """Return up to `count` words before the current one, in lower case, the nearest first."""
        return [self.lower(-offset) for offset in range(1, min(count, self.at) + 1)]

    def runs_on(self, offset: int = 0) -> bool:
        """Say whether nothing separates a word from the next one: no comma, full stop or bracket."""
        raw = self.raw(offset)
        return bool(raw) and unwrapped(raw)[2] == "" and bool(self.raw(offset + 1))

    def is_number(self, offset: int) -> bool:
        """Say whether a word is a number, or two numbers with a dash between them."""
        return bool(_NUMBER.fullmatch(self.word(offset)) or _SPAN.fullmatch(self.word(offset)))

    def is_one(self, offset: int) -> bool:
        """Say whether a word is the number one, including "about" or "less than" one."""
        return re.fullmatch(rf"{_SIGNS}1", self.word(offset)) is not None

    def is_operand(self, offset: int) -> bool:
        """Say whether a word can be part of a formula: a number or a single letter."""
        word = self.word(offset)
        return (
            self.is_number(offset) or (len(word) == 1 and word.isalpha()) or bool(re.fullmatch(r"[A-Za-z]\^\w", word))
        )

    def is_noun(self, offset: int) -> bool:
        """Say whether a word may be a noun: a plain word that is not a function word."""
        word = self.word(offset)
        return word.replace("-", "").isalpha() and len(word) > 1 and word.lower() not in FUNCTION_WORDS

    def counts_following(self) -> bool:
        """Say whether the current number counts what follows, as in "2024 rows": a plural in lower case."""
        word = self.word(1)
        plural = word.endswith("s") and not word.endswith(("ss", "us", "is"))
        return self.runs_on() and plural and word.islower() and word not in FUNCTION_WORDS

    def is_attributive(self, first: int = 0) -> bool:
        """Say whether the measure from `first` to the current word describes a noun: "a 40cm gap".

        A measure in brackets may follow or precede it: "a 10m (32ft) passage".
        """
        ahead, back = 1, first - 1
        if self.raw(0).startswith("(") and self.raw(0).endswith(")"):
            back -= 1
        elif not self.runs_on():
            return False
        if self.raw(ahead).startswith("(") and self.raw(ahead).endswith(")"):
            ahead += 1
        if not self.is_noun(ahead) or self.word(ahead)[0].isupper():
            return False
        return self.lower(back) in DETERMINERS or (
            self.lower(back - 1) in DETERMINERS and self.is_noun(back) and self.word(back).islower()
        )


Rule = tuple[re.Pattern[str], Callable[[re.Match[str], WordContext], "str | None"]]
"""The pattern of a whole word, and a function that returns its spoken form; None if the context rules it out."""
