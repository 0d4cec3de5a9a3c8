"""Opening a page off camera: it counts as there when it has loaded, has its fonts and has painted something."""

from __future__ import annotations

import time

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dispatcher.tour.capture import settle
from protocol.errors import StepFailed

PAINT_S = 3.0
"""How long a loaded page may stay empty; then it is taken to be meant so."""

PAINTED = "() => performance.getEntriesByName('first-contentful-paint').length > 0"
FONTS = "() => Promise.race([document.fonts.ready.then(() => true), new Promise(done => setTimeout(done, 3000))])"


def open_page(page: Page, url: str, timeout_s: float) -> None:
    """Go to `url` and wait until it is there. Raises StepFailed, in bounded time, if it does not load."""
    try:
        response = page.goto(url, wait_until="load", timeout=timeout_s * 1000)
    except PlaywrightTimeout as error:
        raise StepFailed(
            f"{url} did not load within {timeout_s:g} s; check that it opens in a browser, "
            "or raise settings.default_step_timeout"
        ) from error
    except PlaywrightError as error:
        why = str(error).splitlines()[0].removeprefix("Page.goto: ").split(" at ")[0]
        raise StepFailed(f"{url} cannot be opened ({why}); is the application running there?") from error
    if response is not None and response.status >= 400:
        raise StepFailed(f"{url} answers with status {response.status}; check the address in a browser")
    wait_until_painted(page)


def wait_until_painted(page: Page) -> None:
    """Wait for fonts and the first paint of a page that has loaded."""
    page.evaluate(FONTS)
    deadline = time.monotonic() + PAINT_S
    while not page.evaluate(PAINTED) and time.monotonic() < deadline:
        page.wait_for_timeout(30)
    settle(page)
