"""The lines of one subtitle: as few as hold it, about equally long, broken where it hurts least."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from colab.handlers.transcribe import breaks
from colab.handlers.transcribe.engine import Word
from colab.handlers.transcribe.words import joined
from media.columns import columns

UNEVEN = 1.5
"""What a column costs by which a line is longer or shorter than the mean."""

ALONE = 80.0
"""What a line of a single word costs."""


def count_lines(words: Sequence[Word], width: int) -> int:
    """Return the fewest lines of at most `width` columns that hold the words; none of them is wider."""
    lines, used = 0, width
    for word in words:
        lines, used = put(word, width, lines, used)
    return lines


def put(word: Word, width: int, lines: int, used: int) -> tuple[int, int]:
    """Return how many lines there are, and the columns used of the last, with one word more."""
    wide = columns(word.text)
    if lines and used + word.spaced + wide <= width:
        return lines, used + word.spaced + wide
    return lines + 1, wide


def lines_of(words: Sequence[Word], width: int, language: str) -> list[str]:
    """Return the words in the fewest lines of at most `width` columns."""
    count = count_lines(words, width)
    if count <= 1:
        return [joined(words)] if words else []
    places = _best_places(words, width, count, language)
    return [joined(words[start:end]) for start, end in itertools.pairwise(places)]


def _best_places(words: Sequence[Word], width: int, count: int, language: str) -> list[int]:
    """Return where the lines begin, and the end: the cheapest of all ways to break into `count` lines."""
    size, mean = len(words), columns(joined(words)) / count
    best = {0: (0.0, [0])}
    for line in range(1, count + 1):
        reached: dict[int, tuple[float, list[int]]] = {}
        for start, (spent, places) in best.items():
            for end in range(start + 1, size + 1):
                wide = columns(joined(words[start:end]))
                if wide > width:
                    break
                if (end == size) != (line == count):
                    continue
                price = spent + _price(words, start, end, wide, mean, language)
                if price < reached.get(end, (math.inf, []))[0]:
                    reached[end] = (price, [*places, end])
        best = reached
    return best[size][1]


def _price(words: Sequence[Word], start: int, end: int, wide: int, mean: float, language: str) -> float:
    broken = breaks.cost(words[end - 1], words[end], language) if end < len(words) else 0.0
    alone = ALONE if end - start == 1 and len(words) > 2 else 0.0
    return broken + alone + UNEVEN * abs(wide - mean)
