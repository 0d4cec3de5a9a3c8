"""When a page showed nothing because a new document had not painted yet.

The video holds the last frame meanwhile, as a browser's window does; the screencast would show a white flash.
"""

from __future__ import annotations

import json
import time
from importlib.resources import files
from typing import Any

from playwright.sync_api import BrowserContext, Page

BINDING = "__gpudropPainting"
LONGEST_S = 5.0
"""A document that paints nothing for this long is shown empty from its start."""

MARGIN_S = 0.1
"""A document starts slightly before its scripts."""


class PaintTracker:
    """Listens to the pages of one browser context. Times are in seconds since the epoch."""

    def __init__(self, context: BrowserContext) -> None:
        self._started: dict[Page, float] = {}  # documents that have not painted yet
        self._blank: dict[Page, list[tuple[float, float]]] = {}
        context.expose_binding(BINDING, self._on_event)
        script = (files("dispatcher.tour.browser") / "painting.js").read_text(encoding="utf-8")
        context.add_init_script(script.replace("TELL", json.dumps(BINDING)))

    def _on_event(self, source: Any, what: str, at_ms: float) -> None:
        page, at = source["page"], at_ms / 1000
        if what == "begun":
            if (
                at - self._started.get(page, 0.0) > LONGEST_S
            ):  # otherwise one redirected to the other: it is the same wait
                self._started[page] = at - MARGIN_S
        elif (begun := self._started.pop(page, None)) is not None and at < begun + LONGEST_S:
            self._blank.setdefault(page, []).append((begun, at))

    def shows(self, page: Page, at: float) -> bool | None:
        """Say whether a page showed a painted document at a time; None if that is not known yet."""
        if any(begun <= at < painted for begun, painted in self._blank.get(page, ())):
            return False
        begun = self._started.get(page)
        waits = begun is not None and begun <= at and time.time() < begun + LONGEST_S
        return None if waits else True
