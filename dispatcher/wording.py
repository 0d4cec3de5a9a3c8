"""How names, lengths of time, moments and sizes are said to people."""

from __future__ import annotations

import time
from collections.abc import Iterable


def listed(names: Iterable[str]) -> str:
    """Return one name, or several as alternatives."""
    found = sorted(names)
    return found[0] if len(found) == 1 else f"one of {', '.join(found[:4])}{', …' if len(found) > 4 else ''}"


def for_people(seconds: float) -> str:
    """Return a length of time in one or two words."""
    for unit, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit or (seconds >= unit and name != "d"):
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def clock_time(at: float, wall: float) -> str:
    """Return a moment as this machine's clock shows it, with the day where it is not today."""
    shown, today = time.localtime(at), time.localtime(wall)
    same_day = (shown.tm_year, shown.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M", shown)


_UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB"))


def in_bytes(size: int) -> str:
    """Return a size as people read it."""
    for unit, name in _UNITS:
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"


def part_of_bytes(part: int, whole: int) -> str:
    """Return how much of a size is there, both in the unit of the whole: "4.1 of 11.0 MB"."""
    for unit, name in _UNITS:
        if whole >= unit:
            return f"{part / unit:.1f} of {whole / unit:.1f} {name}"
    return f"{part} of {whole} bytes"
