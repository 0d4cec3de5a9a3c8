"""The code editors of web pages: found, focused, emptied, typed into and highlighted, the same way for each.

Which editors are known, and how each is read, is the table KNOWN in editors.js; nothing here knows one of them.
"""

from __future__ import annotations

import time
from importlib.resources import files

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import JSHandle, Locator, Page

from dispatcher.tour import action_parts
from dispatcher.tour.cursor import PRESSED_MS
from dispatcher.tour.cursor import ripple as cursor_ripple
from dispatcher.tour.leaving import has_left
from dispatcher.tour.pointing import AFTER_CLICK_MS, BEFORE_CLICK_MS, press
from dispatcher.tour.scrolling import SPEEDS, bring_into_view
from dispatcher.tour.stage import Stage
from dispatcher.tour.typing_pace import bursts
from protocol.errors import StepFailed

EDITORS = (files("dispatcher.tour") / "editors.js").read_text(encoding="utf-8")
HIGHLIGHT = (files("dispatcher.tour") / "highlight.js").read_text(encoding="utf-8")
MARK = "__gpudropHighlight"
CLEAR = f"slowly => window[Symbol.for('{MARK}')]?.(slowly)"

HAS_FOCUS = "element => element === document.activeElement"

KNOWN = "Monaco (VS Code for the web), CodeMirror 6 (JupyterLab), CodeMirror 5, text areas and editable text"
POLL_MS = 100
SELECTED_MS = 450
"""How long all is seen selected before it is deleted."""
SHOWN_MS = 250
CHANGES_S = 2.0
LONGEST_SCROLL_S = 4.0
LOOKS = 12
"""How often a scroll is looked at and corrected until the lines are in view."""


def focus_editor(stage: Stage, action: action_parts.FocusEditor) -> None:
    """Put the text cursor into an editor: with the arrow, by a click where a line is named."""
    editor = find(stage, action.selector, action.timeout)
    if action.line is None:
        _enter(stage, editor, action.timeout)
        return
    _show(editor, action.line, action.line)
    at = editor.evaluate("(editor, at) => editor.point(...at)", [action.line, action.column])
    if at is None:
        raise _no_line(editor, action.line)
    stage.cursor.move_to(stage.page, *at)
    stage.page.wait_for_timeout(BEFORE_CLICK_MS)
    press(stage, stage.ms(action.timeout))
    editor.evaluate("(editor, at) => editor.caret(...at)", [action.line, action.column])


def select_all_and_delete(stage: Stage, action: action_parts.SelectAllAndDelete) -> None:
    """Empty an editor or a field as a person does, and see that it is empty."""
    editor = focused(stage.page) if action.selector is None else None
    editor = editor or find(stage, action.selector, action.timeout)
    if not editor.evaluate("editor => editor.focused()"):
        _enter(stage, editor, action.timeout)
    stage.page.keyboard.press("ControlOrMeta+A")
    stage.page.wait_for_timeout(SELECTED_MS)
    stage.page.keyboard.press("Delete")
    deadline = time.monotonic() + 2
    while not editor.evaluate("editor => editor.empty()"):
        if time.monotonic() > deadline:
            raise StepFailed(
                "the editor is not empty after select-all and Delete; is it read-only? name it with selector"
            )
        stage.page.wait_for_timeout(POLL_MS)
    stage.page.wait_for_timeout(SHOWN_MS)


def highlight_lines(stage: Stage, action: action_parts.HighlightLines) -> None:
    """Colour lines, scrolled into view, for the action's time; without one to the end of the step."""
    editor = find(stage, action.selector, action.timeout)
    _show(editor, *action.span)
    if wrong := editor.evaluate(HIGHLIGHT, [*action.span, action.color, MARK]):
        raise StepFailed(f"{action.color!r} {wrong}; write a name or #rrggbb", retryable=False)
    if action.seconds is None:
        stage.page.wait_for_timeout(SHOWN_MS)
        return
    stage.rest(action.seconds)
    stage.page.evaluate(CLEAR, True)


def clear_highlight(page: Page) -> None:
    """Take away what is highlighted, at once."""
    try:
        page.evaluate(CLEAR, False)
    except PlaywrightError as error:
        if not has_left(error):  # it took its highlight with it
            raise


