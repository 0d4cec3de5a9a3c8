"""Timed words made fit for captions: in order, within the film, none wider than a line.

A word wider than a line is cut where a reader expects it: an address or path after its marks, a long compound with a
hyphen, an unspaced script between two signs. No line begins with a closing mark or ends with an opening one, and no
letter is torn from the marks that belong to it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from media.columns import clusters, columns

_NEVER_FIRST = frozenset(
    "。！？｡…，、､；：」』）】》〉〕］｝”’)]}・ーゝゞ々ぁぃぅぇぉっゃゅょァィゥェォッャュョ.,!?:;%" + "ะาำๅๆฯະາຳໆຯ"
)
_NEVER_LAST = frozenset("「『（【《〈〔［｛“‘([{$#@เแโใไເແໂໃໄ")
_BREAKABLE = "-–—/\\_.,;:?&=+|~@"
"""A word may be cut after these without a hyphen."""

_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")

_VOWELS = "aeiouyäöüáéíóúàèìòùâêîôûåæø"
_ONSETS = re.compile(rf"(?:sch|ch|ck|ph|sh|th|qu|st|[^\W\d_{_VOWELS}])(?=[{_VOWELS}])", re.IGNORECASE)
"""Where a syllable may begin: the last consonant before a vowel, or the letters that are one."""

_IN_WORDS = "-'’.,;:!?…»”\")"
"""What a word of letters may hold or end with; an address or code holds more, and no hyphen is put into those."""

_LEAST_LETTERS = 3
"""Of a word, before and after a hyphen that we put in."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A word, or a part of one, and when it sounds. `spaced`: a blank stands before it.

    `break_cost` is what a break after it costs a reader; `ends_sentence` says that a sentence ends with it.
    """

    text: str
    start_s: float
    end_s: float
    spaced: bool = True
    break_cost: float = 0.0
    ends_sentence: bool = False


_SomePart = TypeVar("_SomePart", bound=Part)


def joined(parts: Sequence[Part]) -> str:
    """Return the parts as a text, with the blanks that belong between them."""
    return "".join((" " if place and part.spaced else "") + part.text for place, part in enumerate(parts))


def fitting(parts: Iterable[Part], length_s: float, width: int) -> list[Part]:
    """Return all parts in order, no time before the one before it or after the end, none wider than `width`."""
    return [piece for part in ordered(parts, length_s) for piece in shared_out(part, _narrow(part.text, width))]


def shared_out(part: Part, texts: Sequence[str]) -> list[Part]:
    """Return a part as several; its time is shared out by their columns."""
    if len(texts) == 1:
        return [replace(part, text=texts[0])]
    ends = list(itertools.accumulate(columns(text) for text in texts))
    whole, length_s = ends[-1] or 1, part.end_s - part.start_s
    return [
        Part(
            text=text,
            start_s=part.start_s + length_s * (end - columns(text)) / whole,
            end_s=part.start_s + length_s * end / whole,
            spaced=part.spaced and place == 0,
        )
        for place, (text, end) in enumerate(zip(texts, ends, strict=True))
    ]


def ordered(parts: Iterable[_SomePart], length_s: float) -> Iterator[_SomePart]:
    """Yield the parts with times that never go back and end with the film."""
    before_s = 0.0
    for part in parts:
        start = min(max(part.start_s, before_s, 0.0), length_s)
        yield replace(part, start_s=start, end_s=min(max(part.end_s, start), length_s))
        before_s = start


def _narrow(text: str, width: int) -> list[str]:
    """Return a text in pieces of about the same width, as few as go."""
    if columns(text) <= width:
        return [text]
    is_word = all(mark.isalpha() or mark in _IN_WORDS for mark in text)
    least = columns(text) // math.ceil(columns(text) / width)
    tries = (list(_pieces(text, narrow, is_word)) for narrow in range(max(least, 2), width + 1))
    return min(tries, key=len)


def _pieces(text: str, width: int, is_word: bool) -> Iterator[str]:
    """Yield pieces of at most `width` columns, each as long as a good place to cut allows."""
    signs = clusters(text)
    while columns("".join(signs)) > width:
        fit = 1
        while fit < len(signs) and columns("".join(signs[: fit + 1])) <= width:
            fit += 1
        at, hyphen = _best_cut(signs, fit, width, is_word)
        yield "".join(signs[:at]) + hyphen
        signs = signs[at:]
    yield "".join(signs)


def _best_cut(signs: Sequence[str], fit: int, width: int, is_word: bool) -> tuple[int, str]:
    """Return how many signs to take of those that fit, and the hyphen that belongs after them, if any."""
    for at in range(fit, _LEAST_LETTERS if is_word else fit // 2, -1):
        if signs[at - 1] in _BREAKABLE and signs[at] not in _BREAKABLE:
            return at, ""
    for at in range(fit, 0, -1):
        if _may_part(signs[at - 1], signs[at]):
            return at, ""
    room = fit if columns("".join(signs[:fit])) < width else fit - 1
    if is_word and room >= _LEAST_LETTERS:
        return _hyphenated("".join(signs), room), "-"
    return fit, ""


def _may_part(before: str, after: str) -> bool:
    """Say whether a line may end between two signs without a hyphen: one of them is of an unspaced script."""
    if after[0] in _NEVER_FIRST or before[-1] in _NEVER_LAST:
        return False
    return any(columns(sign) > 1 or _UNSPACED.match(sign) for sign in (before, after))


def _hyphenated(word: str, room: int) -> int:
    """Return where a word of letters is cut: at the last syllable that fits, else where the room ends."""
    starts = [found.start() for found in _ONSETS.finditer(word) if found.start() >= _LEAST_LETTERS]
    fits = [start for start in starts if room // 2 < start <= room and len(word) - start >= _LEAST_LETTERS]
    return max(fits, default=room)
