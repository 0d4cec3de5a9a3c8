"""Actions on code editors: focusing, emptying, typing and highlighting, in the same way for all editors.

The supported editors, and how each is read, are in the table KNOWN in editors.js; nothing here is specific to one.
"""

from __future__ import annotations

import time
from importlib.resources import files

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import JSHandle, Locator, Page

from dispatcher.tour.actions.pointing import AFTER_CLICK_MS, BEFORE_CLICK_MS, press
from dispatcher.tour.actions.scrolling import SPEEDS, bring_into_view
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.navigation import is_navigation_error
from dispatcher.tour.browser.pointer import PRESSED_MS
from dispatcher.tour.browser.pointer import ripple as pointer_ripple
from dispatcher.tour.spec import editor_action_models
from dispatcher.tour.spec.typing_pace import bursts, typing_seconds
from protocol.errors import StepFailed

EDITORS = (files("dispatcher.tour.actions") / "editors.js").read_text(encoding="utf-8")
HIGHLIGHT = (files("dispatcher.tour.actions") / "highlight.js").read_text(encoding="utf-8")
MARK = "__gpudropHighlight"
CLEAR = f"slowly => window[Symbol.for('{MARK}')]?.(slowly)"

HAS_FOCUS = "element => element === document.activeElement"

KNOWN = "Monaco (VS Code for the web), CodeMirror 6 (JupyterLab), CodeMirror 5, text areas and editable text"
POLL_MS = 100
SELECTED_MS = 450
"""How long the selection is shown before it is deleted."""
SHOWN_MS = 250
CHANGES_S = 2.0
LONGEST_SCROLL_S = 4.0
LOOKS = 12
"""How often a scroll is checked and corrected until the lines are in view."""


def focus_editor(context: ActionContext, action: editor_action_models.FocusEditor) -> None:
    """Focus an editor with the pointer; with a line, by a click there."""
    editor = find(context, action.selector, action.timeout)
    if action.line is None:
        _enter(context, editor, action.timeout)
        return
    _show(editor, action.line, action.line)
    at = editor.evaluate("(editor, at) => editor.point(...at)", [action.line, action.column])
    if at is None:
        raise _no_line(editor, action.line)
    context.pointer.move_to(context.page, *at)
    context.page.wait_for_timeout(BEFORE_CLICK_MS)
    press(context, context.ms(action.timeout))
    editor.evaluate("(editor, at) => editor.caret(...at)", [action.line, action.column])


def select_all_and_delete(context: ActionContext, action: editor_action_models.SelectAllAndDelete) -> None:
    """Empty an editor or a field as a person would, and check that it is empty."""
    editor = focused(context.page) if action.selector is None else None
    editor = editor or find(context, action.selector, action.timeout)
    if not editor.evaluate("editor => editor.focused()"):
        _enter(context, editor, action.timeout)
    context.page.keyboard.press("ControlOrMeta+A")
    context.page.wait_for_timeout(SELECTED_MS)
    context.page.keyboard.press("Delete")
    deadline = time.monotonic() + 2
    while not editor.evaluate("editor => editor.empty()"):
        if time.monotonic() > deadline:
            raise StepFailed(
                "the editor is not empty after select-all and Delete; it may be read-only: name another one"
            )
        context.page.wait_for_timeout(POLL_MS)
    context.page.wait_for_timeout(SHOWN_MS)


def highlight_lines(context: ActionContext, action: editor_action_models.HighlightLines) -> None:
    """Scroll to lines and highlight them, for the action's `seconds` or until the end of the step."""
    editor = find(context, action.selector, action.timeout)
    _show(editor, *action.span)
    if wrong := editor.evaluate(HIGHLIGHT, [*action.span, action.color, MARK]):
        raise StepFailed(f"{action.color!r} {wrong}; write a name or #rrggbb", retryable=False)
    if action.seconds is None:
        context.page.wait_for_timeout(SHOWN_MS)
        return
    context.rest(action.seconds)
    context.page.evaluate(CLEAR, True)


def clear_highlight(page: Page) -> None:
    """Remove the highlight at once."""
    try:
        page.evaluate(CLEAR, False)
    except PlaywrightError as error:
        if not is_navigation_error(error):  # the highlight is gone with the page
            raise


def type_out(context: ActionContext, text: str, delay_ms: float | None, into: Locator | None = None) -> bool:
    """Type a text into the focused element at a person's pace; say whether all of it was typed.

    With `into`, typing stops when that element loses the focus.

    A code editor gets exactly this text: it is inserted letter by letter, bypassing the editor's own help, which would
    close brackets, indent lines and complete words.
    """
    editor = focused(context.page)
    if editor is not None and not editor.evaluate("editor => editor.exact"):
        editor = None
    before = None if editor is None else editor.evaluate("editor => editor.sight()")
    began = time.monotonic()
    for piece, at_s in bursts(text, None if delay_ms is None else delay_ms / 1000):
        context.page.wait_for_timeout(max(0.0, (began + at_s - time.monotonic()) * 1000))
        if into is not None and not (into.count() and into.evaluate(HAS_FOCUS)):
            return False
        if editor is not None:
            _insert(editor, piece)
        elif len(piece) == 1:
            context.page.keyboard.type(piece)
        else:
            context.page.keyboard.insert_text(piece)
    context.pointer.pace.add(typing_seconds(text, delay_ms), time.monotonic() - began)
    if editor is not None and before is not None and text:
        _see_change(context, editor, before)
    return True


