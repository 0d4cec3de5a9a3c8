"""The editor actions on plain pages: CodeMirror 5, text areas, editable text, a terminal drawn with the DOM."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, sync_playwright

from dispatcher.config import is_root
from dispatcher.tour.action_parts import ACTIONS as ACTION_MODELS
from dispatcher.tour.actions import perform
from dispatcher.tour.browser import launch
from dispatcher.tour.editors import clear_highlight
from dispatcher.tour.page_load import open_page
from dispatcher.tour.recorder import Recorder
from dispatcher.tour.stage import Stage
from protocol.errors import StepFailed
from tests.support.npm import NoPackageError, package
from tests.support.pages import Site, html, picture

pytestmark = pytest.mark.browser
CODEMIRROR_5 = "sha512-i5dLDDxwkFCbhjvL2pNjShsojoL3XHyDwsGv1jqETUoW+lzpBKKqNTUWgQwVAOa0tUm4BwekT455ujafi8payA=="
PYTHON = "def f(a):\n    if a:\n        return {'it': [\"s\", (1)]}\n    return ''\n"


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = launch(playwright, chromium, root=is_root())
        yield started
        started.close()


@pytest.fixture
def stage(browser: Browser) -> Iterator[Stage]:
    with Recorder(browser, (640, 360)) as recorder:
        yield Stage(page=recorder.page, cursor=recorder.cursor, timeout_s=30)


def show(stage: Stage, site: Site, body: str) -> None:
    site.pages["/"] = html(body)
    open_page(stage.page, site.url + "/", 30)


def do(stage: Stage, kind: str, **fields: Any) -> None:
    perform(stage, ACTION_MODELS[kind].model_validate({"type": kind, **fields}))


def coloured_rows(stage: Stage, x: int) -> tuple[int, int]:
    """Return the first and the last row of the picture that the highlight changes in one column, and take it away."""
    with_it = picture(stage.page)
    clear_highlight(stage.page)
    stage.page.wait_for_timeout(50)
    changed = np.flatnonzero(np.abs(with_it - picture(stage.page))[:, x].sum(axis=1) > 20)
    return int(changed.min()), int(changed.max())


def test_codemirror_5(stage: Stage, site: Site) -> None:
    """CodeMirror 5 is emptied, typed into exactly, focused at a line and highlighted."""
    try:
        files = package("codemirror", "5.65.20", CODEMIRROR_5, below="lib")
    except NoPackageError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    site.pages["/cm.js"] = (files / "codemirror.js").read_text()
    style = (files / "codemirror.css").read_text()
    made = "cm = CodeMirror(document.body, {lineNumbers: true, smartIndent: true, value: 'old\\n'.repeat(200)})"
    show(stage, site, f"<style>{style}</style><script src=/cm.js></script><script>{made}</script>")
    do(stage, "highlight_lines", lines="120-121")
    top, _, _, bottom = stage.page.evaluate(
        "[119, 120].map(line => cm.charCoords({line, ch: 0})).flatMap(at => [at.top, at.bottom])"
    )
    assert coloured_rows(stage, 500) == (pytest.approx(top, abs=1.5), pytest.approx(bottom - 1, abs=1.5))
    do(stage, "focus_editor", line=3, column=2)
    assert stage.page.evaluate("[cm.getCursor().line, cm.getCursor().ch]") == [2, 1]
    do(stage, "select_all_and_delete")
    assert stage.page.evaluate("cm.getValue()") == ""
    do(stage, "type_text", text=PYTHON, delay_ms=0)
    assert stage.page.evaluate("cm.getValue()") == PYTHON


def test_a_text_area(stage: Stage, site: Site) -> None:
    """A plain text area is focused at line and column, highlighted where its line is drawn, and emptied."""
    place = "position:absolute;left:50px;top:40px;width:500px;height:200px;padding:7px;font:16px/20px mono"
    lines = "\n".join(f"line {n}" for n in range(1, 51))
    show(stage, site, f"<textarea style='{place}'>{lines}</textarea>")
    do(stage, "highlight_lines", start=2, end=3)
    assert coloured_rows(stage, 400) == (pytest.approx(40 + 1 + 7 + 20, abs=1), pytest.approx(40 + 1 + 7 + 59, abs=1))
    do(stage, "focus_editor", line=40, column=3)
    do(stage, "type_text", text="X")
    assert stage.page.locator("textarea").input_value().splitlines()[39] == "liXne 40"
    do(stage, "highlight_lines", start=40)
    first, last = coloured_rows(stage, 400)
    assert 40 <= first < last <= 242
    do(stage, "select_all_and_delete", selector="textarea")
    assert stage.page.locator("textarea").input_value() == ""


def test_editable_text(stage: Stage, site: Site) -> None:
    """An editable element counts as an editor, too."""
    show(stage, site, "<div contenteditable style='width:300px;height:100px'>old</div>")
    do(stage, "select_all_and_delete")
    do(stage, "type_text", text="new")
    assert stage.page.locator("[contenteditable]").inner_text().strip() == "new"


def test_the_field_in_use_is_emptied(stage: Stage, site: Site) -> None:
    """Without a selector what has the focus is emptied, and nothing else."""
    show(stage, site, "<textarea>keep</textarea><input value=drop autofocus>")
    stage.page.locator("input").focus()
    do(stage, "select_all_and_delete")
    assert stage.page.locator("input").input_value() == ""
    assert stage.page.locator("textarea").input_value() == "keep"


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("focus_editor", {}, "no code editor is visible on the page after 0.3 s; known: Monaco"),
        ("select_all_and_delete", {}, "no code editor is visible.*name it with selector"),
        ("highlight_lines", {"lines": 1}, "no code editor is visible"),
        ("command_palette", {"command": "x"}, "no application is seen.*JupyterLab, VS Code, Monaco.*press_key"),
        ("hide_secondary_sidebar", {}, "no application is seen"),
        ("terminal_type", {"text": "ls"}, "no terminal is visible"),
    ],
)
def test_a_page_without_an_editor(stage: Stage, site: Site, kind: str, fields: dict[str, Any], said: str) -> None:
    """Where there is no editor, the error says what was looked for, what is known, and the hint."""
    show(stage, site, "<p>text</p>")
    with pytest.raises(StepFailed, match=said):
        do(stage, kind, timeout=0.3, **fields)


def test_an_editor_that_is_covered(stage: Stage, site: Site) -> None:
    """What lies over an editor is said, not typed through."""
    cover = "<div style='position:fixed;inset:0'></div>"
    show(stage, site, f"<textarea style='width:300px;height:200px'></textarea>{cover}")
    with pytest.raises(StepFailed, match="covered"):
        do(stage, "focus_editor", timeout=0.3)


TERMINAL = """<div class=xterm style='position:absolute;inset:20px;background:#eee'>
<div class=xterm-rows></div>
<textarea class=xterm-helper-textarea style='position:absolute;left:0;top:0'></textarea></div>
<script>
const [rows, keys] = [document.querySelector('.xterm-rows'), document.querySelector('textarea')];
let text = '';
const paint = () => {
  rows.replaceChildren(...text.split('\\n').flatMap(line => line.match(/.{1,20}|^$/g)).map(line => {
    const row = document.createElement('div'); row.textContent = line.replaceAll(' ', '\\u00a0'); return row;
  }));
  keys.style.left = text.split('\\n').at(-1).length + 'px';
};
let ready = false, early = 0, later = 700;
setTimeout(() => { text = 'welcome\\n$ '; ready = true; paint(); }, 900);
document.querySelector('.xterm').onclick = () => keys.focus();
keys.onkeydown = (event) => {
  if (!ready) early++;
  if (event.key === 'Enter') {
    text += '\\n'; paint();
    const answer = () => { text += 'the answer\\n$ '; paint(); };
    if (later) setTimeout(answer, later); else answer();
  } else if (event.key.length === 1) { text += event.key; paint(); }
};
</script>"""


def test_a_terminal_of_the_dom(stage: Stage, site: Site) -> None:
    """It is typed into once it shows a prompt, lines that wrap are read, and output is not mistaken for the command."""
    show(stage, site, TERMINAL)
    do(stage, "terminal_type", text="echo 'the answer' to a long question", wait_for="the answer", delay_ms=5)
    assert stage.page.evaluate("early") == 0
    assert stage.page.evaluate("text").endswith("question\nthe answer\n$ ")
    stage.page.evaluate("later = 0")  # what is told of is there, however short the time
    with pytest.raises(StepFailed, match=r"did not print 'other' within 1.2 s \(it printed: the answer"):
        do(stage, "terminal_type", text="again", wait_for="other", timeout=1.2, delay_ms=5)


def test_a_terminal_without_a_prompt(stage: Stage, site: Site) -> None:
    """A terminal that never gets ready is an error, and nothing is typed."""
    show(stage, site, TERMINAL.replace("900", "90000"))
    with pytest.raises(StepFailed, match=r"no prompt within 0.5 s"):
        do(stage, "terminal_type", text="ls", timeout=0.5)
    assert stage.page.evaluate("text") == ""


WORKBENCH = """<div class=monaco-workbench style='position:absolute;inset:0'>
<div class='part auxiliarybar' style='position:fixed;right:0;width:200px;height:9em;background:#ddd'>BUTTON</div></div>
<script>
bar = document.querySelector('.part');
onkeydown = event => { if (event.altKey && event.code === 'KeyB') bar.hidden = true };
</script>
<style>[hidden] { display: none }</style>"""
BUTTON = "<a class=action-label aria-label='Hide Secondary Side Bar (Ctrl+Alt+B)' onclick='bar.hidden=true'>x</a>"


@pytest.mark.parametrize("inside", ["", BUTTON])
def test_the_side_bar_of_vs_code(stage: Stage, site: Site, inside: str) -> None:
    """It is hidden by its own button, else by its key; twice is no error."""
    show(stage, site, WORKBENCH.replace("BUTTON", inside))
    do(stage, "hide_secondary_sidebar")
    do(stage, "hide_secondary_sidebar")
    assert stage.page.evaluate("bar.hidden")


def test_a_side_bar_that_nothing_hides(stage: Stage, site: Site) -> None:
    """A side bar of an unknown application without a button that hides it is an error with the hint."""
    show(stage, site, "<aside>tools</aside>")
    with pytest.raises(StepFailed, match="'aside' has no button that hides it; use click_selector"):
        do(stage, "hide_secondary_sidebar", selector="aside")


def test_the_preloader_is_waited_for(stage: Stage, site: Site) -> None:
    """A page is open when its preloader is gone, also one that appears late and fades out."""
    script = """<script>
    const load = Object.assign(document.createElement('b'), { className: 'load', textContent: 'loading' });
    setTimeout(() => document.body.append(load), 150);
    setTimeout(() => { load.style.transition = 'opacity .2s'; load.style.opacity = 0 }, 700);
    </script>"""
    site.pages["/"] = html(script)
    open_page(stage.page, site.url + "/", 30, ".load")
    assert stage.page.evaluate("getComputedStyle(load).opacity") == "0"


def test_a_preloader_that_stays(stage: Stage, site: Site) -> None:
    """A preloader that never goes is an error in bounded time, that names it; so is a selector that is none."""
    site.pages["/"] = html("<b class=load>loading</b>")
    with pytest.raises(StepFailed, match=r"preloader '\.load' is still to be seen after 3 s.*preloader_selector"):
        open_page(stage.page, site.url + "/", 3, ".load")
    with pytest.raises(StepFailed, match=r"preloader_selector: the selector 'b\[\[' is not valid"):
        open_page(stage.page, site.url + "/", 30, "b[[")


def test_a_timed_highlight_is_filmed_like_every_rest(stage: Stage, site: Site) -> None:
    """A take sees to it that no picture is missed while it waits: the highlight leaves the waiting to it."""
    show(stage, site, "<textarea style='width:300px;height:200px'>one\ntwo</textarea>")
    rests: list[float] = []
    do(dataclasses.replace(stage, film_on=rests.append), "highlight_lines", lines=1, seconds=7)
    assert rests == [7]
