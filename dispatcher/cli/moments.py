"""Moments and lengths of time as people write them: `2h`, `30m`, `7d`, `today`, `2026-11-25`, `2026-11-25 14:30`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from protocol.errors import UsageError

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,3})?) ?(s|m|min|h|d|w)")


def moment(text: str, now: float, option: str = "--since") -> float:
    """Return the Unix time that a text stands for: a length of time means so long before `now`."""
    if (length := _length(text)) is not None:
        return now - length
    day = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"today": day, "yesterday": day - timedelta(days=1)}
    if text.strip().lower() in named:
        return named[text.strip().lower()].timestamp()
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except ValueError as error:
        raise UsageError(
            f"{option} {text!r} is no time: write 30m, 2h, 7d, today, yesterday, 2026-11-25 or '2026-11-25 14:30'"
        ) from error


def seconds(text: str, option: str) -> float:
    """Return the seconds of a length of time."""
    if (found := _length(text)) is None:
        raise UsageError(f"{option} {text!r} is no length of time: write 90s, 30m, 2h, 7d or 2w")
    return found


def _length(text: str) -> float | None:
    found = _LENGTH.fullmatch(text.strip().lower())
    return float(found[1]) * _UNITS[found[2]] if found else None
