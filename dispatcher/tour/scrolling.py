"""Scrolling as a hand does: to an edge, to a position, or until an element is in view (scroll.js does it)."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from playwright.sync_api import ElementHandle, Locator

from dispatcher.tour import action_parts
from dispatcher.tour.stage import Stage
from protocol.errors import StepFailed

SCROLL = (files("dispatcher.tour") / "scroll.js").read_text(encoding="utf-8")
SPEEDS = {"slow": 350, "normal": 700, "fast": 1400}  # pixels a second
LONGEST_S = 30.0
"""A page that loads more whenever its end is reached is followed for this long."""

EDGES = ("top", "bottom", "left", "right")


def scroll(stage: Stage, action: action_parts.Scroll) -> None:
    """Scroll the page, or the box that the action names, smoothly. Raises StepFailed where nothing scrolls that way."""
    box = stage.page.locator(":root") if action.selector is None else stage.visible(action.selector)
    box.wait_for(state="attached", timeout=stage.ms(None))
    if action.selector is not None:
        bring_into_view(box, may_be_cut=True)
    if isinstance(action.to, str) and action.to not in EDGES:
        target = (box if action.selector is not None else stage.page).locator(action.to).first
        target.wait_for(state="attached", timeout=stage.ms(None))
        bring_into_view(target, centre=True, speed=action.speed)
    else:
        _scroll_box(stage, box, action)
    stage.rest(action.pause_at_bottom)


def _scroll_box(stage: Stage, box: Locator, action: action_parts.Scroll) -> None:
    if isinstance(action.to, str):
        how: dict[str, Any] = {"act": "edge", "edge": action.to}
    else:
        how = {"act": "to", "x": action.to.x, "y": action.to.y}
    outcome = box.evaluate(SCROLL, {**how, "pixelsPerSecond": SPEEDS[action.speed], "longestSeconds": LONGEST_S})
    if outcome == "endless":
        stage.warn(f"more kept arriving at the end for {LONGEST_S:g} s; the scroll stopped there")
    if outcome or (action.selector is None and action.is_vertical):  # a page that is seen whole is at its end
        return
    direction = "up or down" if action.is_vertical else "sideways"
    if action.selector is None:
        raise StepFailed(f"nothing on the page scrolls {direction}; name the box with the action's selector")
    raise StepFailed(f"{action.selector!r} does not scroll {direction}, and nothing in it does; name another box")


def bring_into_view(
    target: Locator | ElementHandle, *, centre: bool = False, may_be_cut: bool = False, speed: str = "fast"
) -> None:
    """Scroll every box around an element, and every frame, until it is seen whole and free of bars that stay on top.

    One that is seen already stays where it is, unless it is to be in the `centre`. What is larger than the view begins
    at the view's start; with `may_be_cut` it stays if it fills half of the view.
    """
    how = {"act": "show", "pixelsPerSecond": SPEEDS[speed], "centre": centre, "mayBeCut": may_be_cut}
    for element in [target] if isinstance(target, ElementHandle) else target.element_handles():  # none has gone
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
