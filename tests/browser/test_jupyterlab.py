"""The editor actions on a real JupyterLab: its editor (CodeMirror 6) and its terminal (xterm.js on a canvas)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from dispatcher.tour.actions import terminal as terminals
from dispatcher.tour.actions.editors import clear_highlight
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.page_load import open_page
from dispatcher.tour.browser.recorder import BrowserRecorder
from dispatcher.tour.spec.editor_action_models import TerminalType
from protocol.errors import StepFailed
from tests.support.acting import context_of, do
from tests.support.jupyterlab import jupyterlab
from tests.support.pages import picture

pytestmark = pytest.mark.browser

PYTHON = '''def greet(name: str) -> dict[str, list[int]]:
    """Say "hello" to {name}."""
    if name in ("a", 'b'):
        return {"it's": [1, (2)]}
    else:
        print(f"{name!r}: <{len(name)}>")

    return {}
'''
NUMBERED = "\n".join(f"line_{n} = {n}" for n in range(1, 201))
VIEW = (
    "(() => { const c = document.querySelector('.cm-content'); return (c.cmTile?.root ?? c.cmView.rootView).view })()"
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    with jupyterlab(tmp_path_factory.mktemp("jupyter") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def editor_page(browser: Browser, lab: tuple[str, Path]) -> Iterator[ActionContext]:
    """Open a Python file of JupyterLab."""
    url, work = lab
    (work / "tour.py").write_text(NUMBERED)
    with BrowserRecorder(browser, (1000, 600)) as recorder:
        open_page(recorder.page, f"{url}/lab/tree/tour.py", 60)
        recorder.page.locator(".cm-content").wait_for(timeout=60_000)
        yield context_of(recorder)


@pytest.fixture
def context(editor_page: ActionContext) -> ActionContext:
    """Return the page with numbered lines, at its top."""
    editor_page.page.evaluate(
        f"text => {{ const view = {VIEW}; "
        "view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: 0 } });"
        "view.scrollDOM.scrollTop = 0; document.activeElement?.blur() }",
        NUMBERED,
    )
    clear_highlight(editor_page.page)
    return editor_page


@pytest.fixture(scope="module")
def terminal(browser: Browser, lab: tuple[str, Path]) -> Iterator[ActionContext]:
    """Open a new terminal by the command palette."""
    with BrowserRecorder(browser, (1000, 600)) as recorder:
        open_page(recorder.page, f"{lab[0]}/lab", 60)
        context = context_of(recorder)
        do(context, "command_palette", command="New Terminal")
        yield context


def value(context: ActionContext) -> str:
    return str(context.page.evaluate(f"() => {VIEW}.state.doc.toString()"))


def caret(context: ActionContext) -> tuple[int, int]:
    """Return line and column of the text cursor, from 1."""
    look = f"() => {{ const s = {VIEW}.state, at = s.selection.main.head, l = s.doc.lineAt(at);"
    line, column = context.page.evaluate(look + " return [l.number, at - l.from + 1] }")
    return line, column


def line_box(context: ActionContext, number: int) -> tuple[float, float]:
    """Return top and bottom of a line, by CodeMirror's own account."""
    look = f"n => {{ const v = {VIEW}, b = v.lineBlockAt(v.state.doc.line(n).from);"
    top, bottom = context.page.evaluate(look + " return [b.top + v.documentTop, b.bottom + v.documentTop] }", number)
    return top, bottom


def test_typed_text_is_exactly_the_text(context: ActionContext) -> None:
    """Brackets, quotes and indentation arrive as written; the editor is empty before."""
    do(context, "select_all_and_delete")
    assert value(context) == ""
    do(context, "type_text", text=PYTHON, delay_ms=0)
    assert value(context) == PYTHON


def test_focus_goes_to_line_and_column(context: ActionContext) -> None:
    """The text cursor stands at the line and column, even far below, and the pointer too; text is typed there."""
    do(context, "focus_editor", line=150, column=6)
    assert caret(context) == (150, 6)
    top, bottom = line_box(context, 150)
    assert top <= context.pointer.at[1] <= bottom
    do(context, "focus_editor", line=2)
    do(context, "type_text", text=" # (here)")
    assert value(context).splitlines()[1] == "line_2 = 2 # (here)"


@pytest.mark.parametrize("lines", [(2, 4), (99, 101), (198, 200)])
def test_highlight_lies_over_its_lines(context: ActionContext, lines: tuple[int, int]) -> None:
    """The coloured rows of the picture are those of the lines, scrolled into view; afterwards nothing is left."""
    do(context, "highlight_lines", lines=list(lines))
    top, bottom = line_box(context, lines[0])[0], line_box(context, lines[1])[1]
    with_it = picture(context.page)
    clear_highlight(context.page)
    context.page.wait_for_timeout(50)
    changed = np.flatnonzero(np.abs(with_it - picture(context.page))[:, 800].sum(axis=1) > 20)
    assert changed.min() == pytest.approx(top, abs=1.5)
    assert changed.max() + 1 == pytest.approx(bottom, abs=1.5)
    assert len(changed) == changed.max() + 1 - changed.min()
    inside = slice(int(top) + 2, int(bottom) - 2)
    printed, coloured = picture(context.page)[inside, 300:600].min(), with_it[inside, 300:600].min()
    assert coloured <= printed + 25, "what is printed stays as dark as it was"


