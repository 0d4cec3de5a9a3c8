"""The editor actions on a real JupyterLab: its editor (CodeMirror 6) and its terminal (xterm.js on a canvas)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, sync_playwright

from dispatcher.config import is_root
from dispatcher.tour import terminal as terminals
from dispatcher.tour.action_parts import ACTIONS as ACTION_MODELS
from dispatcher.tour.action_parts import TerminalType
from dispatcher.tour.actions import perform
from dispatcher.tour.browser import launch
from dispatcher.tour.editors import clear_highlight
from dispatcher.tour.page_load import open_page
from dispatcher.tour.recorder import Recorder
from dispatcher.tour.stage import Stage
from protocol.errors import StepFailed
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
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = launch(playwright, chromium, root=is_root())
        yield started
        started.close()


@pytest.fixture(scope="module")
def editor_page(browser: Browser, lab: tuple[str, Path]) -> Iterator[Stage]:
    """Open a Python file of JupyterLab."""
    url, work = lab
    (work / "tour.py").write_text(NUMBERED)
    with Recorder(browser, (1000, 600)) as recorder:
        open_page(recorder.page, f"{url}/lab/tree/tour.py", 60)
        recorder.page.locator(".cm-content").wait_for(timeout=60_000)
        yield Stage(page=recorder.page, cursor=recorder.cursor, timeout_s=30)


@pytest.fixture
def stage(editor_page: Stage) -> Stage:
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
def terminal(browser: Browser, lab: tuple[str, Path]) -> Iterator[Stage]:
    """Open a new terminal by the command palette."""
    with Recorder(browser, (1000, 600)) as recorder:
        open_page(recorder.page, f"{lab[0]}/lab", 60)
        stage = Stage(page=recorder.page, cursor=recorder.cursor, timeout_s=30)
        do(stage, "command_palette", command="New Terminal")
        yield stage


def do(stage: Stage, kind: str, **fields: Any) -> None:
    perform(stage, ACTION_MODELS[kind].model_validate({"type": kind, **fields}))


def value(stage: Stage) -> str:
    return str(stage.page.evaluate(f"() => {VIEW}.state.doc.toString()"))


def caret(stage: Stage) -> tuple[int, int]:
    """Return line and column of the text cursor, from 1."""
    look = f"() => {{ const s = {VIEW}.state, at = s.selection.main.head, l = s.doc.lineAt(at);"
    line, column = stage.page.evaluate(look + " return [l.number, at - l.from + 1] }")
    return line, column


def line_box(stage: Stage, number: int) -> tuple[float, float]:
    """Return top and bottom of a line, by CodeMirror's own account."""
    look = f"n => {{ const v = {VIEW}, b = v.lineBlockAt(v.state.doc.line(n).from);"
    top, bottom = stage.page.evaluate(look + " return [b.top + v.documentTop, b.bottom + v.documentTop] }", number)
    return top, bottom


def test_typed_text_is_exactly_the_text(stage: Stage) -> None:
    """Brackets, quotes and indentation arrive as written; the editor is empty before."""
    do(stage, "select_all_and_delete")
    assert value(stage) == ""
    do(stage, "type_text", text=PYTHON, delay_ms=0)
    assert value(stage) == PYTHON


def test_focus_goes_to_line_and_column(stage: Stage) -> None:
    """The text cursor stands at the line and column, also far below, and the arrow with it; then typing goes there."""
    do(stage, "focus_editor", line=150, column=6)
    assert caret(stage) == (150, 6)
    top, bottom = line_box(stage, 150)
    assert top <= stage.cursor.at[1] <= bottom
    do(stage, "focus_editor", line=2)
    do(stage, "type_text", text=" # (here)")
    assert value(stage).splitlines()[1] == "line_2 = 2 # (here)"


@pytest.mark.parametrize("lines", [(2, 4), (99, 101), (198, 200)])
def test_highlight_lies_over_its_lines(stage: Stage, lines: tuple[int, int]) -> None:
    """The coloured rows of the picture are those of the lines, scrolled into view; afterwards nothing is left."""
    do(stage, "highlight_lines", lines=list(lines))
    top, bottom = line_box(stage, lines[0])[0], line_box(stage, lines[1])[1]
    with_it = picture(stage.page)
    clear_highlight(stage.page)
    stage.page.wait_for_timeout(50)
    changed = np.flatnonzero(np.abs(with_it - picture(stage.page))[:, 800].sum(axis=1) > 20)
    assert changed.min() == pytest.approx(top, abs=1.5)
    assert changed.max() + 1 == pytest.approx(bottom, abs=1.5)
    assert len(changed) == changed.max() + 1 - changed.min()
    inside = slice(int(top) + 2, int(bottom) - 2)
    printed, coloured = picture(stage.page)[inside, 300:600].min(), with_it[inside, 300:600].min()
    assert coloured <= printed + 25, "what is printed stays as dark as it was"


