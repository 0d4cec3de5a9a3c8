"""Filling templates. Every value is escaped, and what would turn a line around or steer a terminal is taken out."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from dispatcher.runs.tours import TOUR
from dispatcher.web import telling
from protocol.kinds import KINDS
from usertext.redaction import legible

STATIC = Path(__file__).with_name("static")
TEMPLATES = Path(__file__).with_name("templates")


def _shown(value: Any) -> Any:
    """Return a plain string as it may be shown; markup of our own stays."""
    return legible(value) if type(value) is str else value


def _exact(value: str) -> Markup:
    """Return a string for an attribute that comes back to us: escaped, and otherwise as it is."""
    return escape(value)


@functools.cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    names = (
        "brief",
        "clock",
        "day",
        "duration",
        "in_bytes",
        "iso",
        "left",
        "marked",
        "page_of",
        "percent",
        "short",
        "title",
    )
    made.filters.update({name: getattr(telling, name) for name in names if name != "title"})
    made.filters |= {"called": telling.title, "exact": _exact}
    made.globals.update(static=_static, statuses=telling.STATUSES, kinds=(*sorted(KINDS), TOUR))
    return made


@functools.cache
def _static(name: str) -> str:
    """Return the address of a file of ours; it changes with the file, so browsers may keep what they have."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def page(template: str, *, status: int = 200, now: float, here: str = "", **filled: Any) -> HTMLResponse:
    """Return a page; `here` is the address of its entry in the menu."""
    text = _environment().get_template(template).render(now=now, here=here, **filled)
    return HTMLResponse(text, status_code=status)
