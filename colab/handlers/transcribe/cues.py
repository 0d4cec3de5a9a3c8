"""Subtitles out of timed words: the cheapest way to cut them into cues that fit, last long enough and read well."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from colab.handlers.transcribe import breaks
from colab.handlers.transcribe.engine import Word
from colab.handlers.transcribe.lines import lines_of, put
from colab.handlers.transcribe.words import joined
from media.captions import Cue
from media.columns import columns

LONG_PAUSE_S = 2.0
"""After a silence as long a new cue begins, whatever the words say."""

EACH = 45.0
ALONE = 70.0
HASTE = 80.0
SHORT = 80.0
PAUSE = 120.0
"""What costs: a cue; one of a single word within a sentence; each second that reading takes longer than the cue is
shown; each second too short; each second of silence above `CALM_S` within one."""

CALM_S = 0.6

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
    language: str = "en"


def cues_of(words: Sequence[Word], rules: Rules, length_s: float) -> list[Cue]:
    """Return the cues of words that `words.fitting` made fit.

    No line is wider than the rules say and no cue has more lines or lasts longer; cues never overlap, and the last one
    ends with the file. They last as long as reading takes, where the next one leaves room for that.
    """
    groups = [words[start:end] for start, end in _cut(words, rules, length_s)]
    spans = _times(groups, rules, length_s)
    return [
        Cue(start_ms=start, end_ms=end, lines=tuple(lines_of(group, rules.width, rules.language)))
        for group, (start, end) in zip(groups, spans, strict=True)
    ]


def _cut(words: Sequence[Word], rules: Rules, length_s: float) -> list[tuple[int, int]]:
    """Return the spans of the cheapest cut, by dynamic programming over where cues begin."""
    cheapest = [0.0] + [math.inf] * len(words)
    begins = [0] * (len(words) + 1)
    broken = [breaks.cost(left, right, rules.language) for left, right in itertools.pairwise(words)]
    for start in range(len(words)):
        for end, price in _prices(words, start, rules, length_s):
            whole = cheapest[start] + price + (broken[end - 1] if end < len(words) else 0.0)
            if whole < cheapest[end]:
                cheapest[end], begins[end] = whole, start
    spans, end = [], len(words)
    while end:
        spans.append((begins[end], end))
        end = begins[end]
    return spans[::-1]


def _prices(words: Sequence[Word], start: int, rules: Rules, length_s: float) -> list[tuple[int, float]]:
    """Return (end, price without the break after it) of every cue that may begin with a word.

    One of that word alone always may.
    """
    found, count, used, wide, silent = [], 0, rules.width, 0, 0.0
    for end in range(start + 1, len(words) + 1):
        word = words[end - 1]
        count, used = put(word, rules.width, count, used)
        wide += columns(word.text) + (word.spaced and end > start + 1)
        if end > start + 1:
            pause = word.start_s - words[end - 2].end_s
            silent += max(0.0, pause - CALM_S)
            if pause >= LONG_PAUSE_S or count > rules.count or word.end_s - words[start].start_s > rules.most_s:
                break
        room_s = (words[end].start_s - rules.gap_s if end < len(words) else length_s) - words[start].start_s
        alone = ALONE if end == start + 1 and not _stands_alone(words, start) else 0.0
        found.append((end, EACH + alone + PAUSE * silent + _hurry(wide, room_s, rules)))
    return found


def _hurry(wide: int, room_s: float, rules: Rules) -> float:
    """Return what it costs that a cue so wide can be shown only so long."""
    shown_s = min(rules.most_s, max(room_s, TICK_MS / 1000))
    return HASTE * max(0.0, wide / rules.speed - shown_s) + SHORT * max(0.0, rules.least_s - shown_s)


def _stands_alone(words: Sequence[Word], place: int) -> bool:
    """Say whether a word is a sentence of its own."""
    begins = place == 0 or breaks.ends_sentence(words[place - 1], words[place])
    return begins and (place + 1 == len(words) or breaks.ends_sentence(words[place], words[place + 1]))


def _times(groups: list[Sequence[Word]], rules: Rules, length_s: float) -> list[tuple[int, int]]:
    """Return when each cue is shown: from its first word until it is read, or the next one comes."""
    last = max(0, math.floor(length_s * 1000 / TICK_MS) * TICK_MS)
    starts = _starts([_tick(group[0].start_s) for group in groups], last)
    spans = []
    for place, group in enumerate(groups):
        start = starts[place]
        after = starts[place + 1] if place + 1 < len(groups) else None
        read_s = max(rules.least_s, columns(joined(group)) / rules.speed)
        wanted = max(_tick(group[-1].end_s), start + math.ceil(read_s * 1000 / TICK_MS) * TICK_MS)
        end = min(wanted, start + math.floor(rules.most_s * 1000), last)
        if after is not None:
            gap = round(rules.gap_s * 1000 / TICK_MS) * TICK_MS
            end = min(end, max(after - gap, start + min(after - start, TICK_MS)))
        spans.append((start, end))
    return spans


def _starts(wanted: list[int], last: int) -> list[int]:
    """Return starts that rise by a tick at least and leave one for the last cue, moved as little as that takes."""
    starts, limit = wanted[:], last
    for place in range(len(starts) - 1, -1, -1):
        limit = min(starts[place], limit - TICK_MS)
        starts[place] = limit
    if starts and starts[0] < 0:  # more cues than the file has room for
        return [last * place // len(starts) for place in range(len(starts))]
    return starts


def _tick(seconds: float) -> int:
    return round(seconds * 1000 / TICK_MS) * TICK_MS