def _see_change(context: ActionContext, editor: JSHandle, before: str) -> None:
    """Wait until an editor that cannot be read looks different. Raises StepFailed if it never does."""
    deadline = time.monotonic() + context.patience * CHANGES_S
    while editor.evaluate("editor => editor.sight()") == before:
        if time.monotonic() > deadline:
            raise StepFailed(
                "the editor accepts no text: nothing in it changed; check whether it is read-only", retryable=False
            )
        context.page.wait_for_timeout(POLL_MS)


def _insert(editor: JSHandle, piece: str) -> None:
    if wrong := editor.evaluate("(editor, text) => editor.insert(text)", piece):
        raise StepFailed(f"the editor accepts no text: {wrong}; focus another one", retryable=False)


def focused(page: Page) -> JSHandle | None:
    """Return the focused editor or field, if there is one."""
    return _or_none(page.evaluate_handle(f"only => ({EDITORS})(null, only)", "focused"))


def find(context: ActionContext, selector: str | None, timeout_s: float | None) -> JSHandle:
    """Return the editor at `selector`, else the one in use, once there is one. Raises StepFailed if it times out."""
    deadline = time.monotonic() + context.ms(timeout_s) / 1000
    while True:
        if (editor := _look(context, selector)) is not None:
            return editor
        if time.monotonic() > deadline:
            raise _no_editor(context, selector, timeout_s)
        context.page.wait_for_timeout(POLL_MS)


def _look(context: ActionContext, selector: str | None) -> JSHandle | None:
    if selector is None:
        return _or_none(context.page.evaluate_handle(f"() => ({EDITORS})(null, '')"))
    place = context.visible(selector)
    return _or_none(place.evaluate_handle(EDITORS, "")) if place.count() else None


def _or_none(handle: JSHandle) -> JSHandle | None:
    return None if handle.evaluate("editor => editor === null") else handle


def _no_editor(context: ActionContext, selector: str | None, timeout_s: float | None) -> StepFailed:
    where = "on the page" if selector is None else f"at {selector!r}"
    hint = "name it with selector" if selector is None else "correct the selector or leave it out"
    waited = context.ms(timeout_s) / 1000
    return StepFailed(f"no code editor is visible {where} after {waited:g} s (supported: {KNOWN}); {hint}")


def _enter(context: ActionContext, editor: JSHandle, timeout_s: float | None) -> None:
    """Move the pointer to an editor and focus it; the text cursor stays where it was."""
    deadline = time.monotonic() + context.ms(timeout_s) / 1000
    if editor.evaluate("editor => editor.middle()") is None:
        _scroll_to(editor)
    while (at := editor.evaluate("editor => editor.middle()")) is None:
        if time.monotonic() > deadline:
            raise StepFailed("the editor is covered; close what covers it first")
        context.page.wait_for_timeout(POLL_MS)
    context.pointer.move_to(context.page, *at)
    context.page.wait_for_timeout(BEFORE_CLICK_MS)
    pointer_ripple(context.page)
    editor.evaluate("editor => editor.focus()")
    context.page.wait_for_timeout(PRESSED_MS + AFTER_CLICK_MS)


def _scroll_to(editor: JSHandle) -> None:
    root = editor.evaluate_handle("editor => editor.root").as_element()
    assert root is not None  # an editor is an element of the page
    bring_into_view(root, may_be_cut=True)


def _show(editor: JSHandle, first: int, last: int) -> None:
    """Scroll lines smoothly into view. Raises StepFailed if the editor does not have them."""
    count = editor.evaluate("editor => editor.count()")
    if count is not None and last > count:
        raise _no_line(editor, last, f"it has {count}")
    before, tall = None, False
    for _ in range(LOOKS):
        found = editor.evaluate("(editor, lines) => editor.away(...lines)", [first, last])
        if found is None:
            raise StepFailed("the editor shows no lines; make it visible first")
        away, now, tall = found
        if away == 0:
            return
        if now == before:
            break
        before = now
        seconds = min(LONGEST_SCROLL_S, max(0.4, abs(away) / SPEEDS["fast"]))
        editor.evaluate("(editor, how) => editor.glide(...how)", [away, seconds])
    for line in (first,) if tall else (last, first):
        if editor.evaluate("(editor, line) => editor.range(line, line)", line) is None:
            raise _no_line(editor, line)


def _no_line(editor: JSHandle, line: int, reason: str = "it is shorter") -> StepFailed:
    name = editor.evaluate("editor => editor.name")
    return StepFailed(f"the editor ({name}) has no line {line}: {reason}; lines are counted from 1", retryable=False)