def test_highlight_follows_its_lines(stage: Stage) -> None:
    """When the editor scrolls, the colour goes with the lines, and never beyond the editor's edge."""
    do(stage, "highlight_lines", lines="10-12")
    stage.page.evaluate(f"() => {{ {VIEW}.scrollDOM.scrollTop = 60 }}")
    stage.page.wait_for_timeout(150)
    top, bottom = line_box(stage, 10)[0], line_box(stage, 12)[1]
    with_it = picture(stage.page)
    clear_highlight(stage.page)
    stage.page.wait_for_timeout(50)
    changed = np.flatnonzero(np.abs(with_it - picture(stage.page))[:, 800].sum(axis=1) > 20)
    assert (changed.min(), changed.max() + 1) == (pytest.approx(top, abs=1.5), pytest.approx(bottom, abs=1.5))


def test_lines_that_are_not_there(stage: Stage) -> None:
    """Lines beyond the end are an error that says how many there are."""
    with pytest.raises(StepFailed, match=r"CodeMirror 6.* has no line 205: it has 200"):
        do(stage, "highlight_lines", lines="190-205")


def test_the_side_bar_is_hidden(stage: Stage) -> None:
    """The right side bar goes away; one that is hidden already is no error."""
    stage.page.locator(".jp-SideBar.jp-mod-right .lm-TabBar-tab").first.click()
    stage.page.locator("#jp-right-stack").wait_for()
    do(stage, "hide_secondary_sidebar")
    assert not stage.page.locator("#jp-right-stack").is_visible()
    do(stage, "hide_secondary_sidebar")


def test_the_terminal_runs_what_is_typed(terminal: Stage, lab: tuple[str, Path]) -> None:
    """The command's text arrives letter for letter as soon as there is a prompt, and its output is waited for."""
    out = lab[1] / "out.txt"
    text = f"printf '%s\\n' \"a (b) 'c'\" > {out}; sleep 0.5; echo do''ne"
    do(terminal, "terminal_type", text=text, wait_for="done")
    assert out.read_text() == "a (b) 'c'\n"


def test_long_output_is_waited_for(terminal: Stage) -> None:
    """What stands in the command itself is not taken for its output; a long output is read to its end."""
    began = terminal.page.evaluate("performance.now()")
    do(terminal, "terminal_type", text="seq 1 3000; sleep 1; echo finished", wait_for="finished", delay_ms=5)
    assert terminal.page.evaluate("performance.now()") - began > 1000


def test_output_that_never_comes(terminal: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the terminal did not print is an error that tells what it printed instead."""
    wait_for_output = terminals._wait_for_output

    def once_printed(stage: Stage, action: TerminalType, printed: terminals.Printed) -> None:
        until = time.monotonic() + 60  # a shell may be slow
        while "something" not in printed.after(action.text) and time.monotonic() < until:
            stage.page.wait_for_timeout(50)
        wait_for_output(stage, action, printed)

    monkeypatch.setattr(terminals, "_wait_for_output", once_printed)
    with pytest.raises(StepFailed, match=r"did not print 'never' within 3 s \(it printed: .*something"):
        do(terminal, "terminal_type", text="echo some''thing", wait_for="never", timeout=3, delay_ms=5)


def test_a_terminal_that_shows_nothing(terminal: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text that is not shown is an error that says how to type it; said so by the step, it is typed and arrives."""
    silent = "stty -echo; read secret; stty echo; echo got-$secret"  # every shell has it; `read -s` is bash's
    do(terminal, "terminal_type", text=silent, delay_ms=5)
    monkeypatch.setattr(terminals, "ECHO_S", 5.0)
    with pytest.raises(StepFailed, match=r'did not show what was typed.*"echo": false types what is not shown'):
        do(terminal, "terminal_type", text="pass", delay_ms=5)
    do(terminal, "terminal_type", text="word", echo=False, wait_for="got-password", delay_ms=5)


def test_a_command_that_is_not_there(terminal: Stage) -> None:
    """A command that the palette does not list is an error that names it."""
    with pytest.raises(StepFailed, match="JupyterLab has no command that matches 'fly to the moon'"):
        do(terminal, "command_palette", command="fly to the moon", delay_ms=5, timeout=5)
    terminal.page.keyboard.press("Escape")
