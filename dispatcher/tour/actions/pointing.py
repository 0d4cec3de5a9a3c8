"""Clicking elements: find out where an element can be clicked, move the pointer there, and click once.

Whether an element can be clicked is found out without the mouse (aim.js): the page gets one movement and one click.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

from playwright.sync_api import ElementHandle, Frame, Locator, Page, Request

from dispatcher.tour.actions.scrolling import bring_into_view
from dispatcher.tour.browser.action_context import ActionContext
from protocol.errors import StepFailed

AIM = (files("dispatcher.tour.actions") / "aim.js").read_text(encoding="utf-8")
AIM_FRAME = (files("dispatcher.tour.actions") / "aim_frame.js").read_text(encoding="utf-8")
FRAME_AREA = """element => {
  const box = element.getBoundingClientRect();
  const scale = [box.width / element.offsetWidth || 1, box.height / element.offsetHeight || 1];
  const style = getComputedStyle(element);
  const inset = side => element[`client${side}`] + (parseFloat(style[`padding${side}`]) || 0);
  return [box.left + inset("Left") * scale[0], box.top + inset("Top") * scale[1], ...scale];
}"""
"""The position of a frame's document in its parent, and its scale there."""

BEFORE_CLICK_MS, AFTER_CLICK_MS = 120, 150
POLL_MS = 60
CORRECTION_S = 0.12
"""The shortest movement that follows a moving element."""
STILL_S = 1.0
"""How long to wait for a moving element to stop; after that the pointer follows it."""
COVERED_S = 0.6
"""An element that is still covered after this time is scrolled to the centre, away from fixed bars."""

Point = tuple[float, float]
Button = Literal["left", "right"]


@dataclass(frozen=True, kw_only=True)
class Aim:
    """Where an element can be clicked now (in the page's viewport), or else why it cannot."""

    state: str  # ready, moving, covered, outside, disabled or gone
    point: Point | None
    blocker: str = ""


def click(
    context: ActionContext, target: Locator, timeout_ms: float, *, button: Button = "left", clicks: int = 1
) -> None:
    """Move to an element and click it. If that opens another page, return when the navigation has started."""
    deadline = time.monotonic() + timeout_ms / 1000
    glide_to(context, target, timeout_ms)
    context.page.wait_for_timeout(BEFORE_CLICK_MS)
    _stay_on(context, target, deadline)
    press(context, remaining_ms(deadline), button=button, clicks=clicks)


def press(context: ActionContext, timeout_ms: float, *, button: Button = "left", clicks: int = 1) -> None:
    """Click where the pointer is. If that opens another page, return when the navigation has started."""
    context.capture_below_pointer()
    with _awaited_navigation(context.page, timeout_ms):
        context.pointer.press(context.page, button=button, clicks=clicks)
        context.page.wait_for_timeout(AFTER_CLICK_MS)


def glide_to(context: ActionContext, target: Locator, timeout_ms: float) -> None:
    """Scroll to an element and move the pointer to its centre, as soon as it can be clicked there; do not click.

    The page gets only small mouse movements. Raises StepFailed, saying what covers the element, if it cannot be clicked
    in time, and Playwright's timeout error if it is never visible.
    """
    deadline = time.monotonic() + timeout_ms / 1000
    target.wait_for(timeout=timeout_ms)
    point = _reachable(context, target, deadline)
    context.pointer.move_to(context.page, *point)
    _stay_on(context, target, deadline)


def _reachable(context: ActionContext, target: Locator, deadline: float) -> Point:
    """Scroll to an element, and return where it can be clicked, as soon as it can be."""
    began, centre = time.monotonic(), False
    bring_into_view(target, may_be_cut=True)
    while True:
        aim = take_aim(target)
        if aim.point is not None and (aim.state == "ready" or time.monotonic() - began > STILL_S):
            return aim.point
        if time.monotonic() > deadline:
            raise _unreachable(aim, time.monotonic() - began)
        if aim.state == "outside":
            bring_into_view(target, may_be_cut=True)
        elif aim.state == "covered" and not centre and time.monotonic() - began > COVERED_S:
            bring_into_view(target, centre=True)
            centre = True
        context.page.wait_for_timeout(POLL_MS)


def _stay_on(context: ActionContext, target: Locator, deadline: float) -> None:
    """Keep the pointer where a click hits the element, also if the element has moved."""
    while True:
        aim = take_aim(target, prefer=context.pointer.at)
        if aim.point is not None and _near(aim.point, context.pointer.at):
            return
        point = aim.point or _reachable(context, target, deadline)
        context.pointer.move_to(context.page, *point, least_s=CORRECTION_S)
        if time.monotonic() > deadline:
            raise StepFailed("it keeps moving away from the mouse; wait until it stops")


