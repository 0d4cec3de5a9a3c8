"""Drop-down lists (select elements): their options drawn over the page, for no video shows the browser's own list."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Locator, Page

from dispatcher.tour import page_action_parts as parts
from dispatcher.tour.cursor import ripple
from dispatcher.tour.leaving import has_left
from dispatcher.tour.pointing import AFTER_CLICK_MS, BEFORE_CLICK_MS, glide_to, left_ms
from dispatcher.tour.stage import Stage
from protocol.errors import StepFailed

DRAW = (files("dispatcher.tour") / "select_list.js").read_text(encoding="utf-8")
LIST = "window[Symbol.for('__gpudropList')]"
SHOW = f"row => {LIST}?.show(row)"
PLACE = f"row => {LIST}.place(row)"
CLOSE = f"() => {LIST}?.close()"

READ = """select => {
  const style = getComputedStyle(select);
  const options = [...select.options].map((option, index) => ({
    index, text: option.label || option.text, value: option.value, group: option.parentElement?.label ?? null,
    disabled: option.disabled || (option.parentElement instanceof HTMLOptGroupElement && option.parentElement.disabled),
  }));
  const clear = /^(transparent|rgba\\(.*, 0\\))$/.test(style.backgroundColor);
  return {
    options, current: select.selectedIndex, isOpen: select.multiple || select.size > 1, isMultiple: select.multiple,
    look: { fontSize: parseFloat(style.fontSize), fontFamily: style.fontFamily, color: style.color,
      background: clear ? "#fff" : style.backgroundColor },
  };
}"""
IS_SELECT = "element => element instanceof HTMLSelectElement"
IS_DROP_DOWN = "element => element instanceof HTMLSelectElement && !element.multiple && element.size <= 1"
IS_OPTION = "element => element instanceof HTMLOptionElement"

OPENED_MS, CHOSEN_MS = 500, 220
POLL_MS = 100


@dataclass(frozen=True)
class OpenList:
    """A drop-down field whose list is drawn, and the rows of its options: headings of groups are rows too."""

    select: Locator
    rows: tuple[int, ...]  # by option
    initial: int


def select_option(stage: Stage, action: parts.SelectOption) -> None:
    """Open a drop-down list and choose an option, or several where the field takes them."""
    deadline = time.monotonic() + stage.ms(action.timeout) / 1000
    select = stage.visible(action.selector, action.frame)
    select.wait_for(timeout=left_ms(deadline))
    if not select.evaluate(IS_SELECT):
        fix = "click it with click_selector, and then the option that it shows"
        raise StepFailed(f"{action.selector!r} is not a drop-down field (a select element); {fix}", retryable=False)
    chosen = _find(stage, select, action.option, deadline)
    choose(stage, select, chosen, left_ms(deadline))


def choose(stage: Stage, select: Locator, options: list[int], timeout_ms: float) -> None:
    """Choose options of a drop-down field with the arrow, in its list."""
    told = select.evaluate(READ)
    if told["isOpen"]:
        _choose_in_box(stage, select, options, timeout_ms)
        return
    opened = is_open(stage) or open_list(stage, select, timeout_ms)
    stage.page.wait_for_timeout(OPENED_MS)
    row = opened.rows[options[0]]
    stage.cursor.move_to(stage.page, *stage.page.evaluate(PLACE, row))
    stage.page.evaluate(SHOW, row)
    stage.page.wait_for_timeout(BEFORE_CLICK_MS)
    ripple(stage.page)
    stage.page.wait_for_timeout(CHOSEN_MS)
    close_list(stage)
    stage.look_below()
    select.select_option(index=options[0], timeout=timeout_ms)
    stage.page.wait_for_timeout(AFTER_CLICK_MS)


def _choose_in_box(stage: Stage, select: Locator, options: list[int], timeout_ms: float) -> None:
    """Choose options of a field that shows them all the time."""
    glide_to(stage, select, timeout_ms)
    for option in options:
        box = select.locator("option").nth(option).bounding_box()
        around = select.bounding_box()
        if box and around and around["y"] <= box["y"] + box["height"] / 2 <= around["y"] + around["height"]:
            stage.cursor.move_to(stage.page, box["x"] + min(60, box["width"] / 2), box["y"] + box["height"] / 2)
        ripple(stage.page)
        stage.page.wait_for_timeout(CHOSEN_MS)
    stage.look_below()
    select.select_option(index=options, timeout=timeout_ms)
    stage.page.wait_for_timeout(AFTER_CLICK_MS)


def open_list(stage: Stage, select: Locator, timeout_ms: float) -> OpenList:
    """Move the arrow to a drop-down field and draw its list. The field has the focus then, and takes keys."""
    glide_to(stage, select, timeout_ms)
    stage.page.wait_for_timeout(BEFORE_CLICK_MS)
    ripple(stage.page)
    select.focus()
    told, box = select.evaluate(READ), select.bounding_box()
    shown: list[dict[str, Any]] = []
    rows: list[int] = []
    group = None
    for option in told["options"]:
        if option["group"] != group and option["group"] is not None:
            shown.append({"text": option["group"], "group": "head", "disabled": False})
        group = option["group"]
        rows.append(len(shown))
        shown.append({**option, "group": None if group is None else "in"})
    current = rows[told["current"]] if told["current"] >= 0 else -1
    stage.page.evaluate(DRAW, {"box": box, "options": shown, "current": current, "look": told["look"]})
    opened = OpenList(select=select, rows=tuple(rows), initial=told["current"])
    if stage.recorder is not None:
        stage.recorder.open_list = opened
    return opened


def is_open(stage: Stage) -> OpenList | None:
    """Return the list that is drawn."""
    opened = stage.recorder.open_list if stage.recorder is not None else None
    return opened if isinstance(opened, OpenList) else None


def close_list(stage: Stage) -> None:
    """Take the list away, if one is drawn."""
    if stage.recorder is not None and stage.recorder.open_list is not None:
        stage.recorder.open_list = None
        _evaluate(stage.page, CLOSE)


def press_in_list(stage: Stage, key: str) -> bool:
    """Do what a key does in an open list; say whether that is all: Enter and the like do not reach the page."""
    opened = is_open(stage)
    if opened is None:
        return False
    if key in ("Enter", "Escape", "Space", "Tab"):
        if key == "Escape":
            opened.select.select_option(index=opened.initial)
        close_list(stage)
        return key != "Tab"
    stage.page.keyboard.press(key)
    now = opened.select.evaluate("select => select.selectedIndex")
    _evaluate(stage.page, SHOW, opened.rows[now] if now >= 0 else -1)
    return True


def select_of(option: Locator) -> tuple[Locator, int]:
    """Return the drop-down field of an option, and the option's number in it."""
    number = option.evaluate("option => option.index")
    return option.locator("xpath=ancestor::select").first, int(number)


