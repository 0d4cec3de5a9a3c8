"""Stopping page scripts that never return: such a page does not respond, and calls would wait forever.

Another page in the same browser ticks; its ticks arrive even while a call to the recorded page waits for a response.
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
    """Watches one page at a time; calls `on_stopped` with the run time of each script that it stops."""

    def __init__(
        self,
        browser: Browser,
        page: Callable[[], Page | None],
        patience_s: Callable[[], float],
        on_stopped: Callable[[float], None],
        *,
        on_tick: Callable[[], None] = lambda: None,
    ) -> None:
        """`page` returns the page to watch, or None while it cannot respond; `on_tick` is called every two seconds."""
        self._page, self._patience_s, self._on_stopped = page, patience_s, on_stopped
        self._sessions: dict[Page, tuple[CDPSession, CDPSession]] = {}  # one to probe, one to stop: it must not queue
        self._silent_since: float | None = None
        self._is_probing = False
        self._context = browser.new_context()
        ticking = self._context.new_page()
        ticking.on("console", lambda _message: on_tick())
        ticking.on("console", lambda _message: self._check())
        ticking.evaluate(TICKS)

    def watch(self, page: Page) -> None:
        """Prepare to stop a page's scripts: once one of them runs forever, it is too late to connect."""
        with contextlib.suppress(PlaywrightError):  # it has closed already, as a tab that only starts a download does
            self._sessions[page] = page.context.new_cdp_session(page), page.context.new_cdp_session(page)

    def close(self) -> None:
        """Stop watching."""
        self._is_probing = True
        self._context.close()

    def _check(self) -> None:
        page = self._page()
        if self._is_probing or page is None or page not in self._sessions or page.is_closed():
            self._silent_since = None
            return
        self._is_probing = True
        try:
            self._probe(page)
        finally:
            self._is_probing = False

    def _probe(self, page: Page) -> None:
        asked = time.monotonic()
        with contextlib.suppress(PlaywrightError):  # it has crashed or is closed: its user gets the error
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
