"""The tabs of the application: a new one comes to the front, and after it closes the one that opened it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page


class Tabs:
    """The application's open pages, in the order in which they were opened."""

    def __init__(self, listen: Callable[[Page], None]) -> None:
        """Have `listen` called once for each page."""
        self._listen = listen
        self._heard: list[Page] = []
        self._openers: dict[Page, Page] = {}
        self.all: list[Page] = []
        self.front: Page | None = None

    def begin(self, page: Page) -> Page:
        """Forget all pages but this one, which is in front; return it."""
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
