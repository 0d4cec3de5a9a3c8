"""Subtitles out of timed words: the cheapest way to cut them into cues that fit, last long enough and read well.

Where a break hurts is the caller's to say (`speech.breaks`): this room knows time and width, no language.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from media.captions import Cue
from media.columns import columns
from media.lines import Lines
from media.parts import Part, joined

LONG_PAUSE_S = 2.0
"""After a silence as long a new cue begins, whatever the words say."""

EACH = 45.0
ALONE = 70.0
MIXED = 60.0
HASTE = 80.0
SHORT = 80.0
FLASH = 400.0
PAUSE = 120.0
"""What costs: a cue; one of a single word within a sentence; each sentence that ends inside one; each second that
reading takes longer than the cue is shown; each second too short, and below `FLASH_S`; each second of silence above
`CALM_S` within one."""

FLASH_S = 0.8
"""A cue shown for less is not read. One lasts less only where everything around it is worse."""

CALM_S = 0.6

LINGER_S = 0.25
CHAIN_S = 0.5
"""A cue stays so long after its last word where there is room, and until the next one where that comes so soon: a
caption that vanishes for a moment flickers."""

TICK_MS = 10
"""Times are multiples of it: the coarsest of the formats (ASS) counts hundredths."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a cue may be."""

    width: int
    count: int
    speed: float  # columns a second
    least_s: float
    most_s: float
    gap_s: float
    tick_ms: int = TICK_MS


def cues_of(parts: Sequence[Part], rules: Rules, length_s: float) -> list[Cue]:
    """Return the cues of parts that `parts.fitting` made fit, in the language that their costs are of.

    No line is wider than the rules say and no cue has more lines or lasts longer; cues never overlap, and the last one
    ends with the file. They last as long as reading takes, where the next one leaves room for that.
    """
    lines = Lines(parts, rules.width)
    spans = _cut(lines, rules, length_s)
    times = _times([parts[start:end] for start, end in spans], rules, length_s)
    return [
        Cue(start_ms=since, end_ms=until, lines=tuple(lines.texts(start, end)))
        for (start, end), (since, until) in zip(spans, times, strict=True)
    ]


def _cut(lines: Lines, rules: Rules, length_s: float) -> list[tuple[int, int]]:
    """Return the spans of the cheapest cut, by dynamic programming over where cues begin."""
    parts = lines.parts
    cheapest = [0.0] + [math.inf] * len(parts)
    begins = [0] * (len(parts) + 1)
    for start in range(len(parts)):
        for end, price in _prices(lines, start, rules, length_s):
            whole = cheapest[start] + price + (parts[end - 1].break_cost if end < len(parts) else 0.0)
            if whole < cheapest[end]:
                cheapest[end], begins[end] = whole, start
    spans, end = [], len(parts)
    while end:
        spans.append((begins[end], end))
        end = begins[end]
    return spans[::-1]


def _prices(lines: Lines, start: int, rules: Rules, length_s: float) -> list[tuple[int, float]]:
    """Return (end, price without the break after it) of every cue that may begin with a part.

    One of that part alone always may.
    """
    parts, found, inside = lines.parts, [], 0.0
    for end in range(start + 1, len(parts) + 1):
        last = parts[end - 1]
        count = lines.count(start, end)
        if end > start + 1:
            pause = last.start_s - parts[end - 2].end_s
            inside += PAUSE * max(0.0, pause - CALM_S) + (MIXED if parts[end - 2].ends_sentence else 0.0)
            if pause >= LONG_PAUSE_S or count > rules.count or last.end_s - parts[start].start_s > rules.most_s:
                break
        room_s = (parts[end].start_s - rules.gap_s if end < len(parts) else length_s) - parts[start].start_s
        alone = ALONE if end == start + 1 and not _stands_alone(parts, start) else 0.0
        broken = lines.price(start, end, count)
        found.append((end, EACH + alone + inside + broken + _hurry(lines.columns(start, end), room_s, rules)))
    return found


def _hurry(wide: int, room_s: float, rules: Rules) -> float:
    """Return what it costs that a cue so wide can be shown only so long."""
    shown_s = min(rules.most_s, max(room_s, rules.tick_ms / 1000))
    flash = FLASH * max(0.0, min(FLASH_S, rules.least_s) - shown_s)
    return flash + HASTE * max(0.0, wide / rules.speed - shown_s) + SHORT * max(0.0, rules.least_s - shown_s)


def _stands_alone(parts: Sequence[Part], place: int) -> bool:
    """Say whether a part is a sentence of its own."""
    begins = place == 0 or parts[place - 1].ends_sentence
    return begins and (place + 1 == len(parts) or parts[place].ends_sentence)


def _times(groups: list[Sequence[Part]], rules: Rules, length_s: float) -> list[tuple[int, int]]:
    """Return when each cue is shown: from its first word until it is read, or the next one comes."""
    tick = rules.tick_ms
    last = max(0, math.floor(length_s * 1000 / tick) * tick)
    starts = _starts([_ticks(group[0].start_s, tick) for group in groups], last, tick)
    return [
        (start, _end(start, after, group, rules, last))
        for start, after, group in itertools.zip_longest(starts, starts[1:], groups)
    ]


def _end(start: int, after: int | None, group: Sequence[Part], rules: Rules, last: int) -> int:
    """Return when a cue ends whose next one starts at `after`; none ends later than `last`."""
    tick = rules.tick_ms
    read_s = max(rules.least_s, columns(joined(group)) / rules.speed)
    wanted = max(_ticks(group[-1].end_s + LINGER_S, tick), start + math.ceil(read_s * 1000 / tick) * tick)
    if after is not None:
        gap = round(rules.gap_s * 1000 / tick) * tick
        latest = max(after - gap, start + min(after - start, tick))
        wanted = latest if wanted + 1000 * CHAIN_S >= after else wanted
    return min(wanted, start + math.floor(rules.most_s * 1000 / tick) * tick, last)


def _starts(wanted: list[int], last: int, tick: int) -> list[int]:
    """Return starts that rise by a tick at least and leave one for the last cue, moved as little as that takes."""
    starts, limit = wanted[:], last
    for place in range(len(starts) - 1, -1, -1):
        limit = min(starts[place], limit - tick)
        starts[place] = limit
    if starts and starts[0] < 0:  # more cues than the file has room for
        return [last * place // len(starts) for place in range(len(starts))]
    return starts


def _ticks(seconds: float, tick: int) -> int:
    return round(seconds * 1000 / tick) * tick
