"""The lines of one caption: as few as hold it, about equally long, broken where it hurts least."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from media.columns import columns
from media.parts import Part, joined

UNEVEN = 1.5
"""What a column costs by which a line is longer or shorter than the mean."""

ALONE = 80.0
"""What a line of a single word costs."""


class Lines:
    """A text of parts, none wider than `width` columns, and how any stretch of it is broken into lines."""

    def __init__(self, parts: Sequence[Part], width: int) -> None:
        self.parts = parts
        self._width = width
        self._reach = list(itertools.accumulate((columns(part.text) + part.spaced for part in parts), initial=0))

    def columns(self, start: int, end: int) -> int:
        """Return how wide the parts from `start` to before `end` are on one line."""
        return self._reach[end] - self._reach[start] - self.parts[start].spaced

    def count(self, start: int, end: int) -> int:
        """Return the fewest lines that hold these parts."""
        lines = 1
        for place in range(start + 1, end):
            if self.columns(start, place + 1) > self._width:
                lines, start = lines + 1, place
        return lines

    def price(self, start: int, end: int, count: int) -> float:
        """Return what the best way to break these parts into `count` lines costs a reader."""
        return 0.0 if count == 1 else self._best(start, end, count)[0]

    def texts(self, start: int, end: int) -> list[str]:
        """Return these parts in the fewest lines."""
        places = self._best(start, end, self.count(start, end))[1]
        return [joined(self.parts[one:other]) for one, other in itertools.pairwise(places)]

    def _best(self, start: int, end: int, count: int) -> tuple[float, list[int]]:
        """Return the least price, and where the lines begin, with the end."""
        mean = self.columns(start, end) / count
        best = {start: (0.0, [start])}
        for line in range(1, count + 1):
            reached: dict[int, tuple[float, list[int]]] = {}
            for first, (spent, places) in best.items():
                for last in self._ends(first, end, is_last=line == count):
                    price = spent + self._price(first, last, end, mean, end - start)
                    if price < reached.get(last, (math.inf, []))[0]:
                        reached[last] = (price, [*places, last])
            best = reached
        return best[end]

    def _ends(self, first: int, end: int, *, is_last: bool) -> Sequence[int]:
        """Return where a line that begins with a part may end."""
        if is_last:
            return [end] if first < end and self.columns(first, end) <= self._width else []
        fit = first + 1
        while fit < end - 1 and self.columns(first, fit + 1) <= self._width:
            fit += 1
        return range(first + 1, min(fit, end - 1) + 1)

    def _price(self, first: int, last: int, end: int, mean: float, parts: int) -> float:
        broken = self.parts[last - 1].break_cost if last < end else 0.0
        alone = ALONE if last - first == 1 and parts > 2 else 0.0
        return broken + alone + UNEVEN * abs(self.columns(first, last) - mean)
