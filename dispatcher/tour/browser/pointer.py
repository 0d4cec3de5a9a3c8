"""The visible pointer: an arrow that is drawn over the page, moves like a hand and marks clicks.

Only this module moves or presses the mouse. Playwright's own click, hover and drag, even with `trial=True`, move it in
one jump, which would be visible in the video.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

from playwright.sync_api import BrowserContext, Page
from playwright.sync_api import Error as PlaywrightError

from dispatcher.tour.browser.navigation import is_navigation_error
from dispatcher.tour.browser.pace import PaceLog

BINDING = "__gpudropCursor"
PLACE = f"at => window[Symbol.for('{BINDING}')]?.place(...at)"
HIDE = f"() => window[Symbol.for('{BINDING}')]?.hide()"
CARRY = f"what => window[Symbol.for('{BINDING}')]?.carry(what)"
RIPPLE = f"() => window[Symbol.for('{BINDING}')]?.ripple()"
SHORTEST_S, USUAL_S = 0.4, 0.7
USUAL_PX = 900
"""A movement over this distance takes USUAL_S; a longer one takes proportionally longer, so that it is not faster."""

STEP_S = 0.025
"""The largest part of a movement between two positions: a busy machine makes it slower, but never jumpy."""

UNSEEN_PX, UNSEEN_S = 60, 0.5
"""While recording, the pointer moves at most this far without a new frame, but waits for one no longer than this."""

PRESSED_MS = 70
BETWEEN_CLICKS_MS = 80
"""Within a double click: every system accepts up to 200 ms."""


@dataclass(frozen=True, kw_only=True)
class PointerMove:
    """A movement: when it began and arrived (monotonic seconds), and where it ended (CSS pixels)."""

    began: float
    arrived: float
    x: float
    y: float


class Pointer:
    """The pointer of one browser context. It keeps its position after navigations and in new pages."""

    def __init__(self, context: BrowserContext, at: tuple[float, float]) -> None:
        self.at = at
        self.moves: list[PointerMove] = []  # since the last clearing
        self.pace = PaceLog()
        self.rehearsing = False  # it moves in one jump
        self.is_recorded = False
        self._seen_at = at
        context.expose_binding(BINDING, lambda _source: list(self.at))
        script = (files("dispatcher.tour.browser") / "pointer.js").read_text(encoding="utf-8")
        context.add_init_script(script.replace("ASK", json.dumps(BINDING)))

    def move_to(self, page: Page, x: float, y: float, *, least_s: float = SHORTEST_S) -> None:
        """Move smoothly to a point of the viewport (CSS pixels); `least_s` is for small corrections."""
        start, seconds = self.at, glide_seconds(math.dist(self.at, (x, y)), least_s)
        began = last = time.monotonic()
        done = 1.0 if self.rehearsing else 0.0
        if self.rehearsing:
            self._put(page, x, y)
        while done < 1:
            now = time.monotonic()
            done = min(1.0, done + min(now - last, STEP_S) / seconds)
            last = now
            part = eased(done)
            self._put(page, start[0] + (x - start[0]) * part, start[1] + (y - start[1]) * part)
            page.wait_for_timeout(4)  # frames arrive only in such calls
            self._wait_until_seen(page)
        arrived = time.monotonic()
        self.pace.add(seconds, arrived - began)
        self.moves.append(PointerMove(began=began, arrived=arrived, x=x, y=y))

    def jump_to(self, page: Page, x: float, y: float) -> None:
        """Move in one jump: only where that is not visible, as on another page."""
        self._put(page, x, y)

    def see(self) -> None:
        """Note that a frame has arrived."""
        self._seen_at = self.at

    def _wait_until_seen(self, page: Page) -> None:
        deadline = time.monotonic() + UNSEEN_S
        while self.is_recorded and math.dist(self.at, self._seen_at) > UNSEEN_PX and time.monotonic() < deadline:
            page.wait_for_timeout(4)

    def press(self, page: Page, *, button: Literal["left", "right"] = "left", clicks: int = 1) -> None:
        """Press and release a button at the pointer, once or in quick succession."""
        for n in range(clicks):
            page.wait_for_timeout(BETWEEN_CLICKS_MS if n else 0)
            page.mouse.down(button=button, click_count=n + 1)
            page.wait_for_timeout(PRESSED_MS)
            page.mouse.up(button=button, click_count=n + 1)

    def grip(self, page: Page) -> None:
        """Press the left button and keep it pressed."""
        page.mouse.down()

    def release(self, page: Page) -> None:
        """Release the left button."""
        page.mouse.up()

    def carry(self, page: Page, what: dict[str, Any] | None) -> None:
        """Show something at the pointer, an image {"png", "width", "height"} or a {"text"}, until called with None."""
        page.evaluate(CARRY, what)

    def hide(self, page: Page) -> None:
        """Hide the pointer until it moves."""
        page.evaluate(HIDE)

    def _put(self, page: Page, x: float, y: float) -> None:
        self.at = (x, y)
        page.mouse.move(x, y)
        if len(page.frames) > 1:  # over a frame of another origin the page gets no mouse events
            self._place(page)

    def _place(self, page: Page) -> None:
        try:
            page.evaluate(PLACE, list(self.at))
        except PlaywrightError as error:
            if not is_navigation_error(error):  # the next page requests the position itself
                raise


def ripple(page: Page) -> None:
    """Show the mark of a click without pressing a button."""
    page.evaluate(RIPPLE)


def eased(done: float) -> float:
    """Return the progress of a movement (0 to 1) after a part of its time: slow, fast, slow (smootherstep)."""
    done = min(1.0, max(0.0, done))
    return done**3 * (done * (6 * done - 15) + 10)


def glide_seconds(pixels: float, least_s: float = SHORTEST_S) -> float:
    """Return how long a movement over a distance takes."""
    return max(least_s + (USUAL_S - least_s) * min(1.0, pixels / USUAL_PX), USUAL_S * pixels / USUAL_PX)
