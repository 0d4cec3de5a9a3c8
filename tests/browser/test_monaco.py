"""The editor actions on Monaco, as it was before and as it is now, from the npm registry."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser

from dispatcher.tour.actions.editors import clear_highlight
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.page_load import open_page
from dispatcher.tour.browser.recorder import BrowserRecorder
from protocol.errors import StepFailed
from tests.support.acting import context_of, do
from tests.support.npm import NoPackageError, package
from tests.support.pages import picture, serve_folder

pytestmark = pytest.mark.browser

VERSIONS = {
    # types through a hidden text area
    "0.52.2": "sha512-GEQWEZmfkOGLdd3XK8ryrfWz3AIP8YymVXiPHEdewrUq7mh0qrKrfHLNCXcbB6sTnMLnOZ3ztSiKcciFUkIJwQ==",
    # types through an EditContext
    "0.57.0": "sha512-5BkI9KGoqrNvBGUe15/QlZq3OooZ8WLg1AxTpaqHRCP3HNpzPPZKE2EDz8M7c+VRmCeUw1Brp4cx/PWm3kI/5A==",
}
PAGE = """<!doctype html><meta charset=utf-8><title>Monaco</title>
<body style='margin:0'><div id=box style='height:100vh'></div>
<script src='vs/loader.js'></script><script>
require.config({ paths: { vs: location.origin + '/vs' } });
require(['vs/editor/editor.main'], () => {
  window.editor = monaco.editor.create(box, { value: '', language: 'python', automaticLayout: true, fontSize: 14 });
});
</script>"""
PYTHON = '''def greet(name: str) -> dict[str, list[int]]:
    """Say "hello" to {name}."""
    if name in ("a", 'b'):
        return {"it's": [1, (2)]}
    else:
        print(f"{name!r}: <{len(name)}>")

    return {}
'''
NUMBERED = "\n".join(f"line_{n} = {n}" for n in range(1, 121))


@pytest.fixture(scope="module", params=VERSIONS)
def monaco(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a page with Monaco; without a network the tests are skipped, but never on CI."""
    try:
        files = package("monaco-editor", request.param, VERSIONS[request.param], below="min/vs")
    except NoPackageError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("monaco")
    (folder / "vs").symlink_to(files)
    (folder / "index.html").write_text(PAGE)
    with serve_folder(folder) as url:
        yield url


@pytest.fixture(scope="module")
def page_stage(browser: Browser, monaco: str) -> Iterator[ActionContext]:
    with BrowserRecorder(browser, (800, 480)) as recorder:
        open_page(recorder.page, monaco + "/index.html", 30)
        yield context_of(recorder)


@pytest.fixture
def context(page_stage: ActionContext) -> ActionContext:
    """Return the page with an empty editor that nobody looks at."""
    page_stage.page.wait_for_function("() => window.editor")
    page_stage.page.evaluate("() => { editor.setValue(''); editor.setScrollTop(0); document.activeElement?.blur() }")
    clear_highlight(page_stage.page)
    return page_stage


def value(context: ActionContext) -> str:
    return str(context.page.evaluate("() => editor.getValue()")).replace("\r\n", "\n")


def line_box(context: ActionContext, number: int) -> dict[str, float]:
    """Return where a line is drawn, by Monaco's own account."""
    found: dict[str, float] = context.page.evaluate(
        """number => {
          const top = box.getBoundingClientRect().top + editor.getTopForLineNumber(number) - editor.getScrollTop();
          return { top, height: editor.getOption(monaco.editor.EditorOption.lineHeight) };
        }""",
        number,
    )
    return found


def test_typed_text_is_exactly_the_text(context: ActionContext) -> None:
    """Brackets, quotes and indentation arrive as written, although Monaco closes and indents on its own."""
    do(context, "focus_editor")
    context.page.keyboard.type("(")
    assert value(context) == "()", "Monaco would close brackets"
    do(context, "select_all_and_delete")
    assert value(context) == ""
    do(context, "type_text", text=PYTHON, delay_ms=0)
    assert value(context) == PYTHON


def test_typing_looks_typed(context: ActionContext) -> None:
    """The text comes letter by letter, at the pace asked for."""
    do(context, "focus_editor")
    context.page.evaluate(
        """() => {
          at = [];
          editor.onDidChangeModelContent(() => at.push([performance.now(), editor.getValue().length]));
        }"""
    )
    do(context, "type_text", text="print('hello')", delay_ms=40)
    at = np.array(context.page.evaluate("at"))
    assert at[:, 1].tolist() == list(range(1, 15))
    assert 13 * 40 * 0.8 < at[-1, 0] - at[0, 0] < 30_000


