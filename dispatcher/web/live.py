"""What changed, told to every open page: one thread looks at the database for all, and only while there are any.

A page is told what a run looks like now, not what was done to it; who missed something asks for the page again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from dispatcher.runs import with_tours
from dispatcher.runs.record import OPEN, Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from dispatcher.web.views import live_fields
from protocol.errors import GpudropError, NotFoundError

log = logging.getLogger(__name__)

LOOK_S = 0.7
"""How often the database is looked at while somebody listens."""

OVERLAP_S = 30.0
"""A run is written a little after the time it bears: new ones are looked for from so long before the last look."""

MOST = 500
"""Of the open runs, so many of the newest are followed."""

WAITING = 20
"""A page that is so many messages behind is told to ask for all again."""

_OPEN = Query(statuses=tuple(sorted(OPEN)))

Message = Mapping[str, Any]
_Box = asyncio.Queue[Message | None]


class Watcher:
    """Finds what changed between two looks."""

    def __init__(self, store: RunStore, now: float) -> None:
        self._store, self._since = store, now
        self._seen: dict[str, Run] = {run.id: run for run in store.search.find(_OPEN, limit=MOST)}
        self._begun = now

    def look(self, now: float) -> tuple[list[Run], list[str]]:
        """Return the runs that are new or have changed since the last look, and the ids of those that are gone."""
        since = Query(since=max(self._begun, self._since - OVERLAP_S))
        found = {run.id: run for run in self._store.search.find(_OPEN, limit=MOST)}
        found |= {run.id: run for run in self._store.search.find(since, limit=MOST)}
        gone = []
        for run_id in self._seen.keys() - found.keys():
            if self._seen[run_id].is_open:
                try:
                    found[run_id] = self._store.get(run_id)
                except NotFoundError:
                    gone.append(run_id)
        changed = [run for run in found.values() if self._seen.get(run.id) != run]
        self._seen, self._since = found, now
        return changed, gone


class Live:
    """The listeners of one server, and the thread that looks for them."""

    def __init__(self, store: RunStore, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock
        self._boxes: set[_Box] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wanted, self._closed = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, on the server's event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._look, name="dashboard-live", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End every stream, and the thread; may be called more than once."""
        self._closed.set()
        self._wanted.set()
        self._tell(None)

    def join(self) -> None:
        """Wait until the thread has ended."""
        if self._thread is not None:
            self._thread.join(10)

    @property
    def listeners(self) -> int:
        """Return how many pages listen."""
        return len(self._boxes)

    async def listen(self) -> AsyncIterator[Message]:
        """Yield messages until the server ends or the page is gone."""
        box: _Box = asyncio.Queue()
        self._boxes.add(box)
        self._wanted.set()
        try:
            if self._closed.is_set():
                return
            while (message := await box.get()) is not None:
                yield message
        finally:
            self._boxes.discard(box)
            if not self._boxes and not self._closed.is_set():
                self._wanted.clear()

    def _look(self) -> None:
        while not self._closed.is_set():
            self._wanted.wait()
            try:
                self._follow()
            except GpudropError as error:  # a locked or lost database; the pages say so themselves
                log.warning("the live view waits: %s", error)
                self._closed.wait(5 * LOOK_S)

    def _follow(self) -> None:
        """Look again and again until nobody listens."""
        watcher = Watcher(self._store, self._clock())
        told_counts = with_tours.recent_counts(self._store, self._clock())
        while self._wanted.is_set() and not self._closed.wait(LOOK_S):
            now = self._clock()
            changed, gone = watcher.look(now)
            counts = with_tours.recent_counts(self._store, now)  # tours change too, and runs grow old
            if changed or gone or counts != told_counts:
                told_counts = counts
                self._tell({"runs": [live_fields(run, now) for run in changed], "gone": gone, "counts": counts})

    def _tell(self, message: Message | None) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._put, message)

    def _put(self, message: Message | None) -> None:
        for box in self._boxes:
            is_behind = message is not None and box.qsize() >= WAITING
            while is_behind and not box.empty():
                box.get_nowait()
            box.put_nowait({"again": True} if is_behind else message)
