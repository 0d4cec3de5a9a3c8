"""When a page can be recorded: it has loaded, or all but loaded, and does not go to another address meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

DOCUMENT = "() => performance.timeOrigin"
"""Tells one page of an address from the next, though it may have the same address."""

LEAST_LOAD_S = 1.0
"""What a page that was led to has at least to load, however late it is."""

DESTROYED = "context was destroyed"
"""What Playwright says of it."""


READY_S = 5.0
"""A page whose document is complete for so long can be used, though something in it never ends loading."""

SLICE_S = 0.25
"""How often it is looked at whether a page can be used before it has loaded."""

USABLE = f"""() => {{
  const [entry] = performance.getEntriesByType("navigation");
  const ready = entry?.domContentLoadedEventEnd ?? 0;
  return ready > 0 && performance.now() - ready > {READY_S * 1000};
}}"""


def wait_until_usable(page: Page, timeout_s: float) -> None:
    """Wait until a page has loaded, or its document is complete since READY_S. Raises Playwright's timeout."""
    deadline = time.monotonic() + timeout_s
    while True:
        left = deadline - time.monotonic()
        try:
            page.wait_for_load_state("load", timeout=1000 * max(0.001, min(left, SLICE_S)))
            return
        except PlaywrightTimeout:
            if page.evaluate(USABLE):
                return
            if left <= SLICE_S:
                raise


def is_navigation_error(error: PlaywrightError) -> bool:
    """Say whether an error means only that the page which was asked is not there any more, as another one is."""
    return DESTROYED in str(error)


def settle_navigation(page: Page, timeout_s: float, wait: Callable[[], None]) -> None:
    """Wait for something of a page that has loaded; from the start again on each page that it goes to meanwhile.

    Raises what the browser says when a page still goes elsewhere after `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            wait_until_usable(page, max(LEAST_LOAD_S, deadline - time.monotonic()))
            document = page.evaluate(DOCUMENT)
            wait()
            if page.evaluate(DOCUMENT) == document:
                return
            raise PlaywrightError(f"{DESTROYED} between two questions")
        except PlaywrightError as error:
            if not is_navigation_error(error) or time.monotonic() > deadline:
                raise
