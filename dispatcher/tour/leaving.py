"""Pages that go to another address while they are asked something: a login by script, a press of a link, a reload."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page

DOCUMENT = "() => performance.timeOrigin"
"""Tells one page of an address from the next, though it may have the same address."""

LEAST_LOAD_S = 1.0
"""What a page that was led to has at least to load, however late it is."""

DESTROYED = "context was destroyed"
"""What Playwright says of it."""


def has_left(error: PlaywrightError) -> bool:
    """Say whether an error means only that the page which was asked is not there any more, as another one is."""
    return DESTROYED in str(error)


def where_it_stays(page: Page, timeout_s: float, wait: Callable[[], None]) -> None:
    """Wait for something of a page that has loaded; from the start again on each page that it goes to meanwhile.

    Raises what the browser says when a page still goes elsewhere after `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            page.wait_for_load_state("load", timeout=max(LEAST_LOAD_S, deadline - time.monotonic()) * 1000)
            document = page.evaluate(DOCUMENT)
            wait()
            if page.evaluate(DOCUMENT) == document:
                return
            raise PlaywrightError(f"{DESTROYED} between two questions")
        except PlaywrightError as error:
            if not has_left(error) or time.monotonic() > deadline:
                raise
