"""What is done with whole pages and tabs, and with the browser's own boxes that open over them."""

from __future__ import annotations

from playwright.sync_api import Page

from dispatcher.tour import page_action_parts as parts
from dispatcher.tour.page_load import wait_until_painted
from dispatcher.tour.recorder import Recorder
from dispatcher.tour.stage import Stage
from protocol.errors import StepFailed


def expect_dialog(stage: Stage, action: parts.DialogAction) -> None:
    """Note how a coming dialog is answered."""
    _recorder(stage).answers.expect(action)


def go_back(stage: Stage, action: parts.GoBack) -> None:
    """Go back to the page before."""
    before = stage.page.url
    if stage.page.go_back(wait_until="commit", timeout=stage.ms(action.timeout)) is None and stage.page.url == before:
        raise StepFailed("there is no page to go back to in this tab; remove the action, or open a page before it")
    wait_until_painted(stage.page, stage.ms(action.timeout) / 1000)


def reload(stage: Stage, action: parts.Reload) -> None:
    """Load the page again."""
    stage.page.reload(wait_until="commit", timeout=stage.ms(action.timeout))
    wait_until_painted(stage.page, stage.ms(action.timeout) / 1000)


def switch_tab(stage: Stage, action: parts.SwitchTab) -> None:
    """Show another tab."""
    tabs = _recorder(stage).tabs
    if action.tab > len(tabs.all):
        there = "1 tab is" if len(tabs.all) == 1 else f"{len(tabs.all)} tabs are"
        raise StepFailed(f"there is no tab {action.tab}: {there} open ({_titles(tabs.all)}); correct the number")
    tabs.choose(tabs.all[action.tab - 1])
    _recorder(stage).follow()


def close_tab(stage: Stage, _action: parts.CloseTab) -> None:
    """Close the tab that is shown."""
    recorder = _recorder(stage)
    if len(recorder.tabs.all) < 2:
        raise StepFailed("this is the only tab; close_tab closes one that was opened during the tour")
    stage.page.close()
    recorder.follow()


def _titles(pages: list[Page]) -> str:
    return ", ".join(f"{n}: {page.url}" for n, page in enumerate(pages, 1))


def _recorder(stage: Stage) -> Recorder:
    assert stage.recorder is not None  # every tour has one
    return stage.recorder
