"""Stops scripts of a page that never return: such a page answers nothing, and the browser would wait for it for ever.

A page of our own in the same browser ticks; its ticks are heard also while a call to another page waits for an answer.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from playwright.sync_api import Browser, CDPSession, Page
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

TICK_MS, ANSWER_MS = 2000, 1500
TICKS = f"() => void setInterval(() => console.log('tick'), {TICK_MS})"


class Watchdog:
    """Watches one page at a time; says once, by `on_stopped`, how long a script had run that it stopped."""

    def __init__(
        self,
        browser: Browser,
        page: Callable[[], Page | None],
        patience_s: Callable[[], float],
        on_stopped: Callable[[float], None],
        *,
        on_tick: Callable[[], None] = lambda: None,
    ) -> None:
        """`page` returns what is to be watched, or None while nobody expects an answer of it; `on_tick` is called every
        two seconds."""
        self._page, self._patience_s, self._on_stopped = page, patience_s, on_stopped
        self._sessions: dict[Page, tuple[CDPSession, CDPSession]] = {}  # to ask by, and to stop by: it must not queue
        self._silent_since: float | None = None
        self._asks = False
        self._context = browser.new_context()
        ticking = self._context.new_page()
        ticking.on("console", lambda _message: on_tick())
        ticking.on("console", lambda _message: self._look())
        ticking.evaluate(TICKS)

    def watch(self, page: Page) -> None:
        """Be ready to stop a page's scripts: once one of them runs without end, it is too late for that."""
        with contextlib.suppress(PlaywrightError):  # it is closed already, as one that only starts a download is
            self._sessions[page] = page.context.new_cdp_session(page), page.context.new_cdp_session(page)

    def close(self) -> None:
        """Watch no more."""
        self._asks = True
        self._context.close()

    def _look(self) -> None:
        page = self._page()
        if self._asks or page is None or page not in self._sessions or page.is_closed():
            self._silent_since = None
            return
        self._asks = True
        try:
            self._ask(page)
        finally:
            self._asks = False

    def _ask(self, page: Page) -> None:
        asked = time.monotonic()
        with contextlib.suppress(PlaywrightError):  # it has crashed or is closed: whoever uses it is told
            asking, stopping = self._sessions[page]
            try:
                asking.send("Runtime.evaluate", {"expression": "1"}, timeout=ANSWER_MS)
                self._silent_since = None
            except PlaywrightTimeout:
                self._silent_since = self._silent_since or asked
                if (silent_s := time.monotonic() - self._silent_since) > self._patience_s():
                    self._silent_since = None
                    self._on_stopped(silent_s)
                    stopping.send("Runtime.terminateExecution", timeout=ANSWER_MS)