def test_a_long_text_arrives_whole(context: ActionContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that goes in by pieces is exact, too."""
    do(context, "focus_editor")
    monkeypatch.setattr("dispatcher.tour.spec.typing_pace.LONGEST_S", 2.0)
    text = PYTHON * 6
    do(context, "type_text", text=text)
    assert value(context) == text


def test_focus_goes_to_line_and_column(context: ActionContext) -> None:
    """The text cursor stands at the line and column, also far below, and the pointer with it."""
    context.page.evaluate("text => editor.setValue(text)", NUMBERED)
    do(context, "focus_editor", line=90, column=5)
    assert context.page.evaluate("() => { const p = editor.getPosition(); return [p.lineNumber, p.column] }") == [90, 5]
    box = line_box(context, 90)
    assert box["top"] <= context.pointer.at[1] <= box["top"] + box["height"]
    do(context, "focus_editor", line=3)
    assert context.page.evaluate("() => { const p = editor.getPosition(); return [p.lineNumber, p.column] }") == [3, 11]
    do(context, "type_text", text=" # here")
    assert value(context).splitlines()[2] == "line_3 = 3 # here"


def test_focus_keeps_the_text_cursor(context: ActionContext) -> None:
    """Without a line the text cursor stays where it was."""
    context.page.evaluate("text => { editor.setValue(text); editor.setPosition({lineNumber: 2, column: 4}) }", NUMBERED)
    do(context, "focus_editor", selector="#box")
    assert context.page.evaluate("editor.hasTextFocus()")
    assert context.page.evaluate("() => { const p = editor.getPosition(); return [p.lineNumber, p.column] }") == [2, 4]


@pytest.mark.parametrize("theme", ["vs", "vs-dark"])
@pytest.mark.parametrize("lines", [(2, 4), (70, 72), (118, 120)])
def test_highlight_lies_over_its_lines(context: ActionContext, theme: str, lines: tuple[int, int]) -> None:
    """The coloured rows of the picture are those of the lines, scrolled into view; afterwards nothing is left."""
    context.page.evaluate(
        "([text, theme]) => { editor.setValue(text); monaco.editor.setTheme(theme) }", [NUMBERED, theme]
    )
    context.page.wait_for_timeout(100)
    do(context, "highlight_lines", start=lines[0], end=lines[1])
    first, last = line_box(context, lines[0]), line_box(context, lines[1])
    with_it = picture(context.page)
    clear_highlight(context.page)
    context.page.wait_for_timeout(50)
    changed = np.flatnonzero(np.abs(with_it - picture(context.page))[:, 400].sum(axis=1) > 20)
    assert first["top"] >= 0
    assert last["top"] + last["height"] <= 480
    assert changed.min() == pytest.approx(first["top"], abs=1)
    assert changed.max() + 1 == pytest.approx(last["top"] + last["height"], abs=1)
    assert len(changed) == changed.max() + 1 - changed.min()


def test_highlight_of_lines_that_wrap(context: ActionContext) -> None:
    """A line that takes several rows is coloured whole, and those below it are found by their own numbers."""
    long = "word " * 60
    context.page.evaluate(
        "text => { editor.setValue(text); editor.updateOptions({ wordWrap: 'on' }) }", f"a\n{long}\nb\nc"
    )
    context.page.wait_for_timeout(200)
    do(context, "highlight_lines", lines="2-3")
    top, bottom = line_box(context, 2)["top"], line_box(context, 4)["top"]
    with_it = picture(context.page)
    clear_highlight(context.page)
    context.page.wait_for_timeout(50)
    context.page.evaluate("() => editor.updateOptions({ wordWrap: 'off' })")
    changed = np.flatnonzero(np.abs(with_it[:, 700]).sum(axis=1) > 0)
    assert changed.size
    assert bottom - top > 3 * line_box(context, 1)["height"]


def test_highlight_ends_with_its_time(context: ActionContext) -> None:
    """A highlight with a time of its own is gone when the action is over."""
    context.page.evaluate("text => editor.setValue(text)", NUMBERED)
    context.page.wait_for_timeout(100)
    before = picture(context.page)
    do(context, "highlight_lines", lines=3, seconds=0.4, color="tomato")
    context.page.wait_for_timeout(50)
    assert np.abs(picture(context.page) - before)[:200, 400].max() == 0


def test_the_palette_runs_a_command(context: ActionContext) -> None:
    """The command of exactly this name is run."""
    context.page.evaluate("text => editor.setValue(text)", "one\ntwo")
    do(context, "command_palette", command="Transform to Uppercase", delay_ms=5)
    context.page.wait_for_function("() => editor.getValue() !== 'one\\ntwo'")
    assert value(context) == "ONE\ntwo"


def test_a_command_that_is_not_there(context: ActionContext) -> None:
    """A command that the palette does not list is an error that names it."""
    with pytest.raises(StepFailed, match="no command that matches 'fly to the moon'"):
        do(context, "command_palette", command="fly to the moon", delay_ms=5, timeout=5)
    context.page.keyboard.press("Escape")


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("highlight_lines", {"lines": "118-125"}, "has no line 125"),
        ("focus_editor", {"line": 1000}, "has no line 1000"),
        ("highlight_lines", {"lines": 1, "color": "no colour"}, "is not a colour"),
        ("focus_editor", {"selector": "#none", "timeout": 0.2}, "no code editor is visible at '#none'"),
        ("terminal_type", {"text": "ls", "timeout": 0.2}, "no terminal is visible"),
    ],
)
def test_what_is_not_there(context: ActionContext, kind: str, fields: dict[str, Any], said: str) -> None:
    """What cannot be done is said with what was looked for."""
    context.page.evaluate("text => editor.setValue(text)", NUMBERED)
    with pytest.raises(StepFailed, match=said):
        do(context, kind, **fields)


def test_an_editor_that_is_read_only(context: ActionContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor that cannot be emptied is said to be so."""
    context = replace(context, patience=1)
    context.page.evaluate("text => { editor.setValue(text); editor.updateOptions({ readOnly: true }) }", NUMBERED)
    try:
        with pytest.raises(StepFailed, match="not empty after select-all"):
            do(context, "select_all_and_delete")
        with pytest.raises(StepFailed, match="accepts no text"):
            do(context, "type_text", text="x")
    finally:
        context.page.evaluate("() => editor.updateOptions({ readOnly: false })")
