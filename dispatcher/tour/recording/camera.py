"""Where the camera looks during a step: where the spec says, else where the pointer and the keyboard were active."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Locator

from dispatcher.assembly.timeline import Focus
from dispatcher.tour.actions.terminal import TERMINAL
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.pointer import PointerMove
from dispatcher.tour.spec.steps import Zoom

EDITOR = ".monaco-editor, .cm-editor, .CodeMirror, textarea, [contenteditable=true]"
WHOLE, PARTS = "full", {"editor": EDITOR, "terminal": TERMINAL}
AROUND = 0.05
"""The half size of the area around a click, as a fraction of the page's sides."""


def activity_focus(
    moves: Sequence[PointerMove], typed: Sequence[tuple[float, float]], size: tuple[int, int], zero: float
) -> tuple[Focus, ...]:
    """Return one area for each movement of the pointer, which lasts until the keyboard actions after it end.

    `moves` and `typed` (begin and end of keyboard actions) are in monotonic seconds; `zero` is the start of the take.
    """
    found = []
    for n, move in enumerate(moves):
        until = moves[n + 1].began if n + 1 < len(moves) else float("inf")
        ends = [end for _, end in typed if move.began < end <= until]  # an action may begin with the movement itself
        x, y = move.x / size[0], move.y / size[1]
        found.append(
            Focus(
                start_s=move.arrived - zero,
                end_s=max([move.arrived, *ends]) - zero,
                left=x - AROUND,
                top=y - AROUND,
                right=x + AROUND,
                bottom=y + AROUND,
            )
        )
    return tuple(found)


def requested_focus(context: ActionContext, zoom: Zoom, size: tuple[int, int]) -> tuple[Focus, ...]:
    """Return the area that the camera shows during the whole step; none, with a warning, if it is not visible.

    Of several editors or terminals, it is the largest visible one.
    """
    area = _area(context, zoom, size)
    if area is None:
        context.warn(f"zoom.to {zoom.to!r} is not visible: the whole page is shown")
    return () if area is None else (area,)


def _area(context: ActionContext, zoom: Zoom, size: tuple[int, int]) -> Focus | None:
    if zoom.center is not None:
        x, y = zoom.center
        return _focus(zoom, size, (x, y, 0.0, 0.0))
    if zoom.to in (None, WHOLE):
        return _focus(zoom.model_copy(update={"factor": 1.0}), size, (0.0, 0.0, float(size[0]), float(size[1])))
    box = _box(context, str(zoom.to))
    return None if box is None else _focus(zoom, size, box)


def _focus(zoom: Zoom, size: tuple[int, int], box: tuple[float, float, float, float]) -> Focus:
    left, top, width, height = box
    return Focus(
        start_s=0.0,
        end_s=float("inf"),
        left=max(0.0, left / size[0]),
        top=max(0.0, top / size[1]),
        right=min(1.0, (left + width) / size[0]),
        bottom=min(1.0, (top + height) / size[1]),
        factor=zoom.factor,
        move_s=zoom.seconds,
    )


def _box(context: ActionContext, to: str) -> tuple[float, float, float, float] | None:
    """Return left, top, width and height of an element, in pixels of the viewport."""
    try:
        found = context.page.locator(PARTS[to]).filter(visible=True).all() if to in PARTS else [context.visible(to)]
        boxes = [box for each in found if (box := _element_box(each)) is not None]
        return max(boxes, key=lambda box: box[2] * box[3], default=None)
    except PlaywrightError:  # an invalid selector, or a page that is being left
        return None


def _element_box(element: Locator) -> tuple[float, float, float, float] | None:
    box = element.bounding_box() if element.count() else None
    return None if box is None else (box["x"], box["y"], box["width"], box["height"])
