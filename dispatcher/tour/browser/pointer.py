"""The visible mouse: an arrow drawn over the page that moves as a hand does and marks its clicks.

Only this module moves or presses the mouse. Playwright's own click, hover and drag, and `trial=True` too, move it in
one jump, which the film would show.
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

BINDING = "__gpudropCursor"
PLACE = f"at => window[Symbol.for('{BINDING}')]?.place(...at)"
HIDE = f"() => window[Symbol.for('{BINDING}')]?.hide()"
CARRY = f"what => window[Symbol.for('{BINDING}')]?.carry(what)"
RIPPLE = f"() => window[Symbol.for('{BINDING}')]?.ripple()"
SHORTEST_S, USUAL_S = 0.4, 0.7
USUAL_PX = 900
"""A glide over this distance takes USUAL_S; a longer one takes longer in proportion, so that it is no faster."""

STEP_S = 0.025
"""The arrow moves on by at most this much of its glide at once: a busy machine makes it slower, never jumpy."""

UNSEEN_PX, UNSEEN_S = 60, 0.5
"""While it is filmed the arrow waits, when it has moved so far since the last frame, for another one; for so long."""

PRESSED_MS = 70
BETWEEN_CLICKS_MS = 80
"""Of a double click: every system takes two clicks within 200 ms as one."""


@dataclass(frozen=True, kw_only=True)
class PointerMove:
    """A glide of the mouse: when it began and arrived (monotonic seconds), and where (CSS pixels)."""

    began: float
    arrived: float
    x: float
    y: float


class Pointer:
    """The arrow of one browser context. It is where it was after every navigation and in every new page."""

    def __init__(self, context: BrowserContext, at: tuple[float, float]) -> None:
        self.at = at
        self.moves: list[PointerMove] = []  # since the last clearing
        self.rehearsing = False  # nobody watches: it moves in one jump
        self.is_recorded = False
        self._seen_at = at
        context.expose_binding(BINDING, lambda _source: list(self.at))
        script = (files("dispatcher.tour.browser") / "pointer.js").read_text(encoding="utf-8")
        context.add_init_script(script.replace("ASK", json.dumps(BINDING)))

    def move_to(self, page: Page, x: float, y: float, *, least_s: float = SHORTEST_S) -> None:
        """Glide to a place of the viewport (CSS pixels), slowly at both ends; `least_s` is for small corrections."""
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
            page.wait_for_timeout(4)  # a move itself waits for the next frame; frames arrive only in such calls
            self._wait_until_seen(page)
        self.moves.append(PointerMove(began=began, arrived=time.monotonic(), x=x, y=y))

    def jump_to(self, page: Page, x: float, y: float) -> None:
        """Be at a place at once: only where the viewer sees no way, as on another page."""
        self._put(page, x, y)

    def see(self) -> None:
        """Note that a frame of the film has come."""
        self._seen_at = self.at

    def _wait_until_seen(self, page: Page) -> None:
        deadline = time.monotonic() + UNSEEN_S
        while self.is_recorded and math.dist(self.at, self._seen_at) > UNSEEN_PX and time.monotonic() < deadline:
            page.wait_for_timeout(4)

    def press(self, page: Page, *, button: Literal["left", "right"] = "left", clicks: int = 1) -> None:
        """Press and release a button where the arrow is, once or in quick succession."""
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
        """Show a thing at the arrow, a picture {"png", "width", "height"} or a {"text"}, until it is None."""
        page.evaluate(CARRY, what)

    def hide(self, page: Page) -> None:
        """Show no arrow until it moves."""
        page.evaluate(HIDE)

    def _put(self, page: Page, x: float, y: float) -> None:
        self.at = (x, y)
        page.mouse.move(x, y)
        if len(page.frames) > 1:  # over a frame of another origin the page sees no mouse
            self._place(page)

    def _place(self, page: Page) -> None:
        try:
            page.evaluate(PLACE, list(self.at))
        except PlaywrightError as error:
            if not is_navigation_error(error):  # the next page asks for the place itself
                raise


def ripple(page: Page) -> None:
    """Mark a click that no mouse button makes."""
    page.evaluate(RIPPLE)


def eased(done: float) -> float:
    """Return how far a movement is (0 to 1) after a part of its time: slow, fast, slow (smootherstep)."""
    done = min(1.0, max(0.0, done))
    return done**3 * (done * (6 * done - 15) + 10)


def glide_seconds(pixels: float, least_s: float = SHORTEST_S) -> float:
    """Return how long a glide over a distance takes."""
    return max(least_s + (USUAL_S - least_s) * min(1.0, pixels / USUAL_PX), USUAL_S * pixels / USUAL_PX)