def type_out(stage: Stage, text: str, delay_ms: float | None, into: Locator | None = None) -> bool:
    """Type a text into what has the focus, at a person's pace; say whether all was typed.

    Where it must go `into` one element, typing ends when that has the focus no more.

    In a code editor exactly this text arrives: it is put in letter by letter past the editor's own help, which would
    close brackets, indent lines and complete words.
    """
    editor = focused(stage.page)
    if editor is not None and not editor.evaluate("editor => editor.exact"):
        editor = None
    before = None if editor is None else editor.evaluate("editor => editor.sight()")
    began = time.monotonic()
    for piece, at_s in bursts(text, None if delay_ms is None else delay_ms / 1000):
        stage.page.wait_for_timeout(max(0.0, (began + at_s - time.monotonic()) * 1000))
        if into is not None and not (into.count() and into.evaluate(HAS_FOCUS)):
            return False
        if editor is not None:
            _insert(editor, piece)
        elif len(piece) == 1:
            stage.page.keyboard.type(piece)
        else:
            stage.page.keyboard.insert_text(piece)
    if editor is not None and before is not None and text:
        _see_change(stage.page, editor, before)
    return True


def _see_change(page: Page, editor: JSHandle, before: str) -> None:
    """Wait until an editor that cannot be asked looks different. Raises StepFailed if it never does."""
    deadline = time.monotonic() + CHANGES_S
    while editor.evaluate("editor => editor.sight()") == before:
        if time.monotonic() > deadline:
            raise StepFailed("the editor takes no text: nothing in it changed; is it read-only?", retryable=False)
        page.wait_for_timeout(POLL_MS)


def _insert(editor: JSHandle, piece: str) -> None:
    if wrong := editor.evaluate("(editor, text) => editor.insert(text)", piece):
        raise StepFailed(f"the editor takes no text: {wrong}; focus another one", retryable=False)


def focused(page: Page) -> JSHandle | None:
    """Return the editor or field that has the focus."""
    return _there(page.evaluate_handle(f"only => ({EDITORS})(null, only)", "focused"))


def find(stage: Stage, selector: str | None, timeout_s: float | None) -> JSHandle:
    """Return the editor at `selector`, else the one in use, waiting for it. Raises StepFailed if there is none."""
    deadline = time.monotonic() + stage.ms(timeout_s) / 1000
    while True:
        if (editor := _look(stage, selector)) is not None:
            return editor
        if time.monotonic() > deadline:
            raise _none(stage, selector, timeout_s)
        stage.page.wait_for_timeout(POLL_MS)


def _look(stage: Stage, selector: str | None) -> JSHandle | None:
    if selector is None:
        return _there(stage.page.evaluate_handle(f"() => ({EDITORS})(null, '')"))
    place = stage.visible(selector)
    return _there(place.evaluate_handle(EDITORS, "")) if place.count() else None


def _there(handle: JSHandle) -> JSHandle | None:
    return None if handle.evaluate("editor => editor === null") else handle


def _none(stage: Stage, selector: str | None, timeout_s: float | None) -> StepFailed:
    where = "on the page" if selector is None else f"at {selector!r}"
    hint = "name it with selector" if selector is None else "correct the selector or leave it out"
    waited = stage.ms(timeout_s) / 1000
    return StepFailed(f"no code editor is visible {where} after {waited:g} s; known: {KNOWN}; {hint}")


def _enter(stage: Stage, editor: JSHandle, timeout_s: float | None) -> None:
    """Move the arrow to an editor and give it the focus; the text cursor stays where it was."""
    deadline = time.monotonic() + stage.ms(timeout_s) / 1000
    if editor.evaluate("editor => editor.middle()") is None:
        _scroll_to(editor)
    while (at := editor.evaluate("editor => editor.middle()")) is None:
        if time.monotonic() > deadline:
            raise StepFailed("the editor is covered; dismiss what covers it first")
        stage.page.wait_for_timeout(POLL_MS)
    stage.cursor.move_to(stage.page, *at)
    stage.page.wait_for_timeout(BEFORE_CLICK_MS)
    cursor_ripple(stage.page)
    editor.evaluate("editor => editor.focus()")
    stage.page.wait_for_timeout(PRESSED_MS + AFTER_CLICK_MS)


def _scroll_to(editor: JSHandle) -> None:
    root = editor.evaluate_handle("editor => editor.root").as_element()
    assert root is not None  # an editor is an element of the page
    bring_into_view(root, may_be_cut=True)


def _show(editor: JSHandle, first: int, last: int) -> None:
    """Scroll lines into view, smoothly. Raises StepFailed for lines that the editor does not have."""
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


def _no_line(editor: JSHandle, line: int, why: str = "it ends before") -> StepFailed:
    name = editor.evaluate("editor => editor.name")
    return StepFailed(f"the editor ({name}) has no line {line}: {why}; lines are counted from 1", retryable=False)
