"""When a page showed nothing, because another document had begun there and had not painted yet.

The film holds its last picture meanwhile, as a browser's window does; the screencast would show a white flash.
"""

from __future__ import annotations

import json
import time
from importlib.resources import files
from typing import Any

from playwright.sync_api import BrowserContext, Page

BINDING = "__gpudropPainting"
LONGEST_S = 5.0
"""A document that paints nothing for so long is taken to be meant so, and is shown empty from its beginning."""

AROUND_S = 0.1
"""The document begins a little before its scripts do."""


class PaintTracker:
    """Listens to the pages of one browser context. Times are in seconds since the epoch."""

    def __init__(self, context: BrowserContext) -> None:
        self._begun: dict[Page, float] = {}  # documents that have not painted yet
        self._blank: dict[Page, list[tuple[float, float]]] = {}
        context.expose_binding(BINDING, self._hear)
        script = (files("dispatcher.tour.browser") / "painting.js").read_text(encoding="utf-8")
        context.add_init_script(script.replace("TELL", json.dumps(BINDING)))

    def _hear(self, source: Any, what: str, at_ms: float) -> None:
        page, at = source["page"], at_ms / 1000
        if what == "begun":
            if at - self._begun.get(page, 0.0) > LONGEST_S:  # else one led on to the other: it is the same wait
                self._begun[page] = at - AROUND_S
        elif (begun := self._begun.pop(page, None)) is not None and at < begun + LONGEST_S:
            self._blank.setdefault(page, []).append((begun, at))

    def shows(self, page: Page, at: float) -> bool | None:
        """Say whether a page showed a painted document at a moment; None while that is not known yet."""
        if any(begun <= at < painted for begun, painted in self._blank.get(page, ())):
            return False
        begun = self._begun.get(page)
        waits = begun is not None and begun <= at and time.time() < begun + LONGEST_S
        return None if waits else True
