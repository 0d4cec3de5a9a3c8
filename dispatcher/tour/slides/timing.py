"""When each slide of a segment is shown: pure arithmetic, no browser."""

from __future__ import annotations

import re
from itertools import accumulate, pairwise

LEAST_S = 1.5
"""A slide that nobody gave a time is on screen at least this long."""

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])")


def starts(
    count: int, narration: str, narration_s: float, *, interval_s: float | None, least_s: float = 0.0
) -> tuple[float, ...]:
    """Return when each of `count` slides begins, and last when the last one has been there long enough.

    With an interval each has exactly that. Without one they share out the narration, or `least_s` where that is
    longer: changes fall between sentences where there are enough of them. A short narration leaves no slide out.
    """
    if interval_s is not None:
        return tuple(n * interval_s for n in range(count + 1))
    whole = max(narration_s, least_s)
    lengths = [max(LEAST_S, whole * part) for part in shares(narration, count)]
    return tuple(accumulate(lengths, initial=0.0))


def least(count: int, interval_s: float | None) -> float:
    """Return how long a segment's slides take at least."""
    return count * (LEAST_S if interval_s is None else interval_s)


def shares(narration: str, count: int) -> list[float]:
    """Return each slide's part of the narration; all parts together are 1.

    A narration of as many paragraphs as slides gives one to each. Else each change is put where, of all ends of
    sentences, the one nearest to an even share is; with fewer sentences than slides all parts are equal.
    """
    paragraphs = [len(text) for text in re.split(r"\n\s*\n", narration) if text.strip()]
    if len(paragraphs) == count:
        return _parts(paragraphs)
    sentences = [len(text) for text in _SENTENCE_END.split(narration) if text.strip()]
    if len(sentences) < count:
        return [1 / count] * count
    return _parts(_even(sentences, count))


def _parts(lengths: list[int]) -> list[float]:
    return [length / sum(lengths) for length in lengths]


def _even(sentences: list[int], count: int) -> list[int]:
    """Return the lengths of `count` groups of sentences, each of one at least."""
    ends, cuts = list(accumulate(sentences, initial=0)), [0]
    for n in range(1, count):
        allowed = range(cuts[-1] + 1, len(sentences) - (count - n) + 1)
        cuts.append(min(allowed, key=lambda cut: abs(ends[cut] - ends[-1] * n / count)))
    return [ends[last] - ends[first] for first, last in pairwise([*cuts, len(sentences)])]
