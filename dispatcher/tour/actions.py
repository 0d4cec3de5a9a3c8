"""What a step can do on its page. ACTIONS is the whole list; each takes the stage and one action of the spec."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Locator
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dispatcher.tour import (
    action_parts,
    applications,
    editors,
    form_actions,
    mouse_actions,
    popups,
    select_list,
    tab_actions,
    terminal,
)
from dispatcher.tour.action_base import OnElement
from dispatcher.tour.browser_errors import explained
from dispatcher.tour.page_action_parts import SelectOption
from dispatcher.tour.page_load import wait_until_painted
from dispatcher.tour.pointing import click, left_ms
from dispatcher.tour.scrolling import scroll
from dispatcher.tour.stage import Stage

State = Literal["visible", "hidden", "attached", "detached"]
BETWEEN_KEYS_MS = 90
SLICE_MS = 500
"""A wait looks so often whether another tab is in front now."""

KEEPS_LIST_OPEN = frozenset({"press_key", "pause", "select_option", "click_selector"})
"""Actions that go on in a drop-down list that is open; any other one closes it."""


def perform(stage: Stage, action: Any) -> None:
    """Do one action of the spec. Raises StepFailed saying what happened and the hint."""
    try:
        if action.type not in KEEPS_LIST_OPEN:
            select_list.close_list(stage)
        ACTIONS[action.type](stage, action)
    except PlaywrightError as error:
        if stage.was_closed_by_itself():
            return
        raise explained(error, stage, action) from error


def _wait_for_load(stage: Stage, action: action_parts.WaitForLoad) -> None:
    wait_until_painted(stage.page, stage.ms(action.timeout) / 1000)


def _wait_for_selector(stage: Stage, action: action_parts.WaitForSelector) -> None:
    _wait_for(stage, action, action.state)


def _wait_for_hidden(stage: Stage, action: action_parts.WaitForHidden) -> None:
    _wait_for(stage, action, "hidden")


def _wait_for(stage: Stage, action: OnElement, state: State) -> None:
    """Wait for an element of the tab that is in front, also of one that comes there meanwhile."""
    deadline = time.monotonic() + stage.ms(action.timeout) / 1000
    while True:
        now = stage.now()
        seen = state in ("visible", "hidden")
        target = (now.visible if seen else now.all)(action.selector, action.frame).first
        left = (deadline - time.monotonic()) * 1000
        try:
            target.wait_for(state=state, timeout=max(1.0, min(left, SLICE_MS)))
            return
        except PlaywrightTimeout:
            if left <= SLICE_MS:
                raise


def _pause(stage: Stage, action: action_parts.Pause) -> None:
    stage.rest(action.seconds)


def _click_selector(stage: Stage, action: action_parts.ClickSelector) -> None:
    """Click an element; a drop-down field opens its list, an option of one is chosen in it."""
    deadline = time.monotonic() + stage.ms(action.timeout) / 1000
    target = _clickable(stage, action, deadline)
    if target.evaluate(select_list.IS_OPTION):
        select, number = select_list.select_of(target)
        select_list.choose(stage, select, [number], left_ms(deadline))
    elif target.evaluate(select_list.IS_DROP_DOWN):
        select_list.close_list(stage)
        select_list.open_list(stage, target, left_ms(deadline))
    else:
        select_list.close_list(stage)
        click(stage, target, left_ms(deadline))


def _clickable(stage: Stage, action: action_parts.ClickSelector, deadline: float) -> Locator:
    """Return the first visible element that matches, or an option, which is never visible while its list is closed."""
    every = stage.all(action.selector, action.frame)
    visible = stage.visible(action.selector, action.frame)
    while not visible.count() and time.monotonic() < deadline:
        if every.count() and every.first.evaluate(select_list.IS_OPTION):
            return every.first
        stage.page.wait_for_timeout(BETWEEN_KEYS_MS)
    visible.wait_for(timeout=max(1.0, (deadline - time.monotonic()) * 1000))
    return visible


def _type_text(stage: Stage, action: action_parts.TypeText) -> None:
    timeout_ms = stage.ms(action.timeout)
    target = _field(stage, action, timeout_ms)
    if action.selector is not None and target is not None and target.evaluate(select_list.IS_SELECT):
        select_list.select_option(stage, _chosen(action, action.selector))
        return
    kind = "" if target is None else form_actions.field_kind(target)
    if target is not None and form_actions.fill_in(stage, target, kind, action.text, timeout_ms):
        form_actions.check_value(stage, target, kind, action.text)
        return
    if action.selector is not None and target is not None and kind not in form_actions.FORMATS:
        click(stage, target, timeout_ms)
    keyboard = stage.page.keyboard
    if action.clear:
        keyboard.press("ControlOrMeta+A")
        keyboard.press("Delete")
    editors.type_out(stage, action.text, 0 if stage.hurries else action.delay_ms)
    if target is not None:
        form_actions.check_value(stage, target, kind, action.text)


def _chosen(action: action_parts.TypeText, selector: str) -> SelectOption:
    """Return what chooses the option of a drop-down list that was to be typed."""
    told = {"selector": selector, "frame": action.frame or None, "timeout": action.timeout, "option": action.text}
    return SelectOption.model_validate({"type": "select_option", **told})


def _field(stage: Stage, action: action_parts.TypeText, timeout_ms: float) -> Locator | None:
    """Return the element to type into: the one that is named, else the one that has the focus, wherever it is."""
    if action.selector is not None:
        target = stage.visible(action.selector, action.frame)
        target.wait_for(timeout=timeout_ms)
        return target
    for frame in reversed(stage.page.frames):
        focused = frame.locator("input:focus")
        if focused.count() == 1:
            return focused
    return None


def _press_key(stage: Stage, action: action_parts.PressKey) -> None:
    for n in range(action.times):
        stage.page.wait_for_timeout(BETWEEN_KEYS_MS if n else 0)
        if not select_list.press_in_list(stage, action.key):
            stage.look_below()
            stage.page.keyboard.press(action.key)


ACTIONS: dict[str, Callable[[Stage, Any], None]] = {
    "wait_for_load": _wait_for_load,
    "wait_for_selector": _wait_for_selector,
    "wait_for_hidden": _wait_for_hidden,
    "pause": _pause,
    "scroll": scroll,
    "click_selector": _click_selector,
    "type_text": _type_text,
    "press_key": _press_key,
    "dismiss_popups": popups.dismiss_popups,
    "focus_editor": editors.focus_editor,
    "command_palette": applications.command_palette,
    "terminal_type": terminal.terminal_type,
    "select_all_and_delete": editors.select_all_and_delete,
    "highlight_lines": editors.highlight_lines,
    "hide_secondary_sidebar": applications.hide_secondary_sidebar,
    "hover": mouse_actions.hover,
    "double_click": mouse_actions.double_click,
    "right_click": mouse_actions.right_click,
    "drag": mouse_actions.drag,
    "select_option": select_list.select_option,
    "upload": form_actions.upload,
    "dialog": tab_actions.expect_dialog,
    "go_back": tab_actions.go_back,
    "reload": tab_actions.reload,
    "switch_tab": tab_actions.switch_tab,
    "close_tab": tab_actions.close_tab,
}
