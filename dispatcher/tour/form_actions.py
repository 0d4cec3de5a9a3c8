"""Filling in what a browser fills in with boxes of its own: dates, colours, sliders, drop-down lists, files."""

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

from dispatcher.tour import page_action_parts as parts
from dispatcher.tour.cursor import ripple
from dispatcher.tour.parts import expand
from dispatcher.tour.pointing import AFTER_CLICK_MS, BEFORE_CLICK_MS, click, glide_to, left_ms
from dispatcher.tour.scrolling import bring_into_view
from dispatcher.tour.stage import Stage
from protocol.errors import StepFailed

FORMATS = {
    "date": "2027-03-04",
    "time": "14:30",
    "datetime-local": "2027-03-04T14:30",
    "month": "2027-03",
    "week": "2027-W09",
    "color": "#ff8800",
}
"""Fields whose value a browser shows in its own way, and how it is written in every language."""

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
"""Sets a value as the user does: frameworks that replaced the setter hear of it through the events."""

THUMB_PX = 16
CHANGED_MS = 300
CHOOSER_S = 3.0
"""How long a page may take to ask for a file after it was clicked."""

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
"""Drags files over an element or drops them there; says whether the page takes them."""


def field_kind(target: Locator) -> str:
    """Return the type of an input, or an empty text for anything else."""
    return str(target.evaluate(KIND))


def fill_in(stage: Stage, target: Locator, kind: str, text: str, timeout_ms: float) -> bool:
    """Give a field of the browser's own its value; say whether that was done, else it is to be typed."""
    if kind == "range":
        _slide(stage, target, text, timeout_ms)
        return True
    if kind not in FORMATS:
        return False
    glide_to(stage, target, timeout_ms)
    stage.page.wait_for_timeout(BEFORE_CLICK_MS)
    ripple(stage.page)  # a press would open a box of the browser's own, which no video shows
    target.focus()
    stage.page.wait_for_timeout(CHANGED_MS)
    try:
        target.fill(text)
    except PlaywrightTimeout:
        raise
    except PlaywrightError as error:
        if "Malformed value" not in str(error):
            raise
    stage.page.wait_for_timeout(CHANGED_MS)
    return bool(target.input_value()) or not text  # else it is typed, as a person in one country would do


def check_value(stage: Stage, target: Locator, kind: str, text: str) -> None:
    """Warn if a field does not hold what was asked for, and fail if it holds nothing."""
    if kind not in FORMATS and kind not in ("range", "number"):
        return
    held = target.input_value()
    if _same(kind, held, text):
        return
    if kind == "number" and not held:
        target.fill(text)  # a browser of another country takes another decimal sign from the keyboard
        held = target.input_value()
        if _same(kind, held, text):
            return
    how = f"; write it as {FORMATS[kind]!r}" if kind in FORMATS else ""
    if not held:
        raise StepFailed(f"the field of type {kind} is empty after {text!r} was typed{how}", retryable=False)
    stage.warn(f"the field of type {kind} holds {held!r} where {text!r} was asked for{how}")


def _same(kind: str, held: str, text: str) -> bool:
    if held.casefold() == text.strip().casefold():
        return True
    if kind in ("time", "datetime-local"):
        return held.removesuffix(":00") == text.strip().replace(" ", "T").removesuffix(":00")
    try:
        return kind in ("range", "number") and float(held) == float(text)
    except ValueError:
        return False


