"""What is done with the mouse beside a plain click: hovering, double and right clicks, dragging."""

from __future__ import annotations

import base64
import time
from typing import Any

from playwright.sync_api import Locator

from dispatcher.tour import page_action_parts as parts
from dispatcher.tour.pointing import Point, click, glide_to, left_ms
from dispatcher.tour.scrolling import bring_into_view
from dispatcher.tour.stage import Stage
from protocol.errors import StepFailed

HOVERED_MS = 250
GRIPPED_MS, DROPPED_MS = 180, 250
"""How long a thing is held before it moves, and before it is let go: pages look at it between frames."""

NUDGE_PX = 3
"""A drag ends with a small move, so that the page is told of its last place."""

IS_DRAGGABLE = "element => element.closest('[draggable=true]') !== null"
LARGEST_CARRIED = (480, 320)


def hover(stage: Stage, action: parts.Hover) -> None:
    """Move the arrow to an element and leave it there."""
    glide_to(stage, stage.visible(action.selector, action.frame), stage.ms(action.timeout))
    stage.rest(HOVERED_MS / 1000)


def double_click(stage: Stage, action: parts.DoubleClick) -> None:
    """Click an element twice."""
    click(stage, stage.visible(action.selector, action.frame), stage.ms(action.timeout), clicks=2)


def right_click(stage: Stage, action: parts.RightClick) -> None:
    """Click an element with the right button."""
    click(stage, stage.visible(action.selector, action.frame), stage.ms(action.timeout), button="right")


def drag(stage: Stage, action: parts.Drag) -> None:
    """Drag an element to another one, or by a distance."""
    deadline = time.monotonic() + stage.ms(action.timeout) / 1000
    source = stage.visible(action.selector, action.frame)
    target = None if action.to is None else stage.visible(action.to, action.frame)
    if target is not None:
        target.wait_for(timeout=left_ms(deadline))
        bring_into_view(target)
    source.wait_for(timeout=left_ms(deadline))
    bring_into_view(source)
    carried = _picture(stage, source)
    glide_to(stage, source, left_ms(deadline))
    x, y = _end(stage, action, target)
    stage.cursor.grip(stage.page)
    try:
        stage.page.wait_for_timeout(GRIPPED_MS)
        if carried is not None:
            stage.cursor.carry(stage.page, carried)
        stage.cursor.move_to(stage.page, x - NUDGE_PX, y)
        stage.cursor.jump_to(stage.page, x, y)
        stage.page.wait_for_timeout(DROPPED_MS)
    finally:
        stage.cursor.release(stage.page)
    if carried is not None:
        stage.cursor.carry(stage.page, None)
    stage.page.wait_for_timeout(DROPPED_MS)


def _end(stage: Stage, action: parts.Drag, target: Locator | None) -> Point:
    """Return where a drag ends. Raises StepFailed for a place outside the view: the page cannot scroll meanwhile."""
    size = stage.page.viewport_size or {"width": 0, "height": 0}
    if target is None:
        right, down = action.by or (0.0, 0.0)
        end = stage.cursor.at[0] + right, stage.cursor.at[1] + down
    else:
        box = target.bounding_box()
        if box is None:
            raise StepFailed(f"{action.to!r} is not to be seen any more; check it against the screenshot")
        end = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if not (0 <= end[0] < size["width"] and 0 <= end[1] < size["height"]):
        fix = "scroll so that both ends are in view, or make settings.viewport larger"
        raise StepFailed(f"the drag would end outside the view, at {end[0]:.0f}, {end[1]:.0f}; {fix}", retryable=False)
    return end


def _picture(stage: Stage, source: Locator) -> dict[str, Any] | None:
    """Return a picture of what a browser shows at the mouse while it drags; None where the page moves it itself."""
    box = source.bounding_box() if source.evaluate(IS_DRAGGABLE) else None
    if box is None or stage.hurries:
        return None
    width, height = min(box["width"], LARGEST_CARRIED[0]), min(box["height"], LARGEST_CARRIED[1])
    clip: Any = {"x": box["x"], "y": box["y"], "width": width, "height": height}
    png = stage.page.screenshot(clip=clip, scale="css")
    return {
        "png": base64.b64encode(png).decode(),
        "width": width,
        "height": height,
        "left": -width / 2,
        "top": -height / 2,
    }
