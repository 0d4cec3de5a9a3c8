"""Words in parts that fit a line: scripts that set no words apart are cut where a reader pauses, else by width.

Chinese and Japanese are cut after their stops and commas; no line begins with a closing mark or ends with an opening
one. What is wider than a line all the same is cut between two signs, and so are Thai, Khmer and the like, where only a
dictionary knows the words; never between a letter and what belongs to it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dispatcher.assembly.timeline import Word
from media.columns import clusters, columns

CLOSERS = "」』）】》〉〕］｝”’)]}"
_STOPS = "。！？｡…，、､；："
_CLAUSE = re.compile(rf"[^{_STOPS}]*[{_STOPS}]+[{re.escape(CLOSERS)}]*|[^{_STOPS}]+")

_NEVER_FIRST = frozenset(_STOPS + CLOSERS + "・ーゝゞ々ぁぃぅぇぉっゃゅょァィゥェォッャュョ.,!?:;%" + "ะาำๅๆฯະາຳໆຯ")
_NEVER_LAST = frozenset("「『（【《〈〔［｛“‘([{$#@" + "เแโใไເແໂໃໄ")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A word or a part of one, and when it sounds. `spaced`: a blank stands before it."""

    text: str
    start_s: float
    end_s: float
    spaced: bool = True


def parts_of(words: Sequence[Word], width: int) -> list[Part]:
    """Return the words in parts of at most `width` columns; a word's time is shared out by their columns."""
    return [part for word in words for part in _shared_out(word, _cut(word.text, width))]


def joined(parts: Sequence[Part]) -> str:
    """Return the parts as a text, with the blanks that belong between them."""
    return "".join((" " if place and part.spaced else "") + part.text for place, part in enumerate(parts))


def _cut(text: str, width: int) -> list[str]:
    clauses = _CLAUSE.findall(text) if _is_wide(text) else [text]
    return [piece for clause in clauses for piece in _narrow(clause, width)]


def _narrow(clause: str, width: int) -> list[str]:
    """Return a clause in pieces of about the same width, as few as go."""
    count = math.ceil(columns(clause) / width)
    if count <= 1:
        return [clause]
    signs = _together(clause, width)
    for narrow in range(columns(clause) // count, width):
        if len(pieces := list(_filled(signs, narrow))) <= count:
            return pieces
    return list(_filled(signs, width))


def _filled(texts: Sequence[str], width: int) -> Iterator[str]:
    """Put texts that stand together into as few pieces of at most `width` columns as go, none of them torn."""
    piece = ""
    for text in texts:
        if piece and columns(piece + text) > width:
            yield piece
            piece = ""
        piece += text
    if piece:
        yield piece


def _together(clause: str, width: int) -> list[str]:
    """Return the signs of a clause, those as one that must not be torn; none wider than `width`."""
    found: list[str] = []
    keep_runs = _is_wide(clause)  # else there is nowhere to cut but within one
    for sign in clusters(clause):
        if found and _belong(found[-1], sign, keep_runs=keep_runs) and columns(found[-1] + sign) <= width:
            found[-1] += sign
        else:
            found.append(sign)
    return found


def _belong(before: str, sign: str, *, keep_runs: bool) -> bool:
    if sign[0] in _NEVER_FIRST or before[-1] in _NEVER_LAST:
        return True
    return keep_runs and columns(sign) < 2 and columns(before[-1]) < 2


def _is_wide(text: str) -> bool:
    return any(columns(sign) > 1 for sign in clusters(text))


def _shared_out(word: Word, texts: Sequence[str]) -> Iterator[Part]:
    ends = list(itertools.accumulate(columns(text) for text in texts))
    whole, length_s = ends[-1] or 1, word.end_s - word.start_s
    for place, (text, end) in enumerate(zip(texts, ends, strict=True)):
        start_s = word.start_s + length_s * (end - columns(text)) / whole
        yield Part(text=text, start_s=start_s, end_s=word.start_s + length_s * end / whole, spaced=place == 0)
