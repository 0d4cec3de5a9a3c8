"""The latency of drops over time as a drawing: where its lines and marks are. What it looks like is the style's."""

from __future__ import annotations

import math
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dispatcher.web.telling import duration

WIDTH, HEIGHT = 720, 190
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 26
BUCKETS = 56
MOST_DROPS = 4
LEAST_S = 0.01

Delay = tuple[float, str, float]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A line of the grid and what it says."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Point:
    """The median of one bucket."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """One drop's latency."""

    drop_id: str
    path: str
    points: Sequence[Point]
    median: str
    slowest: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The whole drawing, in units of its own."""

    lines: Sequence[Line]
    rows: Sequence[Mark]
    columns: Sequence[Mark]
    width: int = WIDTH
    height: int = HEIGHT


def latency(delays: Sequence[Delay], *, since: float, now: float) -> Chart | None:
    """Return the chart of (when, drop, seconds); None where nothing was measured. The scale of seconds is logarithmic."""
    if not delays:
        return None
    by_drop: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for at, drop, seconds in delays:
        by_drop[drop].append((at, max(LEAST_S, seconds)))
    most_used = sorted(by_drop, key=lambda drop: -len(by_drop[drop]))[:MOST_DROPS]
    shown = [seconds for drop in most_used for _, seconds in by_drop[drop]]
    low, high = _decades(min(shown), max(shown))
    since = max(since, min(at for drop in most_used for at, _ in by_drop[drop]))

    def place(at: float, seconds: float) -> tuple[float, float]:
        x = LEFT + (at - since) / max(1.0, now - since) * (WIDTH - LEFT - RIGHT)
        y = TOP + (high - math.log10(seconds)) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return round(x, 1), round(y, 1)

    lines = []
    for number, drop in enumerate(most_used):
        points = [Point(x=x, y=y, text=text) for (x, y), text in _medians(by_drop[drop], since, now, place)]
        lines.append(_line(drop, number, points, [seconds for _, seconds in by_drop[drop]]))
    rows = [Mark(at=place(now, 10.0**power)[1], text=_spelt(10.0**power)) for power in range(low, high + 1)]
    return Chart(lines=lines, rows=rows, columns=_columns(since, now, place))


def _line(drop: str, number: int, points: Sequence[Point], seconds: Sequence[float]) -> Line:
    path = " ".join(f"{'L' if n else 'M'}{point.x} {point.y}" for n, point in enumerate(points))
    return Line(
        drop_id=drop,
        number=number,
        path=path,
        points=points,
        median=duration(statistics.median(seconds)),
        slowest=duration(max(seconds)),
    )


def _medians(delays, since, now, place):  # type: ignore[no-untyped-def]
    """Yield the place of each bucket's median and what it says."""
    width = max(1.0, now - since) / BUCKETS
    buckets: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for at, seconds in delays:
        buckets[min(BUCKETS - 1, int((at - since) / width))].append((at, seconds))
    for _, found in sorted(buckets.items()):
        at, seconds = statistics.fmean(at for at, _ in found), statistics.median(seconds for _, seconds in found)
        when = time.strftime("%d %b %H:%M", time.localtime(at))
        jobs = f"{len(found)} job{'s' if len(found) > 1 else ''}"
        yield place(at, seconds), f"{when}: {duration(seconds)} ({jobs})"


def _decades(least: float, most: float) -> tuple[int, int]:
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))
    return (low, high) if high > low else (low, low + 1)


def _spelt(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _columns(since: float, now: float, place):  # type: ignore[no-untyped-def]
    """Return up to six moments, as days where the time spans several."""
    form = "%d %b" if now - since > 3 * 86_400 else "%H:%M"
    moments = [since + (now - since) * n / 5 for n in range(6)]
    return [Mark(at=place(at, 1)[0], text=time.strftime(form, time.localtime(at))) for at in moments]
