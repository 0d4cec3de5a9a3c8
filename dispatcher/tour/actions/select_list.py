"""Drop-down lists (select elements): their options are drawn over the page, as the browser's own are not recorded."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Locator, Page

from dispatcher.tour.actions.pointing import AFTER_CLICK_MS, BEFORE_CLICK_MS, glide_to, remaining_ms
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.navigation import is_navigation_error
from dispatcher.tour.browser.pointer import ripple
from dispatcher.tour.spec import action_models
from protocol.errors import StepFailed

DRAW = (files("dispatcher.tour.actions") / "select_list.js").read_text(encoding="utf-8")
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
    """A drop-down field with a drawn list, and the row of each option: group headings are rows too."""

    select: Locator
    rows: tuple[int, ...]  # by option
    initial: int


def select_option(context: ActionContext, action: action_models.SelectOption) -> None:
    """Open a drop-down list and choose an option, or several if the field accepts that."""
    deadline = time.monotonic() + context.ms(action.timeout) / 1000
    select = context.visible(action.selector, action.frame)
    select.wait_for(timeout=remaining_ms(deadline))
    if not select.evaluate(IS_SELECT):
        fix = "click it with click_selector, and then the option in its list"
        raise StepFailed(f"{action.selector!r} is not a drop-down field (a select element); {fix}", retryable=False)
    chosen = _find(context, select, action.option, deadline)
    choose(context, select, chosen, remaining_ms(deadline))


def choose(context: ActionContext, select: Locator, options: list[int], timeout_ms: float) -> None:
    """Choose options of a drop-down field in its list, with the pointer."""
    field = select.evaluate(READ)
    if field["isOpen"]:
        _choose_in_box(context, select, options, timeout_ms)
        return
    opened = is_open(context) or open_list(context, select, timeout_ms)
    context.page.wait_for_timeout(OPENED_MS)
    row = opened.rows[options[0]]
    context.pointer.move_to(context.page, *context.page.evaluate(PLACE, row))
    context.page.evaluate(SHOW, row)
    context.page.wait_for_timeout(BEFORE_CLICK_MS)
    ripple(context.page)
    context.page.wait_for_timeout(CHOSEN_MS)
    close_list(context)
    context.capture_below_pointer()
    select.select_option(index=options[0], timeout=timeout_ms)
    context.page.wait_for_timeout(AFTER_CLICK_MS)


def _choose_in_box(context: ActionContext, select: Locator, options: list[int], timeout_ms: float) -> None:
    """Choose options of a field that always shows its list."""
    glide_to(context, select, timeout_ms)
    for option in options:
        box = select.locator("option").nth(option).bounding_box()
        around = select.bounding_box()
        if box and around and around["y"] <= box["y"] + box["height"] / 2 <= around["y"] + around["height"]:
            context.pointer.move_to(context.page, box["x"] + min(60, box["width"] / 2), box["y"] + box["height"] / 2)
        ripple(context.page)
        context.page.wait_for_timeout(CHOSEN_MS)
    context.capture_below_pointer()
    select.select_option(index=options, timeout=timeout_ms)
    context.page.wait_for_timeout(AFTER_CLICK_MS)


def open_list(context: ActionContext, select: Locator, timeout_ms: float) -> OpenList:
    """Move the pointer to a drop-down field and draw its list. The field has the focus then, and accepts keys."""
    glide_to(context, select, timeout_ms)
    context.page.wait_for_timeout(BEFORE_CLICK_MS)
    ripple(context.page)
    select.focus()
    field, box = select.evaluate(READ), select.bounding_box()
    drawn: list[dict[str, Any]] = []
    rows: list[int] = []
    group = None
    for option in field["options"]:
        if option["group"] != group and option["group"] is not None:
            drawn.append({"text": option["group"], "group": "head", "disabled": False})
        group = option["group"]
        rows.append(len(drawn))
        drawn.append({**option, "group": None if group is None else "in"})
    current = rows[field["current"]] if field["current"] >= 0 else -1
    context.page.evaluate(DRAW, {"box": box, "options": drawn, "current": current, "look": field["look"]})
    opened = OpenList(select=select, rows=tuple(rows), initial=field["current"])
    if context.recorder is not None:
        context.recorder.open_list = opened
    return opened


def is_open(context: ActionContext) -> OpenList | None:
    """Return the drawn list, if there is one."""
    opened = context.recorder.open_list if context.recorder is not None else None
    return opened if isinstance(opened, OpenList) else None


def close_list(context: ActionContext) -> None:
    """Remove the drawn list, if there is one."""
    if context.recorder is not None and context.recorder.open_list is not None:
        context.recorder.open_list = None
        _evaluate(context.page, CLOSE)


def press_in_list(context: ActionContext, key: str) -> bool:
    """Do what a key does in an open list; say whether the page must not get the key, as with Enter."""
    opened = is_open(context)
    if opened is None:
        return False
    if key in ("Enter", "Escape", "Space", "Tab"):
        if key == "Escape":
            opened.select.select_option(index=opened.initial)
        close_list(context)
        return key != "Tab"
    context.page.keyboard.press(key)
    now = opened.select.evaluate("select => select.selectedIndex")
    _evaluate(context.page, SHOW, opened.rows[now] if now >= 0 else -1)
    return True


def select_of(option: Locator) -> tuple[Locator, int]:
    """Return the drop-down field of an option, and the option's number in it."""
    number = option.evaluate("option => option.index")
    return option.locator("xpath=ancestor::select").first, int(number)


def _evaluate(page: Page, script: str, argument: Any = None) -> None:
    try:
        page.evaluate(script, argument)
    except PlaywrightError as error:
        if not is_navigation_error(error):  # the list is gone with the page
            raise


def _find(context: ActionContext, select: Locator, names: tuple[str, ...], deadline: float) -> list[int]:
    """Return the numbers of the options, as soon as all of them exist."""
    while True:
        field = select.evaluate(READ)
        found = [_match(field["options"], name) for name in names]
        if None not in found and not any(field["options"][n]["disabled"] for n in found if n is not None):
            break
        if time.monotonic() > deadline:
            raise _no_option(field["options"], names, found)
        context.page.wait_for_timeout(POLL_MS)
    if len(names) > 1 and not field["isMultiple"]:
        raise StepFailed(f"the field accepts one option, not {len(names)}; give one", retryable=False)
    return [n for n in found if n is not None]


def _match(options: list[dict[str, Any]], name: str) -> int | None:
    """Return the option with this text, else with this value, else with this text in another case."""
    plain = " ".join(name.split())
    for fits in (
        lambda option: " ".join(option["text"].split()) == plain,
        lambda option: option["value"] == name,
        lambda option: " ".join(option["text"].split()).casefold() == plain.casefold(),
    ):
        for option in options:
            if fits(option):
                return int(option["index"])
    return None


def _no_option(options: list[dict[str, Any]], names: tuple[str, ...], found: list[int | None]) -> StepFailed:
    for name, number in zip(names, found, strict=True):
        if number is None:
            available = ", ".join(repr(option["text"]) for option in options[:12]) + (
                ", …" if len(options) > 12 else ""
            )
            return StepFailed(f"there is no option {name!r}; there are: {available or 'none'}")
    return StepFailed(f"the option {names[0]!r} is disabled; first do what enables it")
