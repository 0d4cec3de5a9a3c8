"""Smooth scrolling to an edge, to a position, or until an element is in view (by scroll.js)."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from playwright.sync_api import ElementHandle, Locator

from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.spec import action_models
from protocol.errors import StepFailed

SCROLL = (files("dispatcher.tour.actions") / "scroll.js").read_text(encoding="utf-8")
SPEEDS = {"slow": 350, "normal": 700, "fast": 1400}  # pixels a second
LONGEST_S = 30.0
"""How long to keep scrolling a page that loads more whenever its end is reached."""

EDGES = ("top", "bottom", "left", "right")


def scroll(context: ActionContext, action: action_models.Scroll) -> None:
    """Scroll the page, or the action's box, smoothly. Raises StepFailed if nothing scrolls in that direction."""
    box = context.page.locator(":root") if action.selector is None else context.visible(action.selector)
    box.wait_for(state="attached", timeout=context.ms(None))
    if action.selector is not None:
        bring_into_view(box, may_be_cut=True)
    if isinstance(action.to, str) and action.to not in EDGES:
        target = (box if action.selector is not None else context.page).locator(action.to).first
        target.wait_for(state="attached", timeout=context.ms(None))
        bring_into_view(target, centre=True, speed=action.speed)
    else:
        _scroll_box(context, box, action)
    context.rest(action.pause_at_bottom)


def _scroll_box(context: ActionContext, box: Locator, action: action_models.Scroll) -> None:
    if isinstance(action.to, str):
        how: dict[str, Any] = {"act": "edge", "edge": action.to}
    else:
        how = {"act": "to", "x": action.to.x, "y": action.to.y}
    outcome = box.evaluate(SCROLL, {**how, "pixelsPerSecond": SPEEDS[action.speed], "longestSeconds": LONGEST_S})
    if outcome == "endless":
        context.warn(f"the page kept loading more at its end; the scroll stopped after {LONGEST_S:g} s")
    if outcome or (action.selector is None and action.is_vertical):  # a page that fits into the view is at its end
        return
    direction = "up or down" if action.is_vertical else "sideways"
    if action.selector is None:
        raise StepFailed(f"nothing on the page scrolls {direction}; name the box with the action's selector")
    raise StepFailed(f"{action.selector!r} does not scroll {direction}, and nothing in it does; name another box")


def bring_into_view(
    target: Locator | ElementHandle, *, centre: bool = False, may_be_cut: bool = False, speed: str = "fast"
) -> None:
    """Scroll all boxes and frames around an element until it is completely visible and not below fixed bars.

    An element that is visible already stays where it is, unless `centre` is set. One that is larger than the view is
    aligned with its start; with `may_be_cut` it stays if it fills half of the view.
    """
    how = {"act": "show", "pixelsPerSecond": SPEEDS[speed], "centre": centre, "mayBeCut": may_be_cut}
    for element in [target] if isinstance(target, ElementHandle) else target.element_handles():  # none if it is gone
        _show(element, how)


def _show(element: ElementHandle, how: dict[str, Any]) -> None:
    element.evaluate(SCROLL, how)
    box, frame = element.bounding_box(), element.owner_frame()
    while box is not None and frame is not None and frame.parent_frame is not None:
        holder = frame.frame_element()
        around = holder.bounding_box()
        if around is None:
            return
        part = [box["x"] - around["x"], box["y"] - around["y"], box["width"], box["height"]]
        holder.evaluate(SCROLL, {**how, "part": part})
        box, frame = element.bounding_box(), frame.parent_frame
