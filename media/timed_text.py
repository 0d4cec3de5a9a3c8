"""Timed words prepared for captions: in order, within the length of the media, none wider than a line.

A word wider than a line is split where a reader expects it: an address or path after punctuation, a long compound with
a hyphen, a script without spaces between two characters. No line begins with a closing mark or ends with an opening
one, and no letter is separated from its combining marks.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from media.text_width import graphemes, text_width

_NEVER_FIRST = frozenset(
    "。！？｡…，、､；：」』）】》〉〕］｝”’)]}・ーゝゞ々ぁぃぅぇぉっゃゅょァィゥェォッャュョ.,!?:;%" + "ะาำๅๆฯະາຳໆຯ"
)
_NEVER_LAST = frozenset("「『（【《〈〔［｛“‘([{$#@เแโใไເແໂໃໄ")
_BREAKABLE = "-–—/\\_.,;:?&=+|~@"
"""A word may be split after these without a hyphen."""

_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")

_VOWELS = "aeiouyäöüáéíóúàèìòùâêîôûåæø"
_ONSETS = re.compile(rf"(?:sch|ch|ck|ph|sh|th|qu|st|[^\W\d_{_VOWELS}])(?=[{_VOWELS}])", re.IGNORECASE)
"""Where a syllable may begin: the last consonant before a vowel, or a group of letters that is one sound."""

_IN_WORDS = "-'’.,;:!?…»”\")"
"""What an ordinary word may contain or end with; addresses and code contain more, and are never hyphenated."""

_MIN_LETTERS = 3
"""How many letters of a word must stand before and after an inserted hyphen."""


@dataclass(frozen=True, kw_only=True)
class TimedText:
    """A word, or a part of one, with the time when it is spoken. `spaced` says that a space precedes it.

    `break_cost` says how much a line break after it disturbs a reader; `ends_sentence` that a sentence ends with it.
    """

    text: str
    start_s: float
    end_s: float
    spaced: bool = True
    break_cost: float = 0.0
    ends_sentence: bool = False


_AnyTimedText = TypeVar("_AnyTimedText", bound=TimedText)


def join_text(parts: Sequence[TimedText]) -> str:
    """Return the parts as one text, with spaces between them where they belong."""
    return "".join((" " if index and part.spaced else "") + part.text for index, part in enumerate(parts))


def fit_width(parts: Iterable[TimedText], length_s: float, width: int) -> list[TimedText]:
    """Return all parts with times that never go back or exceed the end, and none wider than `width`."""
    return [piece for part in in_order(parts, length_s) for piece in split_time(part, _split(part.text, width))]


def split_time(part: TimedText, texts: Sequence[str]) -> list[TimedText]:
    """Return a part split into these texts; its time is divided in proportion to their widths."""
    if len(texts) == 1:
        return [replace(part, text=texts[0])]
    ends = list(itertools.accumulate(text_width(text) for text in texts))
    whole, length_s = ends[-1] or 1, part.end_s - part.start_s
    return [
        TimedText(
            text=text,
            start_s=part.start_s + length_s * (end - text_width(text)) / whole,
            end_s=part.start_s + length_s * end / whole,
            spaced=part.spaced and index == 0,
        )
        for index, (text, end) in enumerate(zip(texts, ends, strict=True))
    ]


def in_order(parts: Iterable[_AnyTimedText], length_s: float) -> Iterator[_AnyTimedText]:
    """Yield the parts with times that never go back and never exceed the length of the media."""
    previous_s = 0.0
    for part in parts:
        start = min(max(part.start_s, previous_s, 0.0), length_s)
        yield replace(part, start_s=start, end_s=min(max(part.end_s, start), length_s))
        previous_s = start


def _split(text: str, width: int) -> list[str]:
    """Return a text in as few pieces as possible, of about the same width."""
    if text_width(text) <= width:
        return [text]
    is_word = all(char.isalpha() or char in _IN_WORDS for char in text)
    least = text_width(text) // math.ceil(text_width(text) / width)
    tries = (list(_pieces(text, narrow, is_word)) for narrow in range(max(least, 2), width + 1))
    return min(tries, key=len)


def _pieces(text: str, width: int, is_word: bool) -> Iterator[str]:
    """Yield pieces of at most `width` columns, each as long as a good break allows."""
    chars = graphemes(text)
    while text_width("".join(chars)) > width:
        fit = 1
        while fit < len(chars) and text_width("".join(chars[: fit + 1])) <= width:
            fit += 1
        at, hyphen = _best_break(chars, fit, width, is_word)
        yield "".join(chars[:at]) + hyphen
        chars = chars[at:]
    yield "".join(chars)


def _best_break(chars: Sequence[str], fit: int, width: int, is_word: bool) -> tuple[int, str]:
    """Return how many of the characters that fit to take, and the hyphen after them, if any."""
    for at in range(fit, _MIN_LETTERS if is_word else fit // 2, -1):
        if chars[at - 1] in _BREAKABLE and chars[at] not in _BREAKABLE:
            return at, ""
    for at in range(fit, 0, -1):
        if _may_break(chars[at - 1], chars[at]):
            return at, ""
    room = fit if text_width("".join(chars[:fit])) < width else fit - 1
    if is_word and room >= _MIN_LETTERS:
        return _hyphen_position("".join(chars), room), "-"
    return fit, ""


def _may_break(before: str, after: str) -> bool:
    """Say whether a line may end between two characters without a hyphen: one belongs to a script without spaces."""
    if after[0] in _NEVER_FIRST or before[-1] in _NEVER_LAST:
        return False
    return any(text_width(char) > 1 or _UNSPACED.match(char) for char in (before, after))


def _hyphen_position(word: str, room: int) -> int:
    """Return where a word is hyphenated: before the last syllable that fits, else where the room ends."""
    starts = [found.start() for found in _ONSETS.finditer(word) if found.start() >= _MIN_LETTERS]
    fits = [start for start in starts if room // 2 < start <= room and len(word) - start >= _MIN_LETTERS]
    return max(fits, default=room)
