"""Opening a page off camera: it is ready when it has loaded, has its fonts and has painted something.

A page that never finishes loading is ready a few seconds after its document is complete (navigation.py). If scripts
redirect to another address, the final page is the one that is opened.
"""

from __future__ import annotations

import re
import time

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dispatcher.tour.browser.capture import settle
from dispatcher.tour.browser.navigation import LEAST_LOAD_S, USABLE, settle_navigation
from protocol.errors import StepFailed

PAINT_S = 3.0
"""How long a loaded page may stay empty; after that it is recorded empty."""

GONE_S = 0.3
"""How long a preloader must stay hidden."""

NO_SERVER = ("ERR_CONNECTION_REFUSED", "ERR_NAME_NOT_RESOLVED", "ERR_ADDRESS_UNREACHABLE", "ERR_UNSAFE_PORT")
"""The browser's errors after which a retry is pointless."""

PENDING = f"""() => {{
  if (document.readyState === "complete" || !({USABLE})()) return null;
  const late = [...document.images].filter(image => !image.complete && image.loading !== "lazy");
  const inside = [...document.querySelectorAll("iframe[src]")].filter(frame => {{
    const blank = () => frame.contentWindow.location.href === "about:blank";
    try {{ return frame.contentDocument?.readyState !== "complete" || blank(); }} catch {{ return false; }}
  }});
  return [...new Set([...late, ...inside].map(element => element.currentSrc || element.src))];
}}"""
"""The parts of a page that are still loading, as far as known; null if it has loaded."""

BAD_SELECTOR = (
    "while parsing",
    "is not a valid selector",
    "is not a valid XPath",
    "Unknown engine",
    "Malformed selector",
)
"""Playwright's messages for a selector that it cannot parse."""

_NAMED_SELECTOR = re.compile(r"""while parsing (?:css )?selector "(.+?)"(?:\.|$)|'([^']+)' is not a valid""")
"""Where Playwright or the browser quotes that selector."""

OPAQUE = "found => found.some(one => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }))"
WHERE = "() => [location.href, performance.getEntriesByType('navigation')[0]?.responseStatus ?? 0]"
PAINTED = "() => performance.getEntriesByName('first-contentful-paint').length > 0"
FONTS = "() => Promise.race([document.fonts.ready.then(() => true), new Promise(done => setTimeout(done, 3000))])"


def open_page(page: Page, url: str, timeout_s: float, preloader: str | None = None) -> None:
    """Go to `url` and wait until the final page is ready, and its `preloader` (a selector) gone or hidden.

    Raises StepFailed, in bounded time, if it does not load, and the browser's error if it keeps navigating.
    """
    deadline = time.monotonic() + timeout_s
    _go_to(page, url, timeout_s)

    def wait_until_ready() -> None:
        _check(page, url)
        _paint(page)
        if preloader is not None:
            _wait_until_gone(page, preloader, timeout_s)

    try:
        settle_navigation(page, max(LEAST_LOAD_S, deadline - time.monotonic()), wait_until_ready)
    except PlaywrightTimeout as error:
        raise _not_loaded(url, timeout_s) from error


def _go_to(page: Page, url: str, timeout_s: float) -> None:
    try:
        page.goto(url, wait_until="commit", timeout=timeout_s * 1000)
    except PlaywrightTimeout as error:
        raise _not_loaded(url, timeout_s) from error
    except PlaywrightError as error:
        reason = str(error).splitlines()[0].removeprefix("Page.goto: ").split(" at ")[0]
        retryable = not any(name in reason for name in NO_SERVER)
        raise StepFailed(
            f"{url} cannot be opened ({reason}); check that the application is running there", retryable=retryable
        ) from error


def _not_loaded(url: str, timeout_s: float) -> StepFailed:
    return StepFailed(
        f"{url} did not load within {timeout_s:g} s; check that it opens in a browser, "
        "or raise settings.default_step_timeout"
    )


def describe_unfinished(page: Page) -> str | None:
    """Return a warning for a page that is still loading; None if it has loaded."""
    pending = page.evaluate(PENDING)
    if pending is None:
        return None
    names = ", ".join(pending[:3]) + (", …" if len(pending) > 3 else "")
    return f"{page.url} never finishes loading{f' ({names})' if names else ''}; it is recorded as it is"


def _check(page: Page, url: str) -> None:
    """Raise StepFailed for an error page, which must not be recorded."""
    here, status = page.evaluate(WHERE)  # the page knows these earlier than Playwright
    if here.startswith("chrome-error:"):
        raise StepFailed(
            f"the address that {url} redirects to cannot be opened; check that the application is running there"
        )
    if status >= 400:
        redirected = "" if here == url else f" (redirected from {url})"
        raise StepFailed(f"{here}{redirected} answers with status {status}; check the address in a browser")


def _wait_until_gone(page: Page, preloader: str, timeout_s: float) -> None:
    """Wait until no matching element is visible for a moment: some preloaders appear shortly after loading."""
    deadline, gone_since = time.monotonic() + timeout_s, None
    while gone_since is None or time.monotonic() - gone_since < GONE_S:
        visible = _is_visible(page, preloader)
        if visible and time.monotonic() > deadline:
            hint = "correct settings.preloader_selector, or raise settings.default_step_timeout"
            raise StepFailed(f"the preloader {preloader!r} is still visible after {timeout_s:g} s; {hint}")
        gone_since = None if visible else gone_since or time.monotonic()
        page.wait_for_timeout(50)
    settle(page)


def _is_visible(page: Page, selector: str) -> bool:
    """Say whether an element is visible; one that is fading out still is."""
    try:
        return bool(page.locator(selector).filter(visible=True).evaluate_all(OPAQUE))
    except PlaywrightError as error:
        if not is_bad_selector(error):
            raise
        raise StepFailed(
            f"settings.preloader_selector: {describe_bad_selector(error, selector)}", retryable=False
        ) from error


def is_bad_selector(error: PlaywrightError) -> bool:
    """Say whether an error means that a selector cannot be parsed."""
    return any(mark in str(error) for mark in BAD_SELECTOR)


def describe_bad_selector(error: PlaywrightError, selector: str | None = None) -> str:
    """Return what is wrong with a selector that cannot be parsed, with a fix."""
    named = _NAMED_SELECTOR.search(str(error).splitlines()[0])
    wrong = next(filter(None, named.groups())) if named else selector
    fix = "correct it"
    if wrong and (number := re.fullmatch(r"#(\d[\w-]*)", wrong.strip())):
        fix = f'write an id that begins with a digit as [id="{number[1]}"]'
    return f"the selector {wrong!r} is not valid; {fix}" if wrong else f"a selector is not valid; {fix}"


def wait_until_painted(page: Page, timeout_s: float) -> None:
    """Wait for fonts and the first paint of a page, and of those that it navigates to meanwhile."""
    settle_navigation(page, timeout_s, lambda: _paint(page))


def _paint(page: Page) -> None:
    """Wait for fonts and the first paint of a page that has loaded."""
    page.evaluate(FONTS)
    deadline = time.monotonic() + PAINT_S
    while not page.evaluate(PAINTED) and time.monotonic() < deadline:
        page.wait_for_timeout(30)
    settle(page)
