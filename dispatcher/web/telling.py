"""How runs, times and sizes are said on a page; the same words whether a page is filled here or changed in place."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from dispatcher.runs.record import Run, short
from dispatcher.runs.tours import TOUR
from dispatcher.wording import for_people, in_bytes
from usertext.redaction import legible

__all__ = [
    "STATUSES",
    "brief",
    "clock",
    "day",
    "duration",
    "eta_s",
    "in_bytes",
    "iso",
    "left",
    "marked",
    "page_of",
    "percent",
    "short",
    "title",
    "told",
]

STATUSES: Mapping[str, str] = {
    "running": "Running",
    "verifying": "Verifying",
    "queued": "Queued",
    "pending": "Pending",
    "completed": "Completed",
    "failed": "Failed",
    "crashed": "Crashed",
    "cancelled": "Cancelled",
    "expired": "Expired",
}
"""In the order that a glance wants them."""

BRIEF = 140
"""So many characters of an error stand in a list."""

SURE = 0.02
"""So much of a run must be done before its end is guessed at."""


def title(run: Run) -> str:
    """Return what a run is called."""
    return run.title or f"{run.kind} {short(run.id)}"


def eta_s(run: Run, now: float) -> float | None:
    """Return the seconds a run needs yet if it goes on as it went; None where that cannot be said."""
    share = run.progress
    if run.status != "running" or run.started_at is None or share is None or not SURE <= share < 1:
        return None
    spent = max(0.0, run.updated_at - run.started_at)
    seconds = spent / share * (1 - share) - (now - run.updated_at)
    return seconds if seconds > 0 else None  # it is slower than it was


def percent(run: Run) -> int | None:
    """Return how much of a run is done in percent, 100 only when all is."""
    if run.status == "completed":
        return 100
    return min(100, 100 * run.progress_done // run.progress_total) if run.progress_total else None


def duration(seconds: float | None) -> str:
    """Return a length of time, as exact as it is of use."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"
    if seconds < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    return (
        for_people(seconds) if seconds >= 172_800 else f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"
    )


def clock(at: float, now: float, *, exact: bool = False) -> str:
    """Return a moment with its date, by this machine's clock; the year where it is another, seconds if `exact`."""
    then, today = time.localtime(at), time.localtime(now)
    year = "" if then.tm_year == today.tm_year else " %Y"
    return time.strftime(f"%d %b{year}, %H:%M{':%S' if exact else ''}", then)


def brief(text: str) -> str:
    """Return the first line of a text, cut between words where it is long: its own page has all of it."""
    return textwrap.shorten(text.strip().partition("\n")[0], BRIEF, placeholder=" …")


def day(at: float) -> str:
    """Return a moment in full."""
    return time.strftime("%A, %d %B %Y, %H:%M:%S", time.localtime(at))


def iso(at: float) -> str:
    """Return a moment for machines."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(at))


def marked(text: str) -> Markup:
    """Return a message with what stands between backticks as code, everything in it escaped."""
    pieces = legible(text).split("`")
    if len(pieces) % 2 == 0:  # one of them is nobody's pair
        return escape("`".join(pieces))
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if n % 2 else escape(piece) for n, piece in enumerate(pieces)
    )


def left(run: Run, now: float) -> str:
    """Return how long a run will take yet, in words; empty where that cannot be said."""
    seconds = eta_s(run, now)
    return "" if seconds is None else f"about {for_people(seconds)} left"


def told(run: Run, now: float) -> Mapping[str, Any]:
    """Return what pages show of a run and change in place."""
    return {
        "id": run.id,
        "title": legible(title(run)),
        "status": run.status,
        "label": STATUSES[run.status],
        "created": run.created_at,
        "open": run.is_open,
        "percent": percent(run),
        "note": legible(run.progress_note) if run.is_open else "",
        "left": left(run, now),
    }


def page_of(run: Run) -> str:
    """Return the address of the page of a run, or of a tour in a list of runs."""
    return f"/{'tours' if run.kind == TOUR else 'runs'}/{quote(run.id)}"
