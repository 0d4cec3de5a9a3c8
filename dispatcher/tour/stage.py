"""What an action has to do with, and the click that all of them share: scrolled to, moved to, seen, pressed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Locator, Page

from dispatcher.tour.cursor import Cursor

SCROLL = (files("dispatcher.tour") / "scroll.js").read_text(encoding="utf-8")
SPEEDS = {"slow": 350, "normal": 700, "fast": 1400}  # pixels a second
BEFORE_CLICK_MS, PRESSED_MS, AFTER_CLICK_MS = 120, 70, 150


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


def click(stage: Stage, target: Locator, timeout_ms: float) -> None:
    """Scroll an element into view, move the arrow to its middle and click it, as soon as it can be clicked."""
    deadline = time.monotonic() + timeout_ms / 1000
    target.wait_for(timeout=timeout_ms)
    if not _in_view(stage.page, target):
        target.evaluate(SCROLL, {"to": None, "pixelsPerSecond": SPEEDS["fast"]})
    target.click(trial=True, timeout=left_ms(deadline))
    x, y, position = _middle(stage.page, target)
    stage.cursor.move_to(stage.page, x, y)
    stage.page.wait_for_timeout(BEFORE_CLICK_MS)
    target.click(position=position, delay=PRESSED_MS, timeout=left_ms(deadline))
    stage.page.wait_for_timeout(AFTER_CLICK_MS)


def left_ms(deadline: float) -> float:
    """Return what is left until a moment of the monotonic clock, as Playwright wants it; at least a second."""
    return max(1000.0, (deadline - time.monotonic()) * 1000)  # 0 would mean: for ever


def _in_view(page: Page, target: Locator) -> bool:
    size, box = page.viewport_size, target.bounding_box()
    if size is None or box is None:
        return True
    return box["y"] >= 0 and box["y"] + min(box["height"], size["height"]) <= size["height"]


def _middle(page: Page, target: Locator) -> tuple[float, float, Any]:
    """Return the middle of the part of an element that is in view: in the viewport, and within the element."""
    size, box = page.viewport_size, target.bounding_box()
    if size is None or box is None:
        raise PlaywrightError("the element went away while the mouse was on its way")
    x = (max(0, box["x"]) + min(size["width"], box["x"] + box["width"])) / 2
    y = (max(0, box["y"]) + min(size["height"], box["y"] + box["height"])) / 2
    left, top = target.evaluate("element => [element.clientLeft ?? 0, element.clientTop ?? 0]")
    return x, y, {"x": x - box["x"] - left, "y": y - box["y"] - top}  # counted from within the border
