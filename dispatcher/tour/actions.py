"""What a step can do on its page. ACTIONS is the whole list; each takes the stage and one action of the spec."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Locator
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dispatcher.tour import action_parts, applications, editors, terminal
from dispatcher.tour.leaving import has_left
from dispatcher.tour.page_load import is_bad_selector, wait_until_painted
from dispatcher.tour.pointing import click
from dispatcher.tour.scrolling import scroll
from dispatcher.tour.stage import Stage
from protocol.errors import StepFailed

BETWEEN_KEYS_MS = 90
POPUP_LOOKS = 3
POPUP_PAUSE_MS = 150
POPUP_CLICK_S = 2.0

USUAL_POPUPS = (
    "#onetrust-accept-btn-handler",
    "#CybotCookiebotDialogBodyLevelButtonLevelOptinAllowAll",
    ".cc-dismiss, .cc-allow",
    "[class*=cookie i] button:has-text('Accept'), [id*=cookie i] button:has-text('Accept')",
    "[class*=consent i] button:has-text('Accept'), [id*=consent i] button:has-text('Accept')",
    "[role=dialog] button[aria-label='Close' i], dialog button[aria-label='Close' i]",
    "[role=dialog] button:text-matches('^(got it|no thanks|not now|dismiss|close)$', 'i')",
    "dialog button:text-matches('^(got it|no thanks|not now|dismiss|close)$', 'i')",
)

CHANGING = frozenset(
    {
        *("click_selector", "type_text", "press_key", "dismiss_popups"),
        *("command_palette", "terminal_type", "select_all_and_delete"),
    }
)
"""Actions after which the page may not be what it was: a continuous step cannot be filmed again after one of them."""

WAITING = frozenset(
    {"wait_for_load", "wait_for_selector", "wait_for_hidden", "dismiss_popups", "hide_secondary_sidebar"}
)
"""Actions that, first in a step that opens a page, belong to opening it and are not filmed."""


def perform(stage: Stage, action: Any) -> None:
    """Do one action of the spec. Raises StepFailed saying what happened and the cure."""
    try:
        ACTIONS[action.type](stage, action)
    except PlaywrightError as error:
        raise explained(error, stage, getattr(action, "timeout", None)) from error


def explained(error: PlaywrightError, stage: Stage, timeout_s: float | None) -> StepFailed:
    """Return a browser's error as ours: what happened, and the cure."""
    text = str(error)
    why = text.strip().splitlines()[0].split(": ", 1)[-1]
    if "crashed" in text:
        return StepFailed("the page crashed; it may need more memory than there is here")
    if "has been closed" in text:
        return StepFailed(
            "the browser has ended, or the page closed itself; it may need more memory than there is here"
        )
    if has_left(error):
        cure = (
            "before that, wait for what is to be seen in the end (wait_for_selector), or give the address it leads to"
        )
        return StepFailed(f"the page went to another address meanwhile; {cure}")
    if is_bad_selector(error):
        return StepFailed(f"the selector is not valid ({why}); correct it", retryable=False)
    if "Unknown key" in text:
        cure = 'use names such as Enter, Tab, ArrowDown, a or "Control+s"'
        return StepFailed(f"there is no such key ({why}); {cure}", retryable=False)
    if isinstance(error, PlaywrightTimeout):
        return _too_late(stage, timeout_s)
    return StepFailed(f"the browser refused ({why}); look at the screenshot and the console log")


def _too_late(stage: Stage, timeout_s: float | None) -> StepFailed:
    waited = stage.ms(timeout_s) / 1000
    cure = "check it against the screenshot, or raise the action's timeout or settings.default_step_timeout"
    return StepFailed(f"did not come about within {waited:g} s; {cure}")


def _wait_for_load(stage: Stage, action: action_parts.WaitForLoad) -> None:
    wait_until_painted(stage.page, stage.ms(action.timeout) / 1000)


def _wait_for_selector(stage: Stage, action: action_parts.WaitForSelector) -> None:
    stage.visible(action.selector).wait_for(timeout=stage.ms(action.timeout))


def _wait_for_hidden(stage: Stage, action: action_parts.WaitForHidden) -> None:
    stage.visible(action.selector).wait_for(state="hidden", timeout=stage.ms(action.timeout))


def _pause(stage: Stage, action: action_parts.Pause) -> None:
    stage.rest(action.seconds)


def _click_selector(stage: Stage, action: action_parts.ClickSelector) -> None:
    click(stage, stage.visible(action.selector), stage.ms(action.timeout))


def _type_text(stage: Stage, action: action_parts.TypeText) -> None:
    if action.selector is not None:
        click(stage, stage.visible(action.selector), stage.ms(action.timeout))
    keyboard = stage.page.keyboard
    if action.clear:
        keyboard.press("ControlOrMeta+A")
        keyboard.press("Delete")
    editors.type_out(stage, action.text, action.delay_ms)


def _press_key(stage: Stage, action: action_parts.PressKey) -> None:
    for n in range(action.times):
        stage.page.wait_for_timeout(BETWEEN_KEYS_MS if n else 0)
        stage.page.keyboard.press(action.key)


def _dismiss_popups(stage: Stage, action: action_parts.DismissPopups) -> None:
    """Close what is there now or appears within half a second; that there is nothing is no error."""
    for _ in range(POPUP_LOOKS):
        for selector in action.selectors or USUAL_POPUPS:
            popup = stage.visible(selector)
            if popup.is_visible():
                _close(stage, popup)
        stage.page.wait_for_timeout(POPUP_PAUSE_MS)


def _close(stage: Stage, popup: Locator) -> None:
    """Click a popup away; one that goes away by itself meanwhile is as good."""
    try:
        click(stage, popup, POPUP_CLICK_S * 1000)
    except (PlaywrightError, StepFailed):
        if popup.is_visible():
            raise


ACTIONS: dict[str, Callable[[Stage, Any], None]] = {
    "wait_for_load": _wait_for_load,
    "wait_for_selector": _wait_for_selector,
    "wait_for_hidden": _wait_for_hidden,
    "pause": _pause,
    "scroll": scroll,
    "click_selector": _click_selector,
    "type_text": _type_text,
    "press_key": _press_key,
    "dismiss_popups": _dismiss_popups,
    "focus_editor": editors.focus_editor,
    "command_palette": applications.command_palette,
    "terminal_type": terminal.terminal_type,
    "select_all_and_delete": editors.select_all_and_delete,
    "highlight_lines": editors.highlight_lines,
    "hide_secondary_sidebar": applications.hide_secondary_sidebar,
}
