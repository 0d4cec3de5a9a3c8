"""The latency of drops over time as a drawing: where its lines and marks are. What it looks like is the style's."""

from __future__ import annotations

import math
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dispatcher.formatting import duration

WIDTH, HEIGHT = 960, 210
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
    """The latency of one drop, or of several that are shown as one."""

    drop: str
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


@dataclass(frozen=True, kw_only=True)
class _Scale:
    """From moments and seconds to places; seconds are on a logarithmic scale of whole decades."""

    since: float
    now: float
    low: int
    high: int

    def x(self, at: float) -> float:
        return round(LEFT + (at - self.since) / self.span * (WIDTH - LEFT - RIGHT), 1)

    def y(self, seconds: float) -> float:
        share = (self.high - math.log10(seconds)) / (self.high - self.low)
        return round(TOP + share * (HEIGHT - TOP - BOTTOM), 1)

    @property
    def span(self) -> float:
        return max(1.0, self.now - self.since)


_Measured = Sequence[tuple[float, float]]


def latency(delays: Sequence[Delay], *, since: float, now: float) -> Chart | None:
    """Return the chart of (when, drop, seconds), of the drops used most; None where nothing was measured."""
    by_drop: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for at, drop, seconds in delays:
        by_drop[drop].append((at, max(LEAST_S, seconds)))
    shown = sorted(by_drop.items(), key=lambda it: -len(it[1]))[:MOST_DROPS]
    if not shown:
        return None
    all_s = [seconds for _, measured in shown for _, seconds in measured]
    first = min(at for _, measured in shown for at, _ in measured)
    low, high = _decades(min(all_s), max(all_s))
    scale = _Scale(since=max(since, first), now=now, low=low, high=high)
    return Chart(
        lines=[_line(drop, number, measured, scale) for number, (drop, measured) in enumerate(shown)],
        rows=[Mark(at=scale.y(10.0**power), text=_spelt(10.0**power)) for power in range(low, high + 1)],
        columns=_columns(scale),
    )


def _line(drop: str, number: int, measured: _Measured, scale: _Scale) -> Line:
    points = list(_points(measured, scale))
    seconds = [seconds for _, seconds in measured]
    return Line(
        drop=drop,
        number=number,
        path=" ".join(f"{'L' if n else 'M'}{point.x} {point.y}" for n, point in enumerate(points)),
        points=points,
        median=duration(statistics.median(seconds)),
        slowest=duration(max(seconds)),
    )


def _points(measured: _Measured, scale: _Scale) -> Iterator[Point]:
    """Yield the median of each piece of the time."""
    buckets: dict[int, list[float]] = defaultdict(list)
    for at, seconds in measured:
        buckets[min(BUCKETS - 1, int((at - scale.since) / scale.span * BUCKETS))].append(seconds)
    for number, found in sorted(buckets.items()):
        at, median = scale.since + scale.span * (number + 0.5) / BUCKETS, statistics.median(found)
        when = time.strftime("%d %b %H:%M", time.localtime(at))
        text = f"{when}: {duration(median)} ({len(found)} job{'s' if len(found) > 1 else ''})"
        yield Point(x=scale.x(at), y=scale.y(median), text=text)


def _decades(least: float, most: float) -> tuple[int, int]:
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))
    return (low, high) if high > low else (low, low + 1)


def _spelt(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _columns(scale: _Scale) -> list[Mark]:
    """Return six moments, as days where the time spans several."""
    form = "%d %b" if scale.span > 3 * 86_400 else "%H:%M"
    moments = [scale.since + scale.span * n / 5 for n in range(6)]
    return [Mark(at=scale.x(at), text=time.strftime(form, time.localtime(at))) for at in moments]
