"""Ways to know when looking again is worth while."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

log = logging.getLogger(__name__)
# Its emitter reports events that arrive while it is being stopped as errors; they are none.
logging.getLogger("watchdog.observers.inotify").setLevel(logging.CRITICAL)


class EventWatch:
    """Wakes within milliseconds of a change below `root`, on a disk of this machine."""

    def __init__(self, root: Path) -> None:
        self._changed = threading.Event()
        self._observer = Observer()
        self._observer.schedule(_Waker(self._changed), str(root), recursive=True)
        try:
            self._observer.start()
        except OSError as error:
            # Out of inotify watches: polling is slower and as right.
            log.warning("no file events on %s (%s): looking every poll instead", root, error)

    def wait(self, timeout_s: float) -> bool:
        """Return True as soon as something was created, changed or removed since the last call."""
        woken = self._changed.wait(timeout_s)
        self._changed.clear()
        return woken

    def close(self) -> None:
        """Stop the observer's threads."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join(10)


class _Waker(FileSystemEventHandler):
    """Reacts to what changes a folder; that somebody reads it is no news."""

    def __init__(self, changed: threading.Event) -> None:
        self._changed = changed

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in ("created", "modified", "moved", "deleted", "closed") and not (
            event.is_directory and event.event_type == "modified"
        ):
            self._changed.set()


class PollWatch:
    """Knows nothing but the time: every wait is a full poll."""

    def __init__(self) -> None:
        self._never = threading.Event()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the whole poll, then say that looking is worth while."""
        self._never.wait(timeout_s)
        return True

    def close(self) -> None:
        """End a wait that is under way."""
        self._never.set()
