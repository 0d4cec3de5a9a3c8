"""Timed words cut into subtitles: the cheapest way to make cues that fit, last long enough and read well.

The caller says where a break disturbs (`speech.breaks`): this module knows times and widths, but no language.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from media.captions import Cue
from media.text_width import text_width
from media.timed_text import TimedText, join_text

LONG_PAUSE_S = 2.0
"""After a silence of this length a new cue always begins."""

EACH = 45.0
ALONE = 70.0
MIXED = 60.0
HASTE = 80.0
SHORT = 80.0
FLASH = 400.0
PAUSE = 120.0
"""The costs: of each cue; of a cue with a single word of a longer sentence; of each sentence that ends inside a cue; of
each second that reading takes longer than the cue is shown; of each second that a cue is too short, and additionally
below `FLASH_S`; of each second of silence above `CALM_S` inside a cue."""

FLASH_S = 0.8
"""A cue shown for less than this is not read. A shorter one is chosen only if all alternatives are worse."""

CALM_S = 0.6

LINGER_S = 0.25
CHAIN_S = 0.5
"""A cue stays for `LINGER_S` after its last word if there is room, and until the next cue if that begins within
`CHAIN_S`: a caption that vanishes for a moment flickers."""

TICK_MS = 10
"""Times are multiples of this: the coarsest format (ASS) counts hundredths of a second."""

UNEVEN = 1.5
"""The cost per column by which a line is longer or shorter than the average."""

LONE_WORD = 80.0
"""The cost of a line with a single word."""


@dataclass(frozen=True, kw_only=True)
class CueRules:
    """The limits of a cue: columns, lines, reading speed, duration, and the gap to the next one."""

    width: int
    count: int
    speed: float  # columns per second
    least_s: float
    most_s: float
    gap_s: float
    tick_ms: int = TICK_MS


class LineBreaker:
    """A text of parts, none wider than `width` columns, and how any range of it is broken into lines.

    The lines of a cue are as few as possible, about equally long, and broken where it disturbs least.
    """

    def __init__(self, parts: Sequence[TimedText], width: int) -> None:
        self.parts = parts
        self._width = width
        self._offsets = list(itertools.accumulate((text_width(part.text) + part.spaced for part in parts), initial=0))

    def width(self, start: int, end: int) -> int:
        """Return the width of the parts from `start` to before `end` on one line."""
        return self._offsets[end] - self._offsets[start] - self.parts[start].spaced

    def count(self, start: int, end: int) -> int:
        """Return how many lines these parts need."""
        lines = 1
        for index in range(start + 1, end):
            if self.width(start, index + 1) > self._width:
                lines, start = lines + 1, index
        return lines

    def cost(self, start: int, end: int, count: int) -> float:
        """Return the cost of the best way to break these parts into `count` lines."""
        return 0.0 if count == 1 else self._best(start, end, count)[0]

    def texts(self, start: int, end: int) -> list[str]:
        """Return these parts in the fewest lines."""
        breaks = self._best(start, end, self.count(start, end))[1]
        return [join_text(self.parts[first:last]) for first, last in itertools.pairwise(breaks)]

    def _best(self, start: int, end: int, count: int) -> tuple[float, list[int]]:
        """Return the lowest cost, and where the lines begin, followed by the end."""
        mean = self.width(start, end) / count
        best = {start: (0.0, [start])}
        for line in range(1, count + 1):
            reached: dict[int, tuple[float, list[int]]] = {}
            for first, (spent, breaks) in best.items():
                for last in self._ends(first, end, is_last=line == count):
                    cost = spent + self._line_cost(first, last, end, mean, end - start)
                    if cost < reached.get(last, (math.inf, []))[0]:
                        reached[last] = (cost, [*breaks, last])
            best = reached
        return best[end]

    def _ends(self, first: int, end: int, *, is_last: bool) -> Sequence[int]:
        """Return where a line that begins at `first` may end."""
        if is_last:
            return [end] if first < end and self.width(first, end) <= self._width else []
        fit = first + 1
        while fit < end - 1 and self.width(first, fit + 1) <= self._width:
            fit += 1
        return range(first + 1, min(fit, end - 1) + 1)

    def _line_cost(self, first: int, last: int, end: int, mean: float, parts: int) -> float:
        broken = self.parts[last - 1].break_cost if last < end else 0.0
        alone = LONE_WORD if last - first == 1 and parts > 2 else 0.0
        return broken + alone + UNEVEN * abs(self.width(first, last) - mean)


def make_cues(parts: Sequence[TimedText], rules: CueRules, length_s: float) -> list[Cue]:
    """Return the cues of parts that went through `timed_text.fit_width`, with the break costs of their language.

    No line is wider than the rules allow, and no cue has more lines or lasts longer; cues never overlap, and the last
    one ends before the file does. A cue lasts as long as reading it takes, if the next one leaves room for that.
    """
    breaker = LineBreaker(parts, rules.width)
    spans = _cut(breaker, rules, length_s)
    times = _times([parts[start:end] for start, end in spans], rules, length_s)
    return [
        Cue(start_ms=start_ms, end_ms=end_ms, lines=tuple(breaker.texts(start, end)))
        for (start, end), (start_ms, end_ms) in zip(spans, times, strict=True)
    ]


def _cut(breaker: LineBreaker, rules: CueRules, length_s: float) -> list[tuple[int, int]]:
    """Return the spans of the cheapest cut, by dynamic programming over where cues begin."""
    parts = breaker.parts
    cheapest = [0.0] + [math.inf] * len(parts)
    begins = [0] * (len(parts) + 1)
    for start in range(len(parts)):
        for end, cost in _cue_costs(breaker, start, rules, length_s):
            total = cheapest[start] + cost + (parts[end - 1].break_cost if end < len(parts) else 0.0)
            if total < cheapest[end]:
                cheapest[end], begins[end] = total, start
    spans, end = [], len(parts)
    while end:
        spans.append((begins[end], end))
        end = begins[end]
    return spans[::-1]


def _cue_costs(breaker: LineBreaker, start: int, rules: CueRules, length_s: float) -> list[tuple[int, float]]:
    """Return (end, cost without the break after it) of every cue that may begin at `start`.

    A cue of that part alone is always possible.
    """
    parts, found, inside = breaker.parts, [], 0.0
    for end in range(start + 1, len(parts) + 1):
        last = parts[end - 1]
        count = breaker.count(start, end)
        if end > start + 1:
            pause = last.start_s - parts[end - 2].end_s
            inside += PAUSE * max(0.0, pause - CALM_S) + (MIXED if parts[end - 2].ends_sentence else 0.0)
            if pause >= LONG_PAUSE_S or count > rules.count or last.end_s - parts[start].start_s > rules.most_s:
                break
        room_s = (parts[end].start_s - rules.gap_s if end < len(parts) else length_s) - parts[start].start_s
        alone = ALONE if end == start + 1 and not _is_sentence(parts, start) else 0.0
        broken = breaker.cost(start, end, count)
        found.append((end, EACH + alone + inside + broken + _haste_cost(breaker.width(start, end), room_s, rules)))
    return found


def _haste_cost(width: int, room_s: float, rules: CueRules) -> float:
    """Return the cost of showing a cue of this width only for as long as there is room."""
    shown_s = min(rules.most_s, max(room_s, rules.tick_ms / 1000))
    flash = FLASH * max(0.0, min(FLASH_S, rules.least_s) - shown_s)
    return flash + HASTE * max(0.0, width / rules.speed - shown_s) + SHORT * max(0.0, rules.least_s - shown_s)


def _is_sentence(parts: Sequence[TimedText], index: int) -> bool:
    """Say whether a part is a whole sentence."""
    begins = index == 0 or parts[index - 1].ends_sentence
    return begins and (index + 1 == len(parts) or parts[index].ends_sentence)


def _times(groups: list[Sequence[TimedText]], rules: CueRules, length_s: float) -> list[tuple[int, int]]:
    """Return when each cue is shown: from its first word until it is read, or the next one begins."""
    tick = rules.tick_ms
    last = max(0, math.floor(length_s * 1000 / tick) * tick)
    starts = _starts([_round_ms(group[0].start_s, tick) for group in groups], last, tick)
    return [
        (start, _end(start, after, group, rules, last))
        for start, after, group in itertools.zip_longest(starts, starts[1:], groups)
    ]


def _end(start: int, after: int | None, group: Sequence[TimedText], rules: CueRules, last: int) -> int:
    """Return when a cue ends if the next one starts at `after`; none ends later than `last`."""
    tick = rules.tick_ms
    read_s = max(rules.least_s, text_width(join_text(group)) / rules.speed)
    end = max(_round_ms(group[-1].end_s + LINGER_S, tick), start + math.ceil(read_s * 1000 / tick) * tick)
    if after is not None:
        gap = round(rules.gap_s * 1000 / tick) * tick
        latest = max(after - gap, start + min(after - start, tick))
        end = latest if end + 1000 * CHAIN_S >= after else end
    return min(end, start + math.floor(rules.most_s * 1000 / tick) * tick, last)


def _starts(ideal: list[int], last: int, tick: int) -> list[int]:
    """Return starts that are at least a tick apart and leave one for the last cue, moved as little as possible."""
    starts, limit = ideal[:], last
    for index in range(len(starts) - 1, -1, -1):
        limit = min(starts[index], limit - tick)
        starts[index] = limit
    if starts and starts[0] < 0:  # more cues than the file has room for
        return [last * index // len(starts) for index in range(len(starts))]
    return starts


def _round_ms(seconds: float, tick: int) -> int:
    return round(seconds * 1000 / tick) * tick
