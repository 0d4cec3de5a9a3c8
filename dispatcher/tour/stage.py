"""What every action works with: the page, the arrow over it, and its time limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page

from dispatcher.tour.cursor import Cursor


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What an action has to do with: the page, the arrow over it, and how long to wait where it does not say."""

    page: Page
    cursor: Cursor
    timeout_s: float
    film_on: Callable[[float], None] | None = None  # while it is filmed: waits, and sees to it that nothing is missed

    def rest(self, seconds: float) -> None:
        """Do nothing for a while."""
        if self.film_on is not None:
            self.film_on(seconds)
        else:
            self.page.wait_for_timeout(seconds * 1000)

    def visible(self, selector: str) -> Locator:
        """Return the first visible element that matches."""
        return self.page.locator(selector).filter(visible=True).first

    def ms(self, timeout_s: float | None) -> float:
        """Return a time limit as Playwright wants it."""
        return 1000 * (self.timeout_s if timeout_s is None else timeout_s)
