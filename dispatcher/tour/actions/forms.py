"""Form fields for which a browser has its own controls: dates, colours, sliders, files."""

from __future__ import annotations

import base64
import mimetypes
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Locator
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dispatcher.tour.actions.pointing import AFTER_CLICK_MS, BEFORE_CLICK_MS, click, glide_to, remaining_ms
from dispatcher.tour.actions.scrolling import bring_into_view
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.pointer import ripple
from dispatcher.tour.spec import action_models
from dispatcher.tour.spec.fields import expand
from protocol.errors import StepFailed

FORMATS = {
    "date": "2027-03-04",
    "time": "14:30",
    "datetime-local": "2027-03-04T14:30",
    "month": "2027-03",
    "week": "2027-W09",
    "color": "#ff8800",
}
"""Input types that browsers display by locale, and an example of the format in which the spec has their value."""

KIND = "element => element instanceof HTMLInputElement ? element.type : ''"
SLIDER = """element => {
  const [least, most] = [Number(element.min || 0), Number(element.max || 100)];
  return [least, most, Number(element.value)];
}"""
SET = """(element, value) => {
  const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
  set.call(element, value);
  for (const kind of ["input", "change"]) element.dispatchEvent(new Event(kind, { bubbles: true }));
}"""
"""Sets a value as user input does: frameworks that replace the setter notice it by the events."""

THUMB_PX = 16
CHANGED_MS = 300
CHOOSER_S = 3.0
"""How long after a click a file chooser may open."""

SHOWN_LABEL = "field => [...(field.labels ?? [])].find(label => label.checkVisibility()) ?? null"

DROP = """(element, { files, kind }) => {
  const data = new DataTransfer();
  for (const { name, type, content } of files) {
    const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
    data.items.add(new File([bytes], name, { type }));
  }
  const box = element.getBoundingClientRect();
  const place = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
  const how = { bubbles: true, cancelable: true, composed: true, dataTransfer: data, ...place };
  const kinds = kind === "drop" ? ["dragover", "drop"] : ["dragenter", "dragover"];
  return kinds.map(one => !element.dispatchEvent(new DragEvent(one, how))).every(Boolean);
}"""
"""Drags files over an element or drops them there; says whether the page accepts them."""


def field_kind(target: Locator) -> str:
    """Return the type of an input, or "" for any other element."""
    return str(target.evaluate(KIND))


def fill_in(context: ActionContext, target: Locator, kind: str, text: str, timeout_ms: float) -> bool:
    """Set the value of a special input; say whether that was done, otherwise it must be typed."""
    if kind == "range":
        _slide(context, target, text, timeout_ms)
        return True
    if kind not in FORMATS:
        return False
    glide_to(context, target, timeout_ms)
    context.page.wait_for_timeout(BEFORE_CLICK_MS)
    ripple(context.page)  # a click would open a window of the browser, which is not in the video
    target.focus()
    context.page.wait_for_timeout(CHANGED_MS)
    try:
        target.fill(text)
    except PlaywrightTimeout:
        raise
    except PlaywrightError as error:
        if "Malformed value" not in str(error):
            raise
    context.page.wait_for_timeout(CHANGED_MS)
    return bool(target.input_value()) or not text  # otherwise it is typed, in the format of the locale


def check_value(context: ActionContext, target: Locator, kind: str, text: str) -> None:
    """Warn if a field has another value than the requested one, and fail if it is empty."""
    if kind not in FORMATS and kind not in ("range", "number"):
        return
    actual = target.input_value()
    if _same(kind, actual, text):
        return
    if kind == "number" and not actual:
        target.fill(text)  # by keyboard, the decimal separator depends on the locale
        actual = target.input_value()
        if _same(kind, actual, text):
            return
    how = f"; write it as {FORMATS[kind]!r}" if kind in FORMATS else ""
    if not actual:
        raise StepFailed(f"the field of type {kind} is empty after typing {text!r}{how}", retryable=False)
    context.warn(f"the field of type {kind} contains {actual!r} instead of {text!r}{how}")


def _same(kind: str, actual: str, text: str) -> bool:
    if actual.casefold() == text.strip().casefold():
        return True
    if kind in ("time", "datetime-local"):
        return actual.removesuffix(":00") == text.strip().replace(" ", "T").removesuffix(":00")
    try:
        return kind in ("range", "number") and float(actual) == float(text)
    except ValueError:
        return False


