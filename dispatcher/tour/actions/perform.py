"""Doing the actions of a spec: PERFORMERS has one function for each action model."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Locator
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dispatcher.tour.actions import applications, editors, forms, mouse, popups, select_list, tabs, terminal
from dispatcher.tour.actions.browser_errors import explain
from dispatcher.tour.actions.pointing import click, remaining_ms
from dispatcher.tour.actions.scrolling import scroll
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.page_load import wait_until_painted
from dispatcher.tour.spec import action_models as model
from dispatcher.tour.spec import editor_action_models as editor_model

State = Literal["visible", "hidden", "attached", "detached"]
BETWEEN_KEYS_MS = 90
SLICE_MS = 500
"""How often a wait checks whether another tab is in front now."""


def perform(context: ActionContext, action: Any) -> None:
    """Do one action of the spec. Raises StepFailed, saying what happened, with a hint."""
    try:
        if not action.keeps_list_open:
            select_list.close_list(context)
        PERFORMERS[type(action)](context, action)
    except PlaywrightError as error:
        if context.was_closed_by_itself():
            return
        raise explain(error, context, action) from error


def _wait_for_load(context: ActionContext, action: model.WaitForLoad) -> None:
    wait_until_painted(context.page, context.ms(action.timeout) / 1000)


def _wait_for_selector(context: ActionContext, action: model.WaitForSelector) -> None:
    _wait_for(context, action, action.state)


def _wait_for_hidden(context: ActionContext, action: model.WaitForHidden) -> None:
    _wait_for(context, action, "hidden")


def _wait_for(context: ActionContext, action: model.ElementAction, state: State) -> None:
    """Wait for an element of the tab in front, also if another tab comes to the front meanwhile."""
    deadline = time.monotonic() + context.ms(action.timeout) / 1000
    while True:
        now = context.now()
        find = now.visible if state in ("visible", "hidden") else now.all
        remaining_ms = (deadline - time.monotonic()) * 1000
        try:
            find(action.selector, action.frame).first.wait_for(
                state=state, timeout=max(1.0, min(remaining_ms, SLICE_MS))
            )
            return
        except PlaywrightTimeout:
            if remaining_ms <= SLICE_MS:
                raise


def _pause(context: ActionContext, action: model.Pause) -> None:
    context.rest(action.seconds)


def _click_selector(context: ActionContext, action: model.ClickSelector) -> None:
    """Click an element; a drop-down field opens its list, and an option is chosen in its list."""
    deadline = time.monotonic() + context.ms(action.timeout) / 1000
    target = _clickable(context, action, deadline)
    if target.evaluate(select_list.IS_OPTION):
        select, number = select_list.select_of(target)
        select_list.choose(context, select, [number], remaining_ms(deadline))
    elif target.evaluate(select_list.IS_DROP_DOWN):
        select_list.close_list(context)
        select_list.open_list(context, target, remaining_ms(deadline))
    else:
        select_list.close_list(context)
        click(context, target, remaining_ms(deadline))


def _clickable(context: ActionContext, action: model.ClickSelector, deadline: float) -> Locator:
    """Return the first visible element that matches, or an option, which is never visible while its list is closed."""
    every = context.all(action.selector, action.frame)
    visible = context.visible(action.selector, action.frame)
    while not visible.count() and time.monotonic() < deadline:
        if every.count() and every.first.evaluate(select_list.IS_OPTION):
            return every.first
        context.page.wait_for_timeout(BETWEEN_KEYS_MS)
    visible.wait_for(timeout=max(1.0, (deadline - time.monotonic()) * 1000))
    return visible


def _type_text(context: ActionContext, action: model.TypeText) -> None:
    timeout_ms = context.ms(action.timeout)
    target = _field(context, action, timeout_ms)
    if action.selector is not None and target is not None and target.evaluate(select_list.IS_SELECT):
        select_list.select_option(context, _as_select_option(action, action.selector))
        return
    kind = "" if target is None else forms.field_kind(target)
    if target is not None and forms.fill_in(context, target, kind, action.text, timeout_ms):
        forms.check_value(context, target, kind, action.text)
        return
    if action.selector is not None and target is not None and kind not in forms.FORMATS:
        click(context, target, timeout_ms)
    keyboard = context.page.keyboard
    if action.clear:
        keyboard.press("ControlOrMeta+A")
        keyboard.press("Delete")
    editors.type_out(context, action.text, 0 if context.rehearsing else action.delay_ms)
    if target is not None:
        forms.check_value(context, target, kind, action.text)


def _as_select_option(action: model.TypeText, selector: str) -> model.SelectOption:
    """Return the action that chooses an option in a drop-down list instead of typing its text."""
    fields = {"selector": selector, "frame": action.frame or None, "timeout": action.timeout, "option": action.text}
    return model.SelectOption.model_validate({"type": "select_option", **fields})


def _field(context: ActionContext, action: model.TypeText, timeout_ms: float) -> Locator | None:
    """Return the element to type into: the given one, else the focused input, in whichever frame it is."""
    if action.selector is not None:
        target = context.visible(action.selector, action.frame)
        target.wait_for(timeout=timeout_ms)
        return target
    for frame in reversed(context.page.frames):
        focused = frame.locator("input:focus")
        if focused.count() == 1:
            return focused
    return None


def _press_key(context: ActionContext, action: model.PressKey) -> None:
    for n in range(action.times):
        context.page.wait_for_timeout(BETWEEN_KEYS_MS if n else 0)
        if not select_list.press_in_list(context, action.key):
            context.capture_below_pointer()
            context.page.keyboard.press(action.key)


PERFORMERS: dict[type[model.ActionModel], Callable[[ActionContext, Any], None]] = {
    model.WaitForLoad: _wait_for_load,
    model.WaitForSelector: _wait_for_selector,
    model.WaitForHidden: _wait_for_hidden,
    model.Pause: _pause,
    model.ScrollAction: scroll,
    model.ClickSelector: _click_selector,
    model.TypeText: _type_text,
    model.PressKey: _press_key,
    model.DismissPopups: popups.dismiss_popups,
    editor_model.FocusEditor: editors.focus_editor,
    editor_model.CommandPalette: applications.command_palette,
    editor_model.TerminalType: terminal.terminal_type,
    editor_model.SelectAllAndDelete: editors.select_all_and_delete,
    editor_model.HighlightLines: editors.highlight_lines,
    editor_model.HideSecondarySidebar: applications.hide_secondary_sidebar,
    model.Hover: mouse.hover,
    model.DoubleClick: mouse.double_click,
    model.RightClick: mouse.right_click,
    model.Drag: mouse.drag,
    model.SelectOption: select_list.select_option,
    model.Upload: forms.upload,
    model.DialogAction: tabs.expect_dialog,
    model.GoBack: tabs.go_back,
    model.Reload: tabs.reload,
    model.SwitchTab: tabs.switch_tab,
    model.CloseTab: tabs.close_tab,
}
