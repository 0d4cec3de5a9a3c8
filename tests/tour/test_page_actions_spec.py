"""Wrong values of the actions on pages, and what an action that does not exist is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dispatcher.tour.spec.action_types import ACTIONS
from dispatcher.tour.spec.loading import load
from protocol.errors import SpecError


def problem(folder: Path, **action: Any) -> str:
    """Return the one problem of a spec with this action."""
    path = folder / "tour.json"
    path.write_text(json.dumps({"steps": [{"id": "a", "url": "about:blank", "actions": [action]}]}))
    with pytest.raises(SpecError) as caught:
        load(path)
    [line] = caught.value.problems
    assert line.startswith("$.steps[0].actions[0]")
    return line


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("click", "did you mean 'click_selector'?"),
        ("wait", "did you mean 'pause'?"),
        ("accept_dialog", "did you mean 'dialog'?"),
        ("drag_and_drop", "did you mean 'drag'?"),
        ("drag_to", "did you mean 'drag'?"),
        ("set_files", "did you mean 'upload'?"),
        ("upload_file", "did you mean 'upload'?"),
        ("Select-Option", "did you mean 'select_option'?"),
        ("doubleClick", "did you mean 'double_click'?"),
        ("refresh", "did you mean 'reload'?"),
        ("hovr", "did you mean 'hover'?"),
        ("clik", "did you mean 'click_selector'?"),
        ("clck", "did you mean 'click_selector'?"),
        ("naviagte", "give the step a url"),
        ("goto", "give the step a url"),
        ("evaluate", "runs no scripts"),
        ("switch_to_frame", 'add "frame"'),
        ("zzz", "there are: wait_for_load"),
    ],
)
def test_an_unknown_action_is_told_what_was_meant(tmp_path: Path, written: str, said: str) -> None:
    """Names of other tools and misspelt ones lead to the action that is there."""
    line = problem(tmp_path, type=written)
    assert f"unknown action {json.dumps(written)}" in line
    assert said in line


@pytest.mark.parametrize(
    ("action", "place", "said"),
    [
        ({"type": "hover"}, ".selector", "is missing"),
        ({"type": "hover", "selector": ""}, ".selector", "at least 1 character"),
        ({"type": "hover", "selector": "#a", "timeout": 0}, ".timeout", "more than 0"),
        ({"type": "hover", "selector": "#a", "frame": ""}, ".frame", "selector of an iframe"),
        ({"type": "hover", "selector": "#a", "frame": []}, ".frame", "selector of an iframe"),
        ({"type": "hover", "selector": "#a", "frame": ["#b", 3]}, ".frame", "selector of an iframe"),
        ({"type": "double_click", "selector": "#a", "times": 3}, ".times", "is not a known key"),
        ({"type": "right_click", "selector": 5}, ".selector", "must be text"),
        ({"type": "drag", "selector": "#a"}, "", "must name the end of the drag"),
        ({"type": "drag", "selector": "#a", "to": "#b", "by": [1, 1]}, "", "must name the end of the drag"),
        ({"type": "drag", "selector": "#a", "by": [0, 0]}, ".by", "not both 0"),
        ({"type": "drag", "selector": "#a", "by": "120"}, ".by", "must be two numbers"),
        ({"type": "drag", "selector": "#a", "by": [1e9, 0]}, ".by", "from -10000 to 10000"),
        ({"type": "select_option", "selector": "#a"}, ".option", "is missing"),
        ({"type": "select_option", "selector": "#a", "option": []}, ".option", "text or the value"),
        ({"type": "select_option", "selector": "#a", "option": 3}, ".option", "text or the value"),
        ({"type": "select_option", "selector": "#a", "option": "b", "value": "c"}, ".value", "another spelling"),
        ({"type": "upload", "selector": "#a"}, ".files", "is missing"),
        ({"type": "upload", "selector": "#a", "files": []}, ".files", "1 to 50 files"),
        ({"type": "upload", "selector": "#a", "files": [""]}, ".files", "path of a file"),
        ({"type": "upload", "selector": "#a", "files": "none.csv"}, ".files", "does not exist; correct the path"),
        ({"type": "upload", "selector": "#a", "file": "."}, ".file", "is a folder"),
        ({"type": "upload", "selector": "#a", "files": "tour.json", "drop": "yes"}, ".drop", "true or false"),
        ({"type": "dialog", "answer": "ok"}, ".answer", "'accept' or 'dismiss'"),
        ({"type": "dialog", "answer": "dismiss", "text": "x"}, "", "remove the text"),
        ({"type": "dialog", "seconds": -1}, ".seconds", "at least 0"),
        ({"type": "dialog", "selector": "#a"}, ".selector", "is not a known key"),
        ({"type": "go_back", "selector": "#a"}, ".selector", "is not a known key"),
        ({"type": "reload", "timeout": "5"}, ".timeout", "must be a number"),
        ({"type": "switch_tab"}, ".tab", "is missing"),
        ({"type": "switch_tab", "tab": 0}, ".tab", "at least 1"),
        ({"type": "switch_tab", "tab": "2"}, ".tab", "whole number"),
        ({"type": "close_tab", "tab": 2}, ".tab", "is not a known key"),
    ],
)
def test_wrong_values_are_named_with_their_fix(tmp_path: Path, action: dict[str, Any], place: str, said: str) -> None:
    """Each field says what it takes, at its place, and nothing else is said."""
    line = problem(tmp_path, **action)
    assert line.startswith(f"$.steps[0].actions[0]{place}: ")
    assert said in line


def test_a_file_that_is_too_large_to_be_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropped files have a limit, chosen ones have none."""
    monkeypatch.setattr("dispatcher.tour.spec.loading.MAX_DROP_BYTES", 10)
    (tmp_path / "large.csv").write_bytes(b"0" * 11)
    assert "too large to be dropped" in problem(tmp_path, type="upload", selector="#a", files=["large.csv"], drop=True)


def test_what_each_action_says_of_itself() -> None:
    """What may change the page, what only waits, what only prepares, and what uses the keyboard."""
    assert {name for name, model in ACTIONS.items() if not model.changes_page} == {
        *("wait_for_load", "wait_for_selector", "wait_for_hidden", "pause", "scroll", "hover", "dialog"),
        *("focus_editor", "highlight_lines", "hide_secondary_sidebar"),
    }
    assert {name for name, model in ACTIONS.items() if model.waits} == {
        *("wait_for_load", "wait_for_selector", "wait_for_hidden", "dismiss_popups", "hide_secondary_sidebar"),
    }
    assert [name for name, model in ACTIONS.items() if model.prepares] == ["dialog"]
    assert {name for name, model in ACTIONS.items() if model.uses_keyboard} == {
        *("type_text", "press_key", "terminal_type", "command_palette", "select_all_and_delete"),
    }
