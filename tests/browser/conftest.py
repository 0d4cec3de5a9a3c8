"""What every browser test needs: a Chromium (or a clean skip) and a site to film."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from dispatcher.config import is_root
from dispatcher.tour.browser import find_browser, launch
from dispatcher.tour.recorder import Recorder
from dispatcher.tour.stage import Stage
from protocol.errors import EnvironmentNotReady
from tests.support.acting import SIZE
from tests.support.pages import Site, serve


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Return the Chromium to film with; without one the test is skipped, but never on CI."""
    try:
        return find_browser()
    except EnvironmentNotReady as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


PATIENCE = {
    "editors": ["CHANGES_S"],
    "applications": ["OPENS_S", "CLOSED_S"],
    "popups": ["CLICK_S"],
    "terminal": ["ECHO_S"],
    "assertions": ["PATIENCE_S"],
}
"""How long the recorder waits for what a page does at once, unless the machine stops it. By module."""


@pytest.fixture(autouse=True, scope="module")
def patience() -> Iterator[None]:
    """Wait five times as long for a page as the product does: a test that waits for the end says so itself."""
    with pytest.MonkeyPatch.context() as patched:
        for module, names in PATIENCE.items():
            for name in names:
                whole = import_module(f"dispatcher.tour.{module}")
                patched.setattr(whole, name, 5 * getattr(whole, name))
        yield


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
def recorder(browser: Browser) -> Iterator[Recorder]:
    """Return a recorder with an empty page."""
    with Recorder(browser, SIZE) as made:
        yield made


@pytest.fixture
def stage(recorder: Recorder) -> Stage:
    """Return what actions work with, on the page of the recorder."""
    return Stage(page=recorder.page, cursor=recorder.cursor, timeout_s=30, recorder=recorder)
