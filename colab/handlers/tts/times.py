"""Word times from what engines tell. Pure arithmetic on seconds and places in a text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence


def starts_of_words(text: str, marks: Iterable[tuple[int, float]]) -> list[float | None]:
    """Return when each word of `text` starts, None where no mark falls on it.

    `marks` are (place in the text from 0, seconds) in the order heard. A word gets the earliest of its marks; a mark on
    the blank after a word belongs to that word; a mark that points back behind one already heard is not believed.
    """
    places = _places(text)
    starts: list[float | None] = [None] * len(places)
    reached = -1
    for place, seconds in marks:
        word = bisect_right(places, place) - 1
        if word > reached:
            starts[word] = seconds
            reached = word
    return starts


def _places(text: str) -> list[int]:
    places, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        places.append(at)
        at += len(word)
    return places


def fill(starts: Sequence[float | None], weights: Sequence[int], end_s: float) -> list[float]:
    """Return a start for every word: those not known share the time up to the next known one, by their weights."""
    known = [place for place, start in enumerate(starts) if start is not None]
    filled = [0.0] * len(starts)
    for first, after in zip([0, *known], [*known, len(starts)], strict=True):
        from_s = starts[first] if first < len(starts) else None
        to_s = starts[after] if after < len(starts) else end_s
        _share(filled, first, after, from_s or 0.0, end_s if to_s is None else to_s, weights)
    return filled


def _share(filled: list[float], first: int, after: int, from_s: float, to_s: float, weights: Sequence[int]) -> None:
    total = sum(weights[first:after])
    passed = 0
    for place in range(first, after):
        filled[place] = from_s + (to_s - from_s) * passed / total
        passed += weights[place]
