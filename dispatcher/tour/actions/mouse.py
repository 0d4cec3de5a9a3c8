"""Mouse actions other than a plain click: hovering, double and right clicks, dragging."""

from __future__ import annotations

import base64
import time
from typing import Any

from playwright.sync_api import Locator

from dispatcher.tour.actions.pointing import Point, click, glide_to, remaining_ms
from dispatcher.tour.actions.scrolling import bring_into_view
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.spec import action_models
from protocol.errors import StepFailed

HOVERED_MS = 250
GRIPPED_MS, DROPPED_MS = 180, 250
"""How long the button is held before and after the movement: some pages only check once a frame."""

NUDGE_PX = 3
"""A drag ends with a small movement, so that the page gets its last position."""

IS_DRAGGABLE = "element => element.closest('[draggable=true]') !== null"
LARGEST_CARRIED = (480, 320)


def hover(context: ActionContext, action: action_models.Hover) -> None:
    """Move the pointer to an element and leave it there."""
    glide_to(context, context.visible(action.selector, action.frame), context.ms(action.timeout))
    context.rest(HOVERED_MS / 1000)


def double_click(context: ActionContext, action: action_models.DoubleClick) -> None:
    """Double-click an element."""
    click(context, context.visible(action.selector, action.frame), context.ms(action.timeout), clicks=2)


def right_click(context: ActionContext, action: action_models.RightClick) -> None:
    """Right-click an element."""
    click(context, context.visible(action.selector, action.frame), context.ms(action.timeout), button="right")


def drag(context: ActionContext, action: action_models.Drag) -> None:
    """Drag an element to another one, or by a distance."""
    deadline = time.monotonic() + context.ms(action.timeout) / 1000
    source = context.visible(action.selector, action.frame)
    target = None if action.to is None else context.visible(action.to, action.frame)
    if target is not None:
        target.wait_for(timeout=remaining_ms(deadline))
        bring_into_view(target)
    source.wait_for(timeout=remaining_ms(deadline))
    bring_into_view(source)
    carried = _drag_image(context, source)
    glide_to(context, source, remaining_ms(deadline))
    x, y = _end(context, action, target)
    context.pointer.grip(context.page)
    try:
        context.page.wait_for_timeout(GRIPPED_MS)
        if carried is not None:
            context.pointer.carry(context.page, carried)
        context.pointer.move_to(context.page, x - NUDGE_PX, y)
        context.pointer.jump_to(context.page, x, y)
        context.page.wait_for_timeout(DROPPED_MS)
    finally:
        context.pointer.release(context.page)
    if carried is not None:
        context.pointer.carry(context.page, None)
    context.page.wait_for_timeout(DROPPED_MS)


def _end(context: ActionContext, action: action_models.Drag, target: Locator | None) -> Point:
    """Return where a drag ends. Raises StepFailed if that is outside the view, as nothing scrolls during a drag."""
    size = context.page.viewport_size or {"width": 0, "height": 0}
    if target is None:
        right, down = action.by or (0.0, 0.0)
        end = context.pointer.at[0] + right, context.pointer.at[1] + down
    else:
        box = target.bounding_box()
        if box is None:
            raise StepFailed(f"{action.to!r} is no longer visible; check it against the screenshot")
        end = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if not (0 <= end[0] < size["width"] and 0 <= end[1] < size["height"]):
        fix = "scroll so that both ends are in view, or make settings.viewport larger"
        raise StepFailed(f"the drag would end outside the view, at {end[0]:.0f}, {end[1]:.0f}; {fix}", retryable=False)
    return end


def _drag_image(context: ActionContext, source: Locator) -> dict[str, Any] | None:
    """Return the image that a browser shows at the mouse during a drag; None if the page moves the element itself."""
    box = source.bounding_box() if source.evaluate(IS_DRAGGABLE) else None
    if box is None or context.rehearsing:
        return None
    width, height = min(box["width"], LARGEST_CARRIED[0]), min(box["height"], LARGEST_CARRIED[1])
    clip: Any = {"x": box["x"], "y": box["y"], "width": width, "height": height}
    png = context.page.screenshot(clip=clip, scale="css")
    return {
        "png": base64.b64encode(png).decode(),
        "width": width,
        "height": height,
        "left": -width / 2,
        "top": -height / 2,
    }
