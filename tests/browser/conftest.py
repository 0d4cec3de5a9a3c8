"""What every browser test needs: a Chromium (or a clean skip) and a site to record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from dispatcher.config import is_root
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.chromium import find_browser, launch
from dispatcher.tour.browser.recorder import BrowserRecorder
from protocol.errors import EnvironmentNotReady
from tests.support.acting import SIZE, context_of
from tests.support.pages import Site, serve


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Return the Chromium to record with; without one the test is skipped, but never on CI."""
    try:
        return find_browser()
    except EnvironmentNotReady as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture
def site() -> Iterator[Site]:
    """Serve an empty site."""
    with serve() as site:
        yield site


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """Return a browser for all tests of a module."""
    with sync_playwright() as playwright:
        started = launch(playwright, chromium, root=is_root())
        yield started
        started.close()


@pytest.fixture
def recorder(browser: Browser) -> Iterator[BrowserRecorder]:
    """Return a recorder with an empty page."""
    with BrowserRecorder(browser, SIZE) as made:
        yield made


@pytest.fixture
def context(recorder: BrowserRecorder) -> ActionContext:
    """Return what actions work with, on the page of the recorder."""
    return context_of(recorder)
