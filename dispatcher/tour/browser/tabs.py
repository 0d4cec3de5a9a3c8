"""The tabs of the application: a new one comes to the front; when it closes, the tab that opened it does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from playwright.sync_api import Browser, Page
from playwright.sync_api import Error as PlaywrightError

CLOSE_MS = 2000


class Tabs:
    """The application's open pages, in the order in which they were opened."""

    def __init__(self, listen: Callable[[Page], None]) -> None:
        """`listen` is called once for each page."""
        self._listen = listen
        self._heard: list[Page] = []
        self._openers: dict[Page, Page] = {}
        self.all: list[Page] = []
        self.front: Page | None = None

    def begin(self, page: Page) -> Page:
        """Forget all pages except this one, which is now in front; return it."""
        self.all, self.front = [page], page
        self._openers.clear()
        self._hear(page)
        return page

    def choose(self, page: Page) -> None:
        """Bring an open page to the front."""
        self.front = page

    def _hear(self, page: Page) -> None:
        if page not in self._heard:
            self._heard.append(page)
            self._listen(page)
            page.on("popup", lambda popup: self._opened(page, popup))
            page.on("close", self._closed)

    def _opened(self, opener: Page, page: Page) -> None:
        if opener in self.all:
            self._openers[page] = opener
            self.all.append(page)
            self.front = page
            self._hear(page)

    def _closed(self, page: Page) -> None:
        if page in self._heard:
            self._heard.remove(page)
        if page not in self.all:
            return
        self.all.remove(page)
        opener = self._openers.pop(page, None)
        if self.front is page:
            self.front = opener if opener in self.all else next(reversed(self.all), None)


def close_page(browser: Browser, page: Page) -> None:
    """Close a page without waiting for it: disable its scripts, and close its target.

    A page that has crashed or is in an endless loop never responds, and for one that keeps redirecting the close event
    may be missing; both end with their context at the latest.
    """
    with contextlib.suppress(PlaywrightError):
        session = page.context.new_cdp_session(page)
        target = session.send("Target.getTargetInfo", timeout=CLOSE_MS)["targetInfo"]["targetId"]
        with contextlib.suppress(PlaywrightError):
            session.send("Emulation.setScriptExecutionDisabled", {"value": True}, timeout=CLOSE_MS)
        closer = browser.new_browser_cdp_session()
        closer.send("Target.closeTarget", {"targetId": target}, timeout=CLOSE_MS)
        closer.detach()
