"""Actions on whole pages and tabs, and answers to dialogs."""

from __future__ import annotations

from playwright.sync_api import Page

from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.page_load import wait_until_painted
from dispatcher.tour.browser.recorder import BrowserRecorder
from dispatcher.tour.spec import action_models
from protocol.errors import StepFailed


def expect_dialog(context: ActionContext, action: action_models.DialogAction) -> None:
    """Set the answer to the next dialog."""
    _recorder(context).answers.expect(action)


def go_back(context: ActionContext, action: action_models.GoBack) -> None:
    """Go back to the previous page."""
    before = context.page.url
    if (
        context.page.go_back(wait_until="commit", timeout=context.ms(action.timeout)) is None
        and context.page.url == before
    ):
        raise StepFailed("there is no previous page in this tab; remove the action, or open a page before it")
    wait_until_painted(context.page, context.ms(action.timeout) / 1000)


def reload(context: ActionContext, action: action_models.Reload) -> None:
    """Reload the page."""
    context.page.reload(wait_until="commit", timeout=context.ms(action.timeout))
    wait_until_painted(context.page, context.ms(action.timeout) / 1000)


def switch_tab(context: ActionContext, action: action_models.SwitchTab) -> None:
    """Switch to another tab."""
    tabs = _recorder(context).tabs
    if action.tab > len(tabs.all):
        count = "1 tab is" if len(tabs.all) == 1 else f"{len(tabs.all)} tabs are"
        raise StepFailed(f"there is no tab {action.tab}: {count} open ({_titles(tabs.all)}); correct the number")
    tabs.choose(tabs.all[action.tab - 1])
    _recorder(context).follow()


def close_tab(context: ActionContext, _action: action_models.CloseTab) -> None:
    """Close the current tab."""
    recorder = _recorder(context)
    if len(recorder.tabs.all) < 2:
        raise StepFailed("this is the only tab; close_tab closes a tab that was opened during the tour")
    context.page.close()
    recorder.follow()


def _titles(pages: list[Page]) -> str:
    return ", ".join(f"{n}: {page.url}" for n, page in enumerate(pages, 1))


def _recorder(context: ActionContext) -> BrowserRecorder:
    assert context.recorder is not None  # every tour has one
    return context.recorder
