"""The editor actions on Monaco, as it was before and as it is now, from the npm registry."""

from __future__ import annotations

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
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = launch(playwright, chromium, root=is_root())
        yield started
        started.close()


@pytest.fixture(scope="module")
def page_stage(browser: Browser, monaco: str) -> Iterator[Stage]:
    with Recorder(browser, (800, 480)) as recorder:
        open_page(recorder.page, monaco + "/index.html", 30)
        yield Stage(page=recorder.page, cursor=recorder.cursor, timeout_s=30)


@pytest.fixture
def stage(page_stage: Stage) -> Stage:
    """Return the page with an empty editor that nobody looks at."""
    page_stage.page.wait_for_function("() => window.editor")
    page_stage.page.evaluate("() => { editor.setValue(''); editor.setScrollTop(0); document.activeElement?.blur() }")
    clear_highlight(page_stage.page)
    return page_stage


def do(stage: Stage, kind: str, **fields: Any) -> None:
    perform(stage, ACTION_MODELS[kind].model_validate({"type": kind, **fields}))


def value(stage: Stage) -> str:
    return str(stage.page.evaluate("() => editor.getValue()")).replace("\r\n", "\n")


def line_box(stage: Stage, number: int) -> dict[str, float]:
    """Return where a line is drawn, by Monaco's own account."""
    found: dict[str, float] = stage.page.evaluate(
        """number => {
          const top = box.getBoundingClientRect().top + editor.getTopForLineNumber(number) - editor.getScrollTop();
          return { top, height: editor.getOption(monaco.editor.EditorOption.lineHeight) };
        }""",
        number,
    )
    return found


def test_typed_text_is_exactly_the_text(stage: Stage) -> None:
    """Brackets, quotes and indentation arrive as written, although Monaco closes and indents on its own."""
    do(stage, "focus_editor")
    stage.page.keyboard.type("(")
    assert value(stage) == "()", "Monaco would close brackets"
    do(stage, "select_all_and_delete")
    assert value(stage) == ""
    do(stage, "type_text", text=PYTHON, delay_ms=0)
    assert value(stage) == PYTHON


def test_typing_looks_typed(stage: Stage) -> None:
    """The text comes letter by letter, at the pace asked for."""
    do(stage, "focus_editor")
    stage.page.evaluate(
        """() => {
          at = [];
          editor.onDidChangeModelContent(() => at.push([performance.now(), editor.getValue().length]));
        }"""
    )
    do(stage, "type_text", text="print('hello')", delay_ms=40)
    at = np.array(stage.page.evaluate("at"))
    assert at[:, 1].tolist() == list(range(1, 15))
    assert 13 * 40 * 0.8 < at[-1, 0] - at[0, 0] < 30_000