def _near(one: Point, other: Point) -> bool:
    return abs(one[0] - other[0]) < 1 and abs(one[1] - other[1]) < 1


def take_aim(target: Locator, prefer: Point | None = None) -> Aim:
    """Return where an element can be clicked now; `prefer`, a point of the viewport, is returned if possible."""
    found = target.element_handles()
    if not found:
        return Aim(state="gone", point=None)
    size, levels = target.page.viewport_size, _levels(found[0])
    view = [0.0, 0.0, float(size["width"]), float(size["height"])] if size and levels else None
    for level in reversed(levels):
        view = None if view is None else [*level.inward(view[0], view[1]), *level.inward(view[2], view[3])]
        prefer = None if prefer is None else level.inward(*prefer)
    aim = found[0].evaluate(AIM, {"view": view, "prefer": prefer})
    points, blocker = [(x, y) for x, y in aim["points"]], aim.get("blocker", "")
    for level in levels:
        points = [level.outward(x, y) for x, y in points]
        around = level.holder.evaluate(AIM_FRAME, points)
        blocker = blocker or around["blocker"]
        points = [point for point, free in zip(points, around["free"], strict=True) if free]
    state = "covered" if aim["points"] and not points else aim["state"]
    return Aim(state=state, point=points[0] if points else None, blocker=blocker)


@dataclass(frozen=True, kw_only=True)
class _Level:
    """A frame on the way from an element to the page: its element, where its document begins there, and its scale."""

    holder: ElementHandle
    left: float
    top: float
    x_scale: float
    y_scale: float

    def inward(self, x: float, y: float) -> Point:
        return (x - self.left) / self.x_scale, (y - self.top) / self.y_scale

    def outward(self, x: float, y: float) -> Point:
        return self.left + x * self.x_scale, self.top + y * self.y_scale


def _levels(element: ElementHandle) -> list[_Level]:
    """Return the frames around an element, the innermost first."""
    levels, frame = [], element.owner_frame()
    while frame is not None and frame.parent_frame is not None:
        holder = frame.frame_element()
        left, top, x_scale, y_scale = holder.evaluate(FRAME_AREA)
        levels.append(_Level(holder=holder, left=left, top=top, x_scale=x_scale, y_scale=y_scale))
        frame = frame.parent_frame
    return levels


def _unreachable(aim: Aim, waited_s: float) -> StepFailed:
    """Return the error for an element that could not be clicked in time."""
    if aim.state == "covered" and aim.blocker:
        hint = "wait until that is gone, or dismiss it first"
        return StepFailed(f"it was covered for {waited_s:.1f} s by {aim.blocker}; {hint}")
    reason = {
        "covered": "it accepts no clicks (pointer-events: none); name an element that does",
        "outside": "it is outside the view and cannot be scrolled into it; make it visible first",
        "disabled": "it is disabled; wait until it is enabled, or first do what enables it",
    }.get(aim.state, "it disappeared; check the selector against the screenshot")
    return StepFailed(f"it could not be clicked within {waited_s:.1f} s: {reason}")


class _Navigation:
    """Whether a page has requested another one, and that navigation has not started yet."""

    def __init__(self, page: Page) -> None:
        self._frame = page.main_frame
        self._requested: set[Request] = set()

    @property
    def is_pending(self) -> bool:
        return bool(self._requested)

    def on_request(self, request: Request) -> None:
        if request.is_navigation_request() and request.frame == self._frame:
            self._requested.add(request)

    def on_navigated(self, frame: Frame) -> None:
        if frame == self._frame:
            self._requested.clear()

    def on_request_end(self, request: Request) -> None:
        self._requested.discard(request)


@contextmanager
def _awaited_navigation(page: Page, timeout_ms: float) -> Iterator[None]:
    """Run the block; if it makes the page request another one, return when that navigation has started or failed."""
    navigation = _Navigation(page)
    listeners: dict[Any, Any] = {
        "request": navigation.on_request,
        "framenavigated": navigation.on_navigated,
        "requestfinished": navigation.on_request_end,
        "requestfailed": navigation.on_request_end,
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    try:
        yield
        deadline = time.monotonic() + timeout_ms / 1000
        while navigation.is_pending and time.monotonic() < deadline:
            page.wait_for_timeout(POLL_MS)
    finally:
        for event, listener in listeners.items():
            page.remove_listener(event, listener)


def remaining_ms(deadline: float) -> float:
    """Return the milliseconds until a deadline of the monotonic clock, at least 1000."""
    return max(1000.0, (deadline - time.monotonic()) * 1000)  # to Playwright, 0 means no limit
