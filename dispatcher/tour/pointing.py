"""The arrow and elements: finds where an element can be pressed, takes the arrow there, and presses once.

Whether an element can be pressed is found out without the mouse (aim.js): the page sees one visit and one press.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

from playwright.sync_api import ElementHandle, Frame, Locator, Page, Request

from dispatcher.tour.scrolling import bring_into_view
from dispatcher.tour.stage import Stage
from protocol.errors import StepFailed

AIM = (files("dispatcher.tour") / "aim.js").read_text(encoding="utf-8")
AIM_FRAME = (files("dispatcher.tour") / "aim_frame.js").read_text(encoding="utf-8")
FRAME_AREA = """element => {
  const box = element.getBoundingClientRect();
  const scale = [box.width / element.offsetWidth || 1, box.height / element.offsetHeight || 1];
  const style = getComputedStyle(element);
  const inset = side => element[`client${side}`] + (parseFloat(style[`padding${side}`]) || 0);
  return [box.left + inset("Left") * scale[0], box.top + inset("Top") * scale[1], ...scale];
}"""
"""Where the document of a frame begins in the one around it, and how it is scaled there."""

BEFORE_CLICK_MS, AFTER_CLICK_MS = 120, 150
POLL_MS = 60
CORRECTION_S = 0.12
"""A correction of the arrow's place, for an element that moves, may be as short as this."""
STILL_S = 1.0
"""So long is waited for an element to come to rest; one that moves on is followed."""
COVERED_S = 0.6
"""An element that is still covered after this time is scrolled to the middle: the cover may stay where it is."""

Point = tuple[float, float]
Button = Literal["left", "right"]


@dataclass(frozen=True, kw_only=True)
class Aim:
    """Where an element can be pressed now (in the page's viewport), or else why it cannot."""

    state: str  # ready, moving, covered, outside, disabled or gone
    point: Point | None
    blocker: str = ""


def click(stage: Stage, target: Locator, timeout_ms: float, *, button: Button = "left", clicks: int = 1) -> None:
    """Glide to an element and press it. Where that opens another page, return when it has begun."""
    deadline = time.monotonic() + timeout_ms / 1000
    glide_to(stage, target, timeout_ms)
    stage.page.wait_for_timeout(BEFORE_CLICK_MS)
    _stay_on(stage, target, deadline)
    press(stage, left_ms(deadline), button=button, clicks=clicks)


def press(stage: Stage, timeout_ms: float, *, button: Button = "left", clicks: int = 1) -> None:
    """Press where the arrow is. Where that opens another page, return when it has begun."""
    stage.look_below()
    with _opened_pages(stage.page, timeout_ms):
        stage.cursor.press(stage.page, button=button, clicks=clicks)
        stage.page.wait_for_timeout(AFTER_CLICK_MS)


def glide_to(stage: Stage, target: Locator, timeout_ms: float) -> None:
    """Bring an element into view and take the arrow to its middle, as soon as it can be pressed there; do not press.

    The page sees the mouse move there in small steps, and nothing else. Raises StepFailed, saying what covers it, for
    an element that cannot be pressed in time, and Playwright's timeout for one that is never seen.
    """
    deadline = time.monotonic() + timeout_ms / 1000
    target.wait_for(timeout=timeout_ms)
    point = _reachable(stage, target, deadline)
    stage.cursor.move_to(stage.page, *point)
    _stay_on(stage, target, deadline)


def _reachable(stage: Stage, target: Locator, deadline: float) -> Point:
    """Return where an element can be pressed, as soon as it can be; it is scrolled to first."""
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
        stage.page.wait_for_timeout(POLL_MS)


def _stay_on(stage: Stage, target: Locator, deadline: float) -> None:
    """Have the arrow where a press reaches the element, also if that has moved meanwhile."""
    while True:
        aim = take_aim(target, prefer=stage.cursor.at)
        if aim.point is not None and _near(aim.point, stage.cursor.at):
            return
        point = aim.point or _reachable(stage, target, deadline)
        stage.cursor.move_to(stage.page, *point, least_s=CORRECTION_S)
        if time.monotonic() > deadline:
            raise StepFailed("it keeps moving away from the mouse; wait until it rests")


def _near(one: Point, other: Point) -> bool:
    return abs(one[0] - other[0]) < 1 and abs(one[1] - other[1]) < 1


def take_aim(target: Locator, prefer: Point | None = None) -> Aim:
    """Return where an element can be pressed now; at `prefer`, a point of the viewport, if it can be pressed there."""
    found = target.element_handles()
    if not found:
        return Aim(state="gone", point=None)
    size, levels = target.page.viewport_size, _levels(found[0])
    view = [0.0, 0.0, float(size["width"]), float(size["height"])] if size and levels else None
    for level in reversed(levels):
        view = None if view is None else [*level.inward(view[0], view[1]), *level.inward(view[2], view[3])]
        prefer = None if prefer is None else level.inward(*prefer)
    told = found[0].evaluate(AIM, {"view": view, "prefer": prefer})
    points, blocker = [(x, y) for x, y in told["points"]], told.get("blocker", "")
    for level in levels:
        points = [level.outward(x, y) for x, y in points]
        around = level.holder.evaluate(AIM_FRAME, points)
        blocker = blocker or around["blocker"]
        points = [point for point, free in zip(points, around["free"], strict=True) if free]
    state = "covered" if told["points"] and not points else told["state"]
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
    """Return what is told of an element that could not be pressed in time."""
    if aim.state == "covered" and aim.blocker:
        hint = "wait until what covers it is gone, or dismiss it first"
        return StepFailed(f"it was covered for {waited_s:.1f} s by {aim.blocker}; {hint}")
    why = {
        "covered": "it takes no clicks (pointer-events: none); name what does",
        "outside": "it is outside the view and cannot be scrolled to; make it visible first",
        "disabled": "it is disabled; wait until it is enabled, or do before what enables it",
    }.get(aim.state, "it went away; check the selector against the screenshot")
    return StepFailed(f"it could not be clicked within {waited_s:.1f} s: {why}")


class _Navigation:
    """Whether a page has asked for another one that has not begun yet."""

    def __init__(self, page: Page) -> None:
        self._frame = page.main_frame
        self._asked: set[Request] = set()

    @property
    def is_pending(self) -> bool:
        return bool(self._asked)

    def ask(self, request: Request) -> None:
        if request.is_navigation_request() and request.frame == self._frame:
            self._asked.add(request)

    def begin(self, frame: Frame) -> None:
        if frame == self._frame:
            self._asked.clear()

    def end(self, request: Request) -> None:
        self._asked.discard(request)


@contextmanager
def _opened_pages(page: Page, timeout_ms: float) -> Iterator[None]:
    """Do the block; if it has the page ask for another one, return when that has begun or will not come."""
    navigation = _Navigation(page)
    listeners: dict[Any, Any] = {
        "request": navigation.ask,
        "framenavigated": navigation.begin,
        "requestfinished": navigation.end,
        "requestfailed": navigation.end,
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


def left_ms(deadline: float) -> float:
    """Return what is left until a moment of the monotonic clock, as Playwright wants it; at least a second."""
    return max(1000.0, (deadline - time.monotonic()) * 1000)  # 0 would mean: for ever
