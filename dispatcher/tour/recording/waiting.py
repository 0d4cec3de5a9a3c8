"""Says which action is being waited for, when one takes much longer than it was told to take."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

OnWait = Callable[[str, float], None]

FIRST_S, EVERY_S = 5.0, 30.0
"""A wait is reported after so many seconds, and then again at this interval."""


class Waiting:
    """Reports a long wait by `on_wait(place, seconds)`. Something must call `look` every few seconds."""

    def __init__(self, on_wait: OnWait | None) -> None:
        self._on_wait = on_wait
        self._place = ""
        self._began = self._next = 0.0

    @contextlib.contextmanager
    def at(self, place: str, known_s: float = 0.0) -> Iterator[None]:
        """Watch a block that takes `known_s` seconds anyway; only what it takes beyond that is a wait."""
        self._place, self._began = place, time.monotonic()
        self._next = self._began + known_s + FIRST_S
        try:
            yield
        finally:
            self._place = ""

    def look(self) -> None:
        """Report the wait, if it is time to."""
        now = time.monotonic()
        if self._on_wait is not None and self._place and now >= self._next:
            self._next = now + EVERY_S
            self._on_wait(self._place, now - self._began)
