"""The editor actions on plain pages: CodeMirror 5, text areas, editable text, a terminal drawn with the DOM."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import numpy as np
import pytest

from dispatcher.tour.actions.editors import clear_highlight
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.page_load import open_page
from protocol.errors import StepFailed
from tests.support.acting import do, show
from tests.support.npm import NoPackageError, package
from tests.support.pages import Site, html, picture

pytestmark = pytest.mark.browser
CODEMIRROR_5 = "sha512-i5dLDDxwkFCbhjvL2pNjShsojoL3XHyDwsGv1jqETUoW+lzpBKKqNTUWgQwVAOa0tUm4BwekT455ujafi8payA=="
PYTHON = "def f(a):\n    if a:\n        return {'it': [\"s\", (1)]}\n    return ''\n"


def coloured_rows(context: ActionContext, x: int) -> tuple[int, int]:
    """Return the first and the last row of the picture that the highlight changes in one column, and take it away."""
    with_it = picture(context.page)
    clear_highlight(context.page)
    context.page.wait_for_timeout(50)
    changed = np.flatnonzero(np.abs(with_it - picture(context.page))[:, x].sum(axis=1) > 20)
    return int(changed.min()), int(changed.max())


def test_codemirror_5(context: ActionContext, site: Site) -> None:
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
    show(context, site, f"<style>{style}</style><script src=/cm.js></script><script>{made}</script>")
    do(context, "highlight_lines", lines="120-121")
    top, _, _, bottom = context.page.evaluate(
        "[119, 120].map(line => cm.charCoords({line, ch: 0})).flatMap(at => [at.top, at.bottom])"
    )
    assert coloured_rows(context, 500) == (pytest.approx(top, abs=1.5), pytest.approx(bottom - 1, abs=1.5))
    do(context, "focus_editor", line=3, column=2)
    assert context.page.evaluate("[cm.getCursor().line, cm.getCursor().ch]") == [2, 1]
    do(context, "select_all_and_delete")
    assert context.page.evaluate("cm.getValue()") == ""
    do(context, "type_text", text=PYTHON, delay_ms=0)
    assert context.page.evaluate("cm.getValue()") == PYTHON


def test_a_text_area(context: ActionContext, site: Site) -> None:
    """A plain text area is focused at line and column, highlighted where its line is drawn, and emptied."""
    place = "position:absolute;left:50px;top:40px;width:500px;height:200px;padding:7px;font:16px/20px mono"
    lines = "\n".join(f"line {n}" for n in range(1, 51))
    show(context, site, f"<textarea style='{place}'>{lines}</textarea>")
    do(context, "highlight_lines", start=2, end=3)
    assert coloured_rows(context, 400) == (pytest.approx(40 + 1 + 7 + 20, abs=1), pytest.approx(40 + 1 + 7 + 59, abs=1))
    do(context, "focus_editor", line=40, column=3)
    do(context, "type_text", text="X")
    assert context.page.locator("textarea").input_value().splitlines()[39] == "liXne 40"
    do(context, "highlight_lines", start=40)
    first, last = coloured_rows(context, 400)
    assert 40 <= first < last <= 242
    do(context, "select_all_and_delete", selector="textarea")
    assert context.page.locator("textarea").input_value() == ""


def test_editable_text(context: ActionContext, site: Site) -> None:
    """An editable element counts as an editor, too."""
    show(context, site, "<div contenteditable style='width:300px;height:100px'>old</div>")
    do(context, "select_all_and_delete")
    do(context, "type_text", text="new")
    assert context.page.locator("[contenteditable]").inner_text().strip() == "new"


def test_the_field_in_use_is_emptied(context: ActionContext, site: Site) -> None:
    """Without a selector what has the focus is emptied, and nothing else."""
    show(context, site, "<textarea>keep</textarea><input value=drop autofocus>")
    context.page.locator("input").focus()
    do(context, "select_all_and_delete")
    assert context.page.locator("input").input_value() == ""
    assert context.page.locator("textarea").input_value() == "keep"


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("focus_editor", {}, r"no code editor is visible on the page after 0.3 s \(supported: Monaco"),
        ("select_all_and_delete", {}, "no code editor is visible.*name it with selector"),
        ("highlight_lines", {"lines": 1}, "no code editor is visible"),
        (
            "command_palette",
            {"command": "x"},
            r"none of the supported applications \(JupyterLab, VS Code, Monaco\).*press_key",
        ),
        ("hide_secondary_sidebar", {}, "none of the supported applications"),
        ("terminal_type", {"text": "ls"}, "no terminal is visible"),
    ],
)
def test_a_page_without_an_editor(
    context: ActionContext, site: Site, kind: str, fields: dict[str, Any], said: str
) -> None:
    """Where there is no editor, the error says what was looked for, what is known, and the hint."""
    show(context, site, "<p>text</p>")
    with pytest.raises(StepFailed, match=said):
        do(context, kind, timeout=0.3, **fields)


def test_an_editor_that_is_covered(context: ActionContext, site: Site) -> None:
    """What lies over an editor is said, not typed through."""
    cover = "<div style='position:fixed;inset:0'></div>"
    show(context, site, f"<textarea style='width:300px;height:200px'></textarea>{cover}")
    with pytest.raises(StepFailed, match="covered"):
        do(context, "focus_editor", timeout=0.3)


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


def test_a_terminal_of_the_dom(context: ActionContext, site: Site) -> None:
    """It is typed into once it shows a prompt, lines that wrap are read, and output is not mistaken for the command."""
    show(context, site, TERMINAL)
    do(context, "terminal_type", text="echo 'the answer' to a long question", wait_for="the answer", delay_ms=5)
    assert context.page.evaluate("early") == 0
    assert context.page.evaluate("text").endswith("question\nthe answer\n$ ")
    context.page.evaluate("later = 0")  # what is told of is there, however short the time
    with pytest.raises(StepFailed, match=r"did not print 'other' within 1.2 s \(it printed: the answer"):
        do(context, "terminal_type", text="again", wait_for="other", timeout=1.2, delay_ms=5)


def test_a_terminal_without_a_prompt(context: ActionContext, site: Site) -> None:
    """A terminal that never gets ready is an error, and nothing is typed."""
    show(context, site, TERMINAL.replace("900", "90000"))
    with pytest.raises(StepFailed, match=r"no prompt within 0.5 s"):
        do(context, "terminal_type", text="ls", timeout=0.5)
    assert context.page.evaluate("text") == ""


WORKBENCH = """<div class=monaco-workbench style='position:absolute;inset:0'>
<div class='part auxiliarybar' style='position:fixed;right:0;width:200px;height:9em;background:#ddd'>BUTTON</div></div>
<script>
bar = document.querySelector('.part');
onkeydown = event => { if (event.altKey && event.code === 'KeyB') bar.hidden = true };
</script>
<style>[hidden] { display: none }</style>"""
BUTTON = "<a class=action-label aria-label='Hide Secondary Side Bar (Ctrl+Alt+B)' onclick='bar.hidden=true'>x</a>"


@pytest.mark.parametrize("inside", ["", BUTTON])
def test_the_side_bar_of_vs_code(context: ActionContext, site: Site, inside: str) -> None:
    """It is hidden by its own button, else by its key; twice is no error."""
    show(context, site, WORKBENCH.replace("BUTTON", inside))
    do(context, "hide_secondary_sidebar")
    do(context, "hide_secondary_sidebar")
    assert context.page.evaluate("bar.hidden")


def test_a_side_bar_that_nothing_hides(context: ActionContext, site: Site) -> None:
    """A side bar of an unknown application without a button that hides it is an error with the hint."""
    show(context, site, "<aside>tools</aside>")
    with pytest.raises(StepFailed, match="'aside' has no button to hide it; use click_selector"):
        do(context, "hide_secondary_sidebar", selector="aside")


def test_the_preloader_is_waited_for(context: ActionContext, site: Site) -> None:
    """A page is open when its preloader is gone, also one that appears late and fades out."""
    script = """<script>
    const load = Object.assign(document.createElement('b'), { className: 'load', textContent: 'loading' });
    setTimeout(() => document.body.append(load), 150);
    setTimeout(() => { load.style.transition = 'opacity .2s'; load.style.opacity = 0 }, 700);
    </script>"""
    site.pages["/"] = html(script)
    open_page(context.page, site.url + "/", 30, ".load")
    assert context.page.evaluate("getComputedStyle(load).opacity") == "0"


def test_a_preloader_that_stays(context: ActionContext, site: Site) -> None:
    """A preloader that never goes is an error in bounded time, that names it; so is a selector that is none."""
    site.pages["/"] = html("<b class=load>loading</b>")
    with pytest.raises(StepFailed, match=r"preloader '\.load' is still visible after 3 s.*preloader_selector"):
        open_page(context.page, site.url + "/", 3, ".load")
    with pytest.raises(StepFailed, match=r"preloader_selector: the selector 'b\[\[' is not valid"):
        open_page(context.page, site.url + "/", 30, "b[[")


def test_a_timed_highlight_is_filmed_like_every_rest(context: ActionContext, site: Site) -> None:
    """A take sees to it that no picture is missed while it waits: the highlight leaves the waiting to it."""
    show(context, site, "<textarea style='width:300px;height:200px'>one\ntwo</textarea>")
    rests: list[float] = []
    do(dataclasses.replace(context, record_for=rests.append), "highlight_lines", lines=1, seconds=7)
    assert rests == [7]
