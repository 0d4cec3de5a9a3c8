"""How often to look at a remote: soon after something happened, less and less often while nothing does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

QUICKEST = 4
"""After news the first look comes this many times sooner than the drop's own poll."""

SLOWER = 1.6
"""Each look without news makes the next one this many times later, up to the drop's own poll."""


class NewsCounter:
    """What one drop knows of its own looks and writes: whether there was news since somebody last asked."""

    def __init__(self) -> None:
        self._news = 0

    def tell(self) -> None:
        """Say that something changed: this side wrote, or a listing is not what it was."""
        self._news += 1

    @property
    def news(self) -> int:
        """Return a number that rises with every change."""
        return self._news


class RemoteWatch:
    """Says when it is time to look. It lists nothing itself: the caller's look is the one that tells."""

    def __init__(self, pace: NewsCounter, poll_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace, self._poll_s, self._clock = pace, poll_s, clock
        self._seen = pace.news
        self._every_s = poll_s / QUICKEST
        self._looked = clock()
        self._closed = threading.Event()

    def wait(self, timeout_s: float) -> bool:
        """Return True when the next look is due, False after a shorter `timeout_s`."""
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
        """Know nothing of names."""

    def close(self) -> None:
        """End a wait that is under way."""
        self._closed.set()

    def _adapt(self) -> None:
        if self._pace.news != self._seen:
            self._seen = self._pace.news
            self._every_s = self._poll_s / QUICKEST
