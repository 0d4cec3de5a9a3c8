"""Pages from templates, and how a run is shown on them: the same text whether a page is rendered or updated in place.

Every value is escaped, and characters that reorder a line or control a terminal are removed.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from dispatcher import formatting
from dispatcher.runs.record import Run, short
from dispatcher.runs.tours import TOUR
from protocol.kinds import KINDS
from usertext.redaction import legible

STATIC = Path(__file__).with_name("static")
TEMPLATES = Path(__file__).with_name("templates")

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
"""Labels of the statuses, in the order in which pages show them."""

ERROR_WIDTH = 140
"""How many characters of an error a list shows; the page of the run shows all of it."""

MIN_PROGRESS = 0.02
"""The remaining time is estimated only from this much progress on."""


def run_title(run: Run) -> str:
    """Return the title of a run, or its kind and id where it has none."""
    return run.title or f"{run.kind} {short(run.id)}"


def remaining_s(run: Run, now: float) -> float | None:
    """Return the seconds a run still needs at its speed so far; None where that cannot be estimated."""
    share = run.progress
    if run.status != "running" or run.started_at is None or share is None or not MIN_PROGRESS <= share < 1:
        return None
    spent = max(0.0, run.updated_at - run.started_at)
    seconds = spent / share * (1 - share) - (now - run.updated_at)
    return seconds if seconds > 0 else None  # it has become slower


def remaining(run: Run, now: float) -> str:
    """Return the estimated remaining time as text; empty where there is no estimate."""
    seconds = remaining_s(run, now)
    return "" if seconds is None else f"about {formatting.rough_time(seconds)} left"


def percent(run: Run) -> int | None:
    """Return the progress of a run in percent, rounded down: 100 only when it is completed."""
    if run.status == "completed":
        return 100
    return min(100, 100 * run.progress_done // run.progress_total) if run.progress_total else None


def page_of(run: Run) -> str:
    """Return the address of the page of a run, or of a tour in a list of runs."""
    return f"/{'tours' if run.kind == TOUR else 'runs'}/{quote(run.id)}"


def live_fields(run: Run, now: float) -> Mapping[str, Any]:
    """Return what open pages update in place when a run changes."""
    return {
        "id": run.id,
        "title": legible(run_title(run)),
        "status": run.status,
        "label": STATUSES[run.status],
        "created": run.created_at,
        "open": run.is_open,
        "percent": percent(run),
        "note": legible(run.progress_note) if run.is_open else "",
        "left": remaining(run, now),
    }


def with_code(text: str) -> Markup:
    """Return a message as HTML: what is between backticks becomes <code>, everything is escaped."""
    pieces = legible(text).split("`")
    if len(pieces) % 2 == 0:  # a backtick without a partner
        return escape("`".join(pieces))
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if n % 2 else escape(piece) for n, piece in enumerate(pieces)
    )


def short_error(text: str) -> str:
    """Return the first line of an error for a list."""
    return formatting.first_line(text, ERROR_WIDTH)


def _legible(value: Any) -> Any:
    """Return a plain string without characters that reorder a line; markup of our own is left alone."""
    return legible(value) if type(value) is str else value


def _exact(value: str) -> Markup:
    """Return a string for a form field that is sent back to us: escaped, and otherwise unchanged."""
    return escape(value)


FILTERS: Mapping[str, Any] = {
    "date_time": formatting.date_time,
    "duration": formatting.duration,
    "exact": _exact,
    "file_size": formatting.file_size,
    "full_time": formatting.full_time,
    "iso_time": formatting.iso_time,
    "page_of": page_of,
    "percent": percent,
    "remaining": remaining,
    "run_title": run_title,
    "short": short,
    "short_error": short_error,
    "with_code": with_code,
}


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_legible,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(FILTERS)
    environment.globals.update(static=_static, statuses=STATUSES, kinds=(*sorted(KINDS), TOUR))
    return environment


@functools.cache
def _static(name: str) -> str:
    """Return the address of a static file; it changes with the content, so browsers may cache it for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def page(template: str, *, status: int = 200, now: float, here: str = "", **values: Any) -> HTMLResponse:
    """Render a template; `here` is the address of its entry in the navigation."""
    text = _environment().get_template(template).render(now=now, here=here, **values)
    return HTMLResponse(text, status_code=status)
