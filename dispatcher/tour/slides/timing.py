"""When each slide of a segment is shown: pure arithmetic, no browser."""

from __future__ import annotations

import re
from itertools import accumulate, pairwise

LEAST_S = 1.5
"""How long a slide without an interval is shown at least."""

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])")


def starts(
    count: int, narration: str, narration_s: float, *, interval_s: float | None, least_s: float = 0.0
) -> tuple[float, ...]:
    """Return when each of `count` slides begins, and finally when the last one ends, in seconds.

    With an interval, each slide has exactly that time. Otherwise they are spread over the narration, or `least_s` if
    that is longer: changes are between sentences if there are enough. A short narration still shows every slide.
    """
    if interval_s is not None:
        return tuple(n * interval_s for n in range(count + 1))
    whole = max(narration_s, least_s)
    lengths = [max(LEAST_S, whole * share) for share in shares(narration, count)]
    return tuple(accumulate(lengths, initial=0.0))


def least(count: int, interval_s: float | None) -> float:
    """Return how long a segment's slides take at least, in seconds."""
    return count * (LEAST_S if interval_s is None else interval_s)


def shares(narration: str, count: int) -> list[float]:
    """Return each slide's share of the narration; the shares add up to 1.

    If there are as many paragraphs as slides, each slide gets one. Otherwise each change is at the end of the sentence
    that is nearest to an even share; with fewer sentences than slides, all shares are equal.
    """
    paragraphs = [len(text) for text in re.split(r"\n\s*\n", narration) if text.strip()]
    if len(paragraphs) == count:
        return _shares_of(paragraphs)
    sentences = [len(text) for text in _SENTENCE_END.split(narration) if text.strip()]
    if len(sentences) < count:
        return [1 / count] * count
    return _shares_of(_even(sentences, count))


def _shares_of(lengths: list[int]) -> list[float]:
    return [length / sum(lengths) for length in lengths]


def _even(sentences: list[int], count: int) -> list[int]:
    """Return the lengths of `count` groups of sentences, each of one at least."""
    ends, cuts = list(accumulate(sentences, initial=0)), [0]
    for n in range(1, count):
        allowed = range(cuts[-1] + 1, len(sentences) - (count - n) + 1)
        cuts.append(min(allowed, key=lambda cut: abs(ends[cut] - ends[-1] * n / count)))
    return [ends[last] - ends[first] for first, last in pairwise([*cuts, len(sentences)])]
