"""Sizes, durations and times as text: the one place for it, used by messages, tables and pages alike.

Not by the library `humanize`: it says "a minute" for 90 s, and spells units out, which tables have no room for.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterable

_SIZES = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB"))
_HOUR_S, _DAY_S = 3600, 86_400


def file_size(size: int) -> str:
    """Return a number of bytes in a readable unit: "4.1 MB"."""
    for unit, name in _SIZES:
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"


def partial_size(part: int, whole: int) -> str:
    """Return how many of a number of bytes are there, both in the unit of the whole: "4.1 of 11.0 MB"."""
    for unit, name in _SIZES:
        if whole >= unit:
            return f"{part / unit:.1f} of {whole / unit:.1f} {name}"
    return f"{part} of {whole} bytes"


def rough_time(seconds: float) -> str:
    """Return a duration as one number and one unit, as in "3 min ago"."""
    for unit, name in ((_DAY_S, "d"), (_HOUR_S, "h"), (60, "min")):
        if seconds >= 2 * unit or (seconds >= unit and name != "d"):
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def duration(seconds: float | None) -> str:
    """Return a duration to about three digits: "250 ms", "3.2 s", "4 min 07 s", "2 h 05 min"; a dash for None."""
    if seconds is None:
        return "–"
    if seconds < 9.95:
        return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"
    if seconds >= 2 * _DAY_S:
        return rough_time(seconds)
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def clock_time(at: float, now: float) -> str:
    """Return the local time of day; for another day than that of `now` the date and the time."""
    shown, today = time.localtime(at), time.localtime(now)
    same_day = (shown.tm_year, shown.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M", shown)


def date_time(at: float, now: float, *, exact: bool = False) -> str:
    """Return the local date and time as in "30 Nov, 14:05", with the year if it is not this one; seconds if `exact`."""
    shown, today = time.localtime(at), time.localtime(now)
    year = "" if shown.tm_year == today.tm_year else " %Y"
    return time.strftime(f"%d %b{year}, %H:%M{':%S' if exact else ''}", shown)


def log_time(at: float) -> str:
    """Return the local date and time as a line of a log begins with it: "2026-11-30 14:05:09"."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def utc_time(at: float) -> str:
    """Return the date and time in UTC: "2026-11-30 14:05:09Z"."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(at))


def full_time(at: float) -> str:
    """Return the local date and time in full: "Monday, 30 November 2026, 14:05:09"."""
    return time.strftime("%A, %d %B %Y, %H:%M:%S", time.localtime(at))


def iso_time(at: float) -> str:
    """Return the local date and time in ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(at))


def first_line(text: str, width: int) -> str:
    """Return the first line of a text, cut between words to at most `width` characters."""
    return textwrap.shorten(text.strip().partition("\n")[0], width, placeholder=" …")


def listed(names: Iterable[str]) -> str:
    """Return one name, or several as alternatives: "one of a, b, c"."""
    found = sorted(names)
    return found[0] if len(found) == 1 else f"one of {', '.join(found[:4])}{', …' if len(found) > 4 else ''}"