def test_highlight_follows_its_lines(context: ActionContext) -> None:
    """When the editor scrolls, the colour goes with the lines, and never beyond the editor's edge."""
    do(context, "highlight_lines", lines="10-12")
    context.page.evaluate(f"() => {{ {VIEW}.scrollDOM.scrollTop = 60 }}")
    context.page.wait_for_timeout(150)
    top, bottom = line_box(context, 10)[0], line_box(context, 12)[1]
    with_it = picture(context.page)
    clear_highlight(context.page)
    context.page.wait_for_timeout(50)
    changed = np.flatnonzero(np.abs(with_it - picture(context.page))[:, 800].sum(axis=1) > 20)
    assert (changed.min(), changed.max() + 1) == (pytest.approx(top, abs=1.5), pytest.approx(bottom, abs=1.5))


def test_lines_that_are_not_there(context: ActionContext) -> None:
    """Lines beyond the end are an error that says how many there are."""
    with pytest.raises(StepFailed, match=r"CodeMirror 6.* has no line 205: it has 200"):
        do(context, "highlight_lines", lines="190-205")


def test_the_side_bar_is_hidden(context: ActionContext) -> None:
    """The right side bar goes away; one that is hidden already is no error."""
    context.page.locator(".jp-SideBar.jp-mod-right .lm-TabBar-tab").first.click()
    context.page.locator("#jp-right-stack").wait_for()
    do(context, "hide_secondary_sidebar")
    assert not context.page.locator("#jp-right-stack").is_visible()
    do(context, "hide_secondary_sidebar")


def test_the_terminal_runs_what_is_typed(terminal: ActionContext, lab: tuple[str, Path]) -> None:
    """The command's text arrives letter for letter as soon as there is a prompt, and its output is waited for."""
    out = lab[1] / "out.txt"
    text = f"printf '%s\\n' \"a (b) 'c'\" > {out}; sleep 0.5; echo do''ne"
    do(terminal, "terminal_type", text=text, wait_for="done")
    assert out.read_text() == "a (b) 'c'\n"


def test_long_output_is_waited_for(terminal: ActionContext) -> None:
    """The text of the command itself is not mistaken for its output; a long output is read to its end."""
    began = terminal.page.evaluate("performance.now()")
    do(terminal, "terminal_type", text="seq 1 3000; sleep 1; echo finished", wait_for="finished", delay_ms=5)
    assert terminal.page.evaluate("performance.now()") - began > 1000


def test_output_that_never_comes(terminal: ActionContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the terminal did not print is an error that tells what it printed instead."""
    wait_for_output = terminals._wait_for_output

    def once_printed(context: ActionContext, action: TerminalType, printed: terminals.TerminalOutput) -> None:
        until = time.monotonic() + 60  # a shell may be slow
        while "something" not in printed.after(action.text) and time.monotonic() < until:
            context.page.wait_for_timeout(50)
        wait_for_output(context, action, printed)

    monkeypatch.setattr(terminals, "_wait_for_output", once_printed)
    with pytest.raises(StepFailed, match=r"did not print 'never' within 3 s \(it printed: .*something"):
        do(terminal, "terminal_type", text="echo some''thing", wait_for="never", timeout=3, delay_ms=5)


def test_a_terminal_that_shows_nothing(terminal: ActionContext) -> None:
    """Text that is not shown is an error that says how to type it; said so by the step, it is typed and arrives."""
    silent = "stty -echo; read secret; stty echo; echo got-$secret"  # every shell has it; `read -s` is bash's
    do(terminal, "terminal_type", text=silent, delay_ms=5)
    impatient = replace(terminal, patience=1)
    with pytest.raises(StepFailed, match=r'did not show the input.*add "echo": false'):
        do(impatient, "terminal_type", text="pass", delay_ms=5)
    do(terminal, "terminal_type", text="word", echo=False, wait_for="got-password", delay_ms=5)


def test_a_command_that_is_not_there(terminal: ActionContext) -> None:
    """A command that the palette does not list is an error that names it."""
    with pytest.raises(StepFailed, match="JupyterLab has no command that matches 'fly to the moon'"):
        do(terminal, "command_palette", command="fly to the moon", delay_ms=5, timeout=5)
    terminal.page.keyboard.press("Escape")
