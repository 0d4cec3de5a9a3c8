"""How often to list a remote: soon after something happened, then less and less often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

QUICKEST = 4
"""After news the first poll comes this many times sooner than the drop's own interval."""

SLOWER = 1.6
"""Each poll without news makes the next interval this many times longer, up to the drop's own."""


class NewsCounter:
    """Counts the changes that one drop has noticed through its own listings and writes."""

    def __init__(self) -> None:
        self._news = 0

    def tell(self) -> None:
        """Count a change: this side wrote something, or a listing differs from the last one."""
        self._news += 1

    @property
    def news(self) -> int:
        """Return a number that rises with every change."""
        return self._news


class RemoteWatch:
    """Says when it is time to poll. It lists nothing itself: the caller's listing will show what changed."""

    def __init__(self, pace: NewsCounter, poll_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace, self._poll_s, self._clock = pace, poll_s, clock
        self._seen = pace.news
        self._every_s = poll_s / QUICKEST
        self._looked = clock()
        self._closed = threading.Event()

    def wait(self, timeout_s: float) -> bool:
        """Return True when the next poll is due, False after a shorter `timeout_s`."""
        self._adapt()
        left = self._looked + self._every_s - self._clock()
        if left > timeout_s:
            self._closed.wait(timeout_s)
            return self._closed.is_set()
        self._closed.wait(max(0.0, left))
        self._looked = self._clock()
        self._every_s = min(self._poll_s, self._every_s * SLOWER)
        return True

    def changed(self) -> None:
        """Return None: the names are unknown."""

    def close(self) -> None:
        """End a wait in progress."""
        self._closed.set()

    def _adapt(self) -> None:
        if self._pace.news != self._seen:
            self._seen = self._pace.news
            self._every_s = self._poll_s / QUICKEST