def _slide(context: ActionContext, target: Locator, text: str, timeout_ms: float) -> None:
    """Drag a slider to a value; if the mouse does not hit it exactly, set it."""
    try:
        value = float(text)
    except ValueError as error:
        raise StepFailed(f"the field is a slider and needs a number, not {text!r}", retryable=False) from error
    target.wait_for(timeout=timeout_ms)
    bring_into_view(target)
    least, most, now = target.evaluate(SLIDER)
    glide_to(context, target, timeout_ms)
    box = target.bounding_box()
    if box is not None and most > least and box["width"] > box["height"]:
        way, y = box["width"] - THUMB_PX, box["y"] + box["height"] / 2

        def place(at: float) -> float:
            part = min(1.0, max(0.0, (at - least) / (most - least)))
            return float(box["x"] + THUMB_PX / 2 + way * part)

        context.pointer.move_to(context.page, place(now), y)
        context.pointer.grip(context.page)
        context.pointer.move_to(context.page, place(value), y)
        context.pointer.release(context.page)
    if target.input_value() != text:
        target.evaluate(SET, text)
    context.page.wait_for_timeout(CHANGED_MS)


def upload(context: ActionContext, action: action_models.Upload) -> None:
    """Choose files in a file field or after a click on a button, or drop them on an element."""
    deadline = time.monotonic() + context.ms(action.timeout) / 1000
    files = [expand(path, context.folder) for path in action.files]
    found = context.all(action.selector, action.frame).first
    found.wait_for(state="attached", timeout=remaining_ms(deadline))
    if action.drop:
        _drop(context, context.visible(action.selector, action.frame), files, deadline)
    elif field_kind(found) == "file" and not found.is_visible():
        _choose_hidden(context, found, files, deadline)
    else:
        _choose(context, context.visible(action.selector, action.frame), files, deadline)
    context.page.wait_for_timeout(CHANGED_MS)


def _choose(context: ActionContext, target: Locator, files: Sequence[Path], deadline: float) -> None:
    """Click the element that opens a file chooser, and answer the file chooser."""
    assert context.recorder is not None  # every tour has one
    with context.recorder.choosers.given(files) as is_answered:
        click(context, target, remaining_ms(deadline))
        until = time.monotonic() + CHOOSER_S
        while not is_answered():
            if time.monotonic() > until:
                fix = 'name the file field or the button that opens it, or add "drop": true for a drop zone'
                raise StepFailed(f"no file chooser opened within {CHOOSER_S:g} s of the click; {fix}")
            context.page.wait_for_timeout(50)


def _choose_hidden(context: ActionContext, field: Locator, files: Sequence[Path], deadline: float) -> None:
    """Choose files in a hidden file field; if it has a visible label, the pointer clicks that."""
    label = field.evaluate_handle(SHOWN_LABEL).as_element()
    if label is not None:
        bring_into_view(label)
        if (box := label.bounding_box()) is not None:
            context.pointer.move_to(context.page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            context.page.wait_for_timeout(BEFORE_CLICK_MS)
            ripple(context.page)
    field.set_input_files(list(files), timeout=remaining_ms(deadline))
    context.page.wait_for_timeout(AFTER_CLICK_MS)


def _drop(context: ActionContext, target: Locator, files: Sequence[Path], deadline: float) -> None:
    """Drag files from the edge of the page and drop them on an element."""
    size = context.page.viewport_size or {"width": 0, "height": 0}
    target.wait_for(timeout=remaining_ms(deadline))
    bring_into_view(target)
    payload: dict[str, Any] = {"files": [_file(path) for path in files]}
    context.pointer.move_to(context.page, context.pointer.at[0], size["height"] - 2.0)
    context.pointer.carry(context.page, {"text": files[0].name if len(files) == 1 else f"{len(files)} files"})
    try:
        glide_to(context, target, remaining_ms(deadline))
        target.evaluate(DROP, {**payload, "kind": "over"})
        context.page.wait_for_timeout(CHANGED_MS)
        if not target.evaluate(DROP, {**payload, "kind": "drop"}):
            raise StepFailed("the element does not accept dropped files; name the drop zone")
    finally:
        context.pointer.carry(context.page, None)


def _file(path: Path) -> dict[str, str]:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return {"name": path.name, "type": kind, "content": base64.b64encode(path.read_bytes()).decode()}
