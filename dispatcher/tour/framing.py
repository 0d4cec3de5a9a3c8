"""Where a step that says so has the camera: found on its page at the end of the step, as it was filmed."""

from __future__ import annotations

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Locator

from dispatcher.assembly.timeline import Focus
from dispatcher.tour.stage import Stage
from dispatcher.tour.steps import Zoom
from dispatcher.tour.terminal import TERMINAL

EDITOR = ".monaco-editor, .cm-editor, .CodeMirror, textarea, [contenteditable=true]"
WHOLE, PARTS = "full", {"editor": EDITOR, "terminal": TERMINAL}


def framed(stage: Stage, zoom: Zoom, size: tuple[int, int]) -> tuple[Focus, ...]:
    """Return the place that the camera shows from the step's first moment to its last; with a warning, none.

    Of several editors or terminals it is the largest that is visible.
    """
    place = _place(stage, zoom, size)
    if place is None:
        stage.warn(f"zoom.to {zoom.to!r} is not to be seen: the whole page is shown")
    return () if place is None else (place,)


def _place(stage: Stage, zoom: Zoom, size: tuple[int, int]) -> Focus | None:
    if zoom.center is not None:
        x, y = zoom.center
        return _focus(zoom, size, (x, y, 0.0, 0.0))
    if zoom.to in (None, WHOLE):
        return _focus(zoom.model_copy(update={"factor": 1.0}), size, (0.0, 0.0, float(size[0]), float(size[1])))
    box = _box(stage, str(zoom.to))
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


def _box(stage: Stage, to: str) -> tuple[float, float, float, float] | None:
    """Return left, top, width and height of what is to be shown, in pixels of the viewport."""
    try:
        found = stage.page.locator(PARTS[to]).filter(visible=True).all() if to in PARTS else [stage.visible(to)]
        boxes = [box for each in found if (box := _of(each)) is not None]
        return max(boxes, key=lambda box: box[2] * box[3], default=None)
    except PlaywrightError:  # a selector that is none, or a page that is going: nothing to show
        return None


def _of(element: Locator) -> tuple[float, float, float, float] | None:
    box = element.bounding_box() if element.count() else None
    return None if box is None else (box["x"], box["y"], box["width"], box["height"])
