"""What a step can do on a page: one function an action, and the table that names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page

from dispatcher.tour import parts
from dispatcher.tour.capture import settle
from dispatcher.tour.cursor import Cursor

KEY_MS = 55.0
LONGEST_TYPING_MS = 8000.0
SCROLL_PIXELS_A_SECOND = {"slow": 350, "normal": 800, "fast": 1800}
POPUPS = (
    "#onetrust-accept-btn-handler",
    "#CybotCookiebotDialogBodyLevelButtonLevelOptinAllowAll",
    "button:has-text('Accept all')",
    "button:has-text('Accept cookies')",
    "button:has-text('I agree')",
    "button:has-text('Got it')",
    "[role='dialog'] button[aria-label*='lose']",
)
_SCROLL = """
([to, speed]) => new Promise((done, fail) => {
  const target = typeof to === "string" && !["top", "bottom"].includes(to) ? document.querySelector(to) : null;
  if (typeof to === "string" && !["top", "bottom"].includes(to) && !target) return fail(new Error("no element " + to));
  const root = document.scrollingElement;
  const boxes = [...document.querySelectorAll("*")].filter(
    e => e.scrollHeight > e.clientHeight + 8 && /auto|scroll/.test(getComputedStyle(e).overflowY));
  const box = root.scrollHeight > root.clientHeight + 1 ? root
    : boxes.sort((a, b) => b.clientWidth * b.clientHeight - a.clientWidth * a.clientHeight)[0] ?? root;
  const from = box.scrollTop, most = box.scrollHeight - box.clientHeight;
  const inside = box === root ? 0 : box.getBoundingClientRect().top;
  const wanted = to === "bottom" ? most : to === "top" ? 0
    : target ? from + target.getBoundingClientRect().top - inside - box.clientHeight / 4 : to;
  const goal = Math.max(0, Math.min(most, wanted)), way = goal - from;
  const ms = Math.min(20000, Math.max(400, Math.abs(way) / speed * 1000)), start = performance.now();
  const ease = t => t < .5 ? 2 * t * t : 1 - (2 - 2 * t) ** 2 / 2;
  const step = now => {
    const t = Math.min(1, (now - start) / ms);
    box.scrollTop = from + way * ease(t);
    t < 1 ? requestAnimationFrame(step) : done(box.scrollTop);
  };
  requestAnimationFrame(step);
})
"""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where actions play: the page, the cursor, and how long an action may take if it does not say."""

    page: Page
    cursor: Cursor
    timeout_s: float

    def ms(self, timeout: float | None) -> float:
        """Return a time limit in milliseconds."""
        return 1000 * (timeout or self.timeout_s)


def wait_for_load(stage: Stage, action: parts.WaitForLoad) -> None:
    """Wait until the page has loaded and painted."""
    stage.page.wait_for_load_state("load", timeout=stage.ms(action.timeout))
    settle(stage.page)


def wait_for_selector(stage: Stage, action: parts.WaitForSelector) -> None:
    """Wait until an element is visible."""
    stage.page.locator(action.selector).first.wait_for(state="visible", timeout=stage.ms(action.timeout))


def wait_for_hidden(stage: Stage, action: parts.WaitForHidden) -> None:
    """Wait until an element is gone or hidden."""
    stage.page.locator(action.selector).first.wait_for(state="hidden", timeout=stage.ms(action.timeout))


def pause(stage: Stage, action: parts.Pause) -> None:
    """Do nothing for a while."""
    stage.page.wait_for_timeout(1000 * action.seconds)


def scroll(stage: Stage, action: parts.Scroll) -> None:
    """Scroll smoothly, the page or its largest scrolling part."""
    stage.page.evaluate(_SCROLL, [action.to, SCROLL_PIXELS_A_SECOND[action.speed]])
    stage.page.wait_for_timeout(1000 * action.pause_at_bottom)


def click_selector(stage: Stage, action: parts.ClickSelector) -> None:
    """Glide to an element and click it, once it can be clicked."""
    element = stage.page.locator(action.selector).first
    element.click(trial=True, timeout=stage.ms(action.timeout))
    stage.cursor.click(*_middle(element))


def type_text(stage: Stage, action: parts.TypeText) -> None:
    """Type a text at a person's pace; a long one faster, so that nobody waits for it."""
    if action.selector is not None:
        click_selector(
            stage, parts.ClickSelector(type="click_selector", selector=action.selector, timeout=action.timeout)
        )
    if action.clear:
        stage.page.keyboard.press("ControlOrMeta+A")
        stage.page.keyboard.press("Delete")
    pace = action.delay_ms if action.delay_ms is not None else min(KEY_MS, LONGEST_TYPING_MS / max(1, len(action.text)))
    stage.page.keyboard.type(action.text, delay=pace)


def press_key(stage: Stage, action: parts.PressKey) -> None:
    """Press a key or a chord, as often as asked."""
    for _ in range(action.times):
        stage.page.keyboard.press(action.key)
        stage.page.wait_for_timeout(80)


def dismiss_popups(stage: Stage, action: parts.DismissPopups) -> None:
    """Close what covers the page: the given selectors must work, the usual ones are tried."""
    for selector in action.selectors:
        stage.page.locator(selector).first.click(timeout=stage.ms(None))
    for selector in () if action.selectors else POPUPS:
        found = stage.page.locator(selector).first
        if found.is_visible():
            found.click(timeout=2000)
    settle(stage.page)


def _middle(element: Locator) -> tuple[float, float]:
    element.scroll_into_view_if_needed()
    box = element.bounding_box() or {"x": 0, "y": 0, "width": 0, "height": 0}
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


PERFORM: dict[str, Callable[[Stage, Any], None]] = {
    "wait_for_load": wait_for_load,
    "wait_for_selector": wait_for_selector,
    "wait_for_hidden": wait_for_hidden,
    "pause": pause,
    "scroll": scroll,
    "click_selector": click_selector,
    "type_text": type_text,
    "press_key": press_key,
    "dismiss_popups": dismiss_popups,
}

BEFORE_THE_TAKE = frozenset({"wait_for_load", "wait_for_selector", "wait_for_hidden", "dismiss_popups"})
"""What a newly opened page is given time for before the film rolls."""

CHANGES_THE_PAGE = frozenset({"click_selector", "type_text", "press_key"})
"""Doing one of these twice is not the same as doing it once."""