def _slide(stage: Stage, target: Locator, text: str, timeout_ms: float) -> None:
    """Drag a slider to a value; where the mouse does not hit it exactly, it is set."""
    try:
        wanted = float(text)
    except ValueError as error:
        raise StepFailed(f"the field is a slider and takes a number, not {text!r}", retryable=False) from error
    target.wait_for(timeout=timeout_ms)
    bring_into_view(target)
    least, most, now = target.evaluate(SLIDER)
    glide_to(stage, target, timeout_ms)
    box = target.bounding_box()
    if box is not None and most > least and box["width"] > box["height"]:
        way, y = box["width"] - THUMB_PX, box["y"] + box["height"] / 2

        def place(value: float) -> float:
            part = min(1.0, max(0.0, (value - least) / (most - least)))
            return float(box["x"] + THUMB_PX / 2 + way * part)

        stage.cursor.move_to(stage.page, place(now), y)
        stage.cursor.grip(stage.page)
        stage.cursor.move_to(stage.page, place(wanted), y)
        stage.cursor.release(stage.page)
    if target.input_value() != text:
        target.evaluate(SET, text)
    stage.page.wait_for_timeout(CHANGED_MS)


def upload(stage: Stage, action: parts.Upload) -> None:
    """Give files to a file field, to a button that asks for them, or to a place where they are dropped."""
    deadline = time.monotonic() + stage.ms(action.timeout) / 1000
    files = [expand(path, stage.folder) for path in action.files]
    found = stage.all(action.selector, action.frame).first
    found.wait_for(state="attached", timeout=left_ms(deadline))
    if action.drop:
        _drop(stage, stage.visible(action.selector, action.frame), files, deadline)
    elif field_kind(found) == "file" and not found.is_visible():
        _give_hidden(stage, found, files, deadline)
    else:
        _choose(stage, stage.visible(action.selector, action.frame), files, deadline)
    stage.page.wait_for_timeout(CHANGED_MS)


def _choose(stage: Stage, target: Locator, files: Sequence[Path], deadline: float) -> None:
    """Click what asks for files, and answer it."""
    assert stage.recorder is not None  # every tour has one
    with stage.recorder.choosers.given(files) as is_answered:
        click(stage, target, left_ms(deadline))
        until = time.monotonic() + CHOOSER_S
        while not is_answered():
            if time.monotonic() > until:
                fix = 'name the file field or the button that opens it, or add "drop": true for a place to drop files'
                raise StepFailed(f"the page did not ask for a file within {CHOOSER_S:g} s of the click; {fix}")
            stage.page.wait_for_timeout(50)


def _give_hidden(stage: Stage, field: Locator, files: Sequence[Path], deadline: float) -> None:
    """Give files to a field that the page hides behind something prettier: its label is clicked, where it has one."""
    label = field.evaluate_handle(SHOWN_LABEL).as_element()
    if label is not None:
        bring_into_view(label)
        if (box := label.bounding_box()) is not None:
            stage.cursor.move_to(stage.page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            stage.page.wait_for_timeout(BEFORE_CLICK_MS)
            ripple(stage.page)
    field.set_input_files(list(files), timeout=left_ms(deadline))
    stage.page.wait_for_timeout(AFTER_CLICK_MS)


def _drop(stage: Stage, target: Locator, files: Sequence[Path], deadline: float) -> None:
    """Bring files from beyond the edge of the page and drop them on an element."""
    size = stage.page.viewport_size or {"width": 0, "height": 0}
    target.wait_for(timeout=left_ms(deadline))
    bring_into_view(target)
    told: dict[str, Any] = {"files": [_file(path) for path in files]}
    stage.cursor.move_to(stage.page, stage.cursor.at[0], size["height"] - 2.0)
    stage.cursor.carry(stage.page, {"text": files[0].name if len(files) == 1 else f"{len(files)} files"})
    try:
        glide_to(stage, target, left_ms(deadline))
        target.evaluate(DROP, {**told, "kind": "over"})
        stage.page.wait_for_timeout(CHANGED_MS)
        if not target.evaluate(DROP, {**told, "kind": "drop"}):
            raise StepFailed("nothing takes the dropped files there; name the element that does (the drop zone)")
    finally:
        stage.cursor.carry(stage.page, None)


def _file(path: Path) -> dict[str, str]:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return {"name": path.name, "type": kind, "content": base64.b64encode(path.read_bytes()).decode()}
