"""A dashboard for each test, and a Chromium for those that look at it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from dispatcher.config import is_root
from dispatcher.tour.browser.chromium import find_browser, launch
from protocol.errors import EnvironmentNotReady
from tests.support.dashboards import Dashboard, served

expect.set_options(timeout=30_000)  # a machine that is busy with other tests shows things late


@pytest.fixture
def database_url() -> str | None:
    """Return the address of a database of its own sort; None for SQLite. A module may ask for each in turn."""
    return None


@pytest.fixture
def dashboard(tmp_path: Path, database_url: str | None) -> Iterator[Dashboard]:
    """Serve a dashboard over an empty database."""
    with served(tmp_path, database_url=database_url) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a running Chromium; without one the test is skipped, but never on CI."""
    try:
        program = find_browser()
    except EnvironmentNotReady as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    with sync_playwright() as playwright:
        running = launch(playwright, program, root=is_root())
        yield running
        running.close()


def _is_fault(told: ConsoleMessage) -> bool:
    """Say whether the browser complains of a page of ours; that a click was answered with 409 it tells too."""
    return told.type in ("error", "warning") and "409" not in told.text


@pytest.fixture
def visit(browser: Browser, dashboard: Dashboard) -> Iterator[Callable[..., Page]]:
    """Return a way to open a page of the dashboard as its user; what the browser complains of fails the test."""
    said: list[str] = []
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    first = context.new_page()
    first.goto(dashboard.built.access.link)
    first.close()

    def open_page(path: str, **emulated: str) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda told: said.append(f"{told.text} {told.location['url']}") if _is_fault(told) else None)
        if emulated:
            page.emulate_media(**emulated)  # type: ignore[arg-type]
        page.goto(dashboard.url + path)
        page.wait_for_selector("#wire[data-state=live]")
        return page

    yield open_page
    context.close()
    assert said == []
