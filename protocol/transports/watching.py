"""Ways to know when reading a folder again is worthwhile."""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from pathlib import Path

from watchdog import events
from watchdog.observers import Observer

from protocol.drop import Watch

log = logging.getLogger(__name__)
# Its emitter reports events that arrive while it is being stopped as errors; they are none.
logging.getLogger("watchdog.observers.inotify").setLevel(logging.CRITICAL)

# Events that change a folder. Opening, listing and reading are not news, and would wake every reader by its own reads.
# A rename counts when it is seen, but watchdog holds one of unknown target back for half a second: we never rename.
NEWS: list[type[events.FileSystemEvent]] = [
    events.FileCreatedEvent,
    events.FileDeletedEvent,
    events.FileMovedEvent,
    events.DirCreatedEvent,
    events.DirDeletedEvent,
    events.DirMovedEvent,
    # Linux tells when a writer is done; elsewhere every write is all there is to hear.
    events.FileClosedEvent if sys.platform == "linux" else events.FileModifiedEvent,
]


def watch_events(root: Path, poll_s: float) -> Watch:
    """Watch `root` by the system's events; where it has none left, by polling, and say so in the log."""
    try:
        return EventWatch(root)
    except OSError as error:
        log.warning("no file events on %s (%s): looking every %g s instead", root, error, poll_s)
        return PollWatch(poll_s)


class EventWatch:
    """Wakes within milliseconds of a change anywhere below `root`, on a disk of this machine."""

    def __init__(self, root: Path) -> None:
        self._waker = _Waker(root)
        self._changed = self._waker.changed
        # A folder made while the watch is being set up is watched twice; watchdog says so, and works.
        warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
        self._observer = Observer()
        self._observer.schedule(self._waker, str(root), recursive=True, event_filter=NEWS)
        self._observer.start()
        self._changed.set()

    def wait(self, timeout_s: float) -> bool:
        """Return True as soon as something was created, written or removed since the last call.

        The first call returns at once: to watch many folders takes a while to set up, and a caller that looked before
        that was told of nothing meanwhile.
        """
        woken = self._changed.wait(timeout_s)
        self._changed.clear()  # what changes from here on wakes the next call; the caller looks after this one
        return woken

    def changed(self) -> frozenset[str]:
        """Return the names in the root at or below which something was created, written or removed."""
        return self._waker.take()

    def close(self) -> None:
        """Stop the observer's threads."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join(10)
        self._changed.set()


class _Waker(events.FileSystemEventHandler):
    def __init__(self, root: Path) -> None:
        self.changed = threading.Event()
        self._above = len(str(root)) + 1
        self._lock, self._names = threading.Lock(), set[str]()

    def on_any_event(self, event: events.FileSystemEvent) -> None:
        with self._lock:
            for path in (event.src_path, event.dest_path):
                text = path if isinstance(path, str) else os.fsdecode(bytes(path))
                self._names.add(text[self._above :].replace(os.sep, "/").partition("/")[0])
        self.changed.set()

    def take(self) -> frozenset[str]:
        """Return the names that events reported since the last call."""
        with self._lock:
            names, self._names = frozenset(self._names - {""}), set()
        return names


class PollWatch:
    """Knows only the time: says that reading is worthwhile once per polling interval.

    It lists nothing itself: listing a remote folder is slow, and the caller does that anyway.
    """

    def __init__(self, poll_s: float) -> None:
        self._poll_s = poll_s
        self._closed = threading.Event()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the polling interval, or a shorter `timeout_s`; return True."""
        self._closed.wait(min(timeout_s, self._poll_s))
        return True

    def changed(self) -> None:
        """Return None: the names are unknown."""

    def close(self) -> None:
        """End a wait in progress."""
        self._closed.set()