def _evaluate(page: Page, script: str, told: Any = None) -> None:
    try:
        page.evaluate(script, told)
    except PlaywrightError as error:
        if not has_left(error):  # the page took its list with it
            raise


def _find(stage: Stage, select: Locator, wanted: tuple[str, ...], deadline: float) -> list[int]:
    """Return the numbers of the options, as soon as they are all there."""
    while True:
        told = select.evaluate(READ)
        found = [_match(told["options"], name) for name in wanted]
        if None not in found and not any(told["options"][n]["disabled"] for n in found if n is not None):
            break
        if time.monotonic() > deadline:
            raise _no_option(told["options"], wanted, found)
        stage.page.wait_for_timeout(POLL_MS)
    if len(wanted) > 1 and not told["isMultiple"]:
        raise StepFailed(f"the field takes one option, not {len(wanted)}; name one", retryable=False)
    return [n for n in found if n is not None]


def _match(options: list[dict[str, Any]], wanted: str) -> int | None:
    """Return the option with this text, else with this value, else with this text in other letters."""
    plain = " ".join(wanted.split())
    for fits in (
        lambda option: " ".join(option["text"].split()) == plain,
        lambda option: option["value"] == wanted,
        lambda option: " ".join(option["text"].split()).casefold() == plain.casefold(),
    ):
        for option in options:
            if fits(option):
                return int(option["index"])
    return None


def _no_option(options: list[dict[str, Any]], wanted: tuple[str, ...], found: list[int | None]) -> StepFailed:
    for name, number in zip(wanted, found, strict=True):
        if number is None:
            there = ", ".join(repr(option["text"]) for option in options[:12]) + (", …" if len(options) > 12 else "")
            return StepFailed(f"there is no option {name!r}; there are: {there or 'none'}")
    return StepFailed(f"the option {wanted[0]!r} cannot be chosen now: it is disabled; do first what enables it")
