"""Reporting an action that takes much longer than planned."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

OnWait = Callable[[str, float], None]

FIRST_S, EVERY_S = 5.0, 30.0
"""After how many seconds a wait is reported first, and at what interval then."""


class Waiting:
    """Reports a long wait by `on_wait(place, seconds)`; `check` must be called every few seconds."""

    def __init__(self, on_wait: OnWait | None) -> None:
        self._on_wait = on_wait
        self._place = ""
        self._began = self._next = 0.0

    @contextlib.contextmanager
    def at(self, place: str, planned_s: float = 0.0) -> Iterator[None]:
        """Watch a block that is planned to take `planned_s` seconds; only more than that is a wait."""
        self._place, self._began = place, time.monotonic()
        self._next = self._began + planned_s + FIRST_S
        try:
            yield
        finally:
            self._place = ""

    def check(self) -> None:
        """Report the wait if it is due."""
        now = time.monotonic()
        if self._on_wait is not None and self._place and now >= self._next:
            self._next = now + EVERY_S
            self._on_wait(self._place, now - self._began)