def test_a_long_text_arrives_whole(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that goes in by pieces is exact, too."""
    do(stage, "focus_editor")
    monkeypatch.setattr("dispatcher.tour.typing_pace.LONGEST_S", 2.0)
    text = PYTHON * 6
    do(stage, "type_text", text=text)
    assert value(stage) == text


def test_focus_goes_to_line_and_column(stage: Stage) -> None:
    """The text cursor stands at the line and column, also far below, and the arrow with it."""
    stage.page.evaluate("text => editor.setValue(text)", NUMBERED)
    do(stage, "focus_editor", line=90, column=5)
    assert stage.page.evaluate("() => { const p = editor.getPosition(); return [p.lineNumber, p.column] }") == [90, 5]
    box = line_box(stage, 90)
    assert box["top"] <= stage.cursor.at[1] <= box["top"] + box["height"]
    do(stage, "focus_editor", line=3)
    assert stage.page.evaluate("() => { const p = editor.getPosition(); return [p.lineNumber, p.column] }") == [3, 11]
    do(stage, "type_text", text=" # here")
    assert value(stage).splitlines()[2] == "line_3 = 3 # here"


def test_focus_keeps_the_text_cursor(stage: Stage) -> None:
    """Without a line the text cursor stays where it was."""
    stage.page.evaluate("text => { editor.setValue(text); editor.setPosition({lineNumber: 2, column: 4}) }", NUMBERED)
    do(stage, "focus_editor", selector="#box")
    assert stage.page.evaluate("editor.hasTextFocus()")
    assert stage.page.evaluate("() => { const p = editor.getPosition(); return [p.lineNumber, p.column] }") == [2, 4]


@pytest.mark.parametrize("theme", ["vs", "vs-dark"])
@pytest.mark.parametrize("lines", [(2, 4), (70, 72), (118, 120)])
def test_highlight_lies_over_its_lines(stage: Stage, theme: str, lines: tuple[int, int]) -> None:
    """The coloured rows of the picture are those of the lines, scrolled into view; afterwards nothing is left."""
    stage.page.evaluate(
        "([text, theme]) => { editor.setValue(text); monaco.editor.setTheme(theme) }", [NUMBERED, theme]
    )
    stage.page.wait_for_timeout(100)
    do(stage, "highlight_lines", start=lines[0], end=lines[1])
    first, last = line_box(stage, lines[0]), line_box(stage, lines[1])
    with_it = picture(stage.page)
    clear_highlight(stage.page)
    stage.page.wait_for_timeout(50)
    changed = np.flatnonzero(np.abs(with_it - picture(stage.page))[:, 400].sum(axis=1) > 20)
    assert first["top"] >= 0
    assert last["top"] + last["height"] <= 480
    assert changed.min() == pytest.approx(first["top"], abs=1)
    assert changed.max() + 1 == pytest.approx(last["top"] + last["height"], abs=1)
    assert len(changed) == changed.max() + 1 - changed.min()


def test_highlight_of_lines_that_wrap(stage: Stage) -> None:
    """A line that takes several rows is coloured whole, and those below it are found by their own numbers."""
    long = "word " * 60
    stage.page.evaluate(
        "text => { editor.setValue(text); editor.updateOptions({ wordWrap: 'on' }) }", f"a\n{long}\nb\nc"
    )
    stage.page.wait_for_timeout(200)
    do(stage, "highlight_lines", lines="2-3")
    top, bottom = line_box(stage, 2)["top"], line_box(stage, 4)["top"]
    with_it = picture(stage.page)
    clear_highlight(stage.page)
    stage.page.wait_for_timeout(50)
    stage.page.evaluate("() => editor.updateOptions({ wordWrap: 'off' })")
    changed = np.flatnonzero(np.abs(with_it[:, 700]).sum(axis=1) > 0)
    assert changed.size
    assert bottom - top > 3 * line_box(stage, 1)["height"]


def test_highlight_ends_with_its_time(stage: Stage) -> None:
    """A highlight with a time of its own is gone when the action is over."""
    stage.page.evaluate("text => editor.setValue(text)", NUMBERED)
    stage.page.wait_for_timeout(100)
    before = picture(stage.page)
    do(stage, "highlight_lines", lines=3, seconds=0.4, color="tomato")
    stage.page.wait_for_timeout(50)
    assert np.abs(picture(stage.page) - before)[:200, 400].max() == 0


def test_the_palette_runs_a_command(stage: Stage) -> None:
    """The command of exactly this name is run."""
    stage.page.evaluate("text => editor.setValue(text)", "one\ntwo")
    do(stage, "command_palette", command="Transform to Uppercase", delay_ms=5)
    stage.page.wait_for_function("() => editor.getValue() !== 'one\\ntwo'")
    assert value(stage) == "ONE\ntwo"


def test_a_command_that_is_not_there(stage: Stage) -> None:
    """A command that the palette does not list is an error that names it."""
    with pytest.raises(StepFailed, match="no command that matches 'fly to the moon'"):
        do(stage, "command_palette", command="fly to the moon", delay_ms=5, timeout=5)
    stage.page.keyboard.press("Escape")


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("highlight_lines", {"lines": "118-125"}, "has no line 125"),
        ("focus_editor", {"line": 1000}, "has no line 1000"),
        ("highlight_lines", {"lines": 1, "color": "no colour"}, "is no colour"),
        ("focus_editor", {"selector": "#none", "timeout": 0.2}, "no code editor is visible at '#none'"),
        ("terminal_type", {"text": "ls", "timeout": 0.2}, "no terminal is visible"),
    ],
)
def test_what_is_not_there(stage: Stage, kind: str, fields: dict[str, Any], said: str) -> None:
    """What cannot be done is said with what was looked for."""
    stage.page.evaluate("text => editor.setValue(text)", NUMBERED)
    with pytest.raises(StepFailed, match=said):
        do(stage, kind, **fields)


def test_an_editor_that_is_read_only(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor that cannot be emptied is said to be so."""
    monkeypatch.setattr("dispatcher.tour.editors.CHANGES_S", 2.0)
    stage.page.evaluate("text => { editor.setValue(text); editor.updateOptions({ readOnly: true }) }", NUMBERED)
    try:
        with pytest.raises(StepFailed, match="not empty after select-all"):
            do(stage, "select_all_and_delete")
        with pytest.raises(StepFailed, match="takes no text"):
            do(stage, "type_text", text="x")
    finally:
        stage.page.evaluate("() => editor.updateOptions({ readOnly: false })")
