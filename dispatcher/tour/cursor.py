"""The cursor that viewers see: it glides to where the mouse then really goes, and marks its clicks."""

from __future__ import annotations

import math
from pathlib import Path

from playwright.sync_api import BrowserContext, Page
from playwright.sync_api import Error as PlaywrightError

SCRIPT = Path(__file__).with_name("cursor.js")
SLOWEST_MS, FASTEST_MS = 750, 350
LEAVING = 5  # how many navigations in a row a click may set off
_TELL = "at => document.dispatchEvent(new CustomEvent('gpudrop-cursor', {detail: at}))"


def install(context: BrowserContext) -> None:
    """Put the cursor's script into every page of a context."""
    context.add_init_script(path=SCRIPT)


class Cursor:
    """Where the cursor is. It keeps its place when the page changes."""

    def __init__(self, page: Page, x: float, y: float) -> None:
        self._page, self._x, self._y = page, x, y

    def show(self) -> None:
        """Show the cursor at its place, on a page that may be new."""
        self._tell(0)

    def move(self, x: float, y: float) -> None:
        """Glide to a point of the viewport; longer ways take longer, within limits."""
        distance = math.hypot(x - self._x, y - self._y)
        if distance < 2:
            return
        ms = min(SLOWEST_MS, FASTEST_MS + 0.6 * distance)
        self._x, self._y = x, y
        self._tell(ms)
        self._page.wait_for_timeout(ms)
        self._page.mouse.move(x, y)

    def _tell(self, ms: float) -> None:
        """Tell the page where the cursor is; a page that is just being left is waited for."""
        for _ in range(LEAVING):
            try:
                self._page.evaluate(_TELL, {"x": self._x, "y": self._y, "ms": ms})
            except PlaywrightError as error:
                if "context was destroyed" not in error.message:
                    raise
                self._page.wait_for_load_state("domcontentloaded")
            else:
                return

    def click(self, x: float, y: float) -> None:
        """Glide to a point and click it."""
        self.move(x, y)
        self._page.wait_for_timeout(90)
        self._page.mouse.down()
        self._page.wait_for_timeout(60)
        self._page.mouse.up()
