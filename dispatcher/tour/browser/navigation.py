"""Waiting until a page can be recorded: it has loaded, or almost, and does not navigate to another address."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

DOCUMENT = "() => performance.timeOrigin"
"""Identifies a document: another document may have the same address."""

LEAST_LOAD_S = 1.0
"""The least time that a page gets to load after a redirect."""

DESTROYED = "context was destroyed"
"""Playwright's message when the document of a call is gone."""


READY_S = 5.0
"""A page can be used when its document has been complete for this long, even if something still loads."""

SLICE_S = 0.25
"""How often to check whether a page that is still loading can be used."""

USABLE = f"""() => {{
  const [entry] = performance.getEntriesByType("navigation");
  const ready = entry?.domContentLoadedEventEnd ?? 0;
  return ready > 0 && performance.now() - ready > {READY_S * 1000};
}}"""


def wait_until_usable(page: Page, timeout_s: float) -> None:
    """Wait until a page has loaded, or its document has been complete for READY_S. Raises Playwright's timeout."""
    deadline = time.monotonic() + timeout_s
    while True:
        remaining = deadline - time.monotonic()
        try:
            page.wait_for_load_state("load", timeout=1000 * max(0.001, min(remaining, SLICE_S)))
            return
        except PlaywrightTimeout:
            if page.evaluate(USABLE):
                return
            if remaining <= SLICE_S:
                raise


def is_navigation_error(error: PlaywrightError) -> bool:
    """Say whether an error only means that the page has navigated to another document."""
    return DESTROYED in str(error)


def settle_navigation(page: Page, timeout_s: float, wait: Callable[[], None]) -> None:
    """Wait for something on a loaded page; if the page navigates meanwhile, start again on the new one.

    Raises the browser's error if the page still navigates after `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            wait_until_usable(page, max(LEAST_LOAD_S, deadline - time.monotonic()))
            document = page.evaluate(DOCUMENT)
            wait()
            if page.evaluate(DOCUMENT) == document:
                return
            raise PlaywrightError(f"{DESTROYED} between two calls")
        except PlaywrightError as error:
            if not is_navigation_error(error) or time.monotonic() > deadline:
                raise
