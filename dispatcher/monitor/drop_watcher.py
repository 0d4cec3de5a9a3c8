"""The drops of this machine, kept open, and what was observed of their workers.

One look shows the files only. Whether a worker is alive or silent is known by watching for a while (FORMAT.md R7), so
whoever looks repeatedly keeps one `DropWatcher`.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

from dispatcher.config import Settings
from dispatcher.drops.session import DropSession, is_private_run
from dispatcher.drops.setup import find as find_drop
from dispatcher.drops.worker_registry import WorkerRegistry
from dispatcher.runs.record import OPEN
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from protocol.drop import Drop
from protocol.errors import GpudropError
from protocol.observation import JobReader
from protocol.signing import ANONYMOUS, Identity
from protocol.transports import read_address

ANSWER_S = 20.0
"""How long a drop may take to answer before it is reported as not answering."""

DROPS = 8
"""How many drops are looked at: those used last, and in addition all that have an open run."""

MANY = 10_000
T = TypeVar("T")


@dataclass(kw_only=True)
class WatchedDrop:
    """One drop: open, or with the problem that keeps it from being opened."""

    address: str
    drop_id: str = ""
    drop: Drop | None = None
    session: DropSession | None = None  # set with `drop`
    workforce: WorkerRegistry | None = None
    identity: Identity = ANONYMOUS
    problem: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    look: DropLook | None = None  # the latest


class DropLook(threading.Thread):
    """One look at a drop, in a thread. One that hangs is not interrupted; the next caller waits for it as well."""

    def __init__(self, do: Callable[[], None]) -> None:
        super().__init__(target=do, name="look at a drop", daemon=True)
        self._until = time.monotonic() + ANSWER_S
        self.start()

    def is_late(self) -> bool:
        """Wait until it ends, for ANSWER_S at most; return whether it takes longer."""
        self.join(max(0.0, self._until - time.monotonic()))
        return self.is_alive()


class DropWatcher:
    """Keeps the drops of this machine open and watches their workers. Thread-safe."""

    def __init__(self, settings: Settings, store: RunStore, only: Sequence[str] = ()) -> None:
        self.settings, self.store = settings, store
        self._only = only
        self.places: dict[str, WatchedDrop] = {}
        self.readers: dict[tuple[str, str], JobReader] = {}  # (address, job) → what was read of it
        self.since: dict[
            tuple[str, str, str], tuple[float, int]
        ] = {}  # (what, address, job) → first look, number of looks
        self.foreign: set[tuple[str, str]] = set()  # (address, job) that are not of this database
        self._beginning = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every drop."""
        for watched in self.places.values():
            if watched.drop is not None:
                watched.drop.close()
        self.places.clear()

    def look(self) -> list[WatchedDrop]:
        """Look at the workers of all drops at the same time; one that does not answer in time gets a `problem`."""
        places = [self.places.setdefault(it, WatchedDrop(address=it)) for it in self.addresses()]
        for watched, look in [(watched, self._begun(watched)) for watched in places]:
            if look.is_late():
                watched.problem = f"the drop {watched.address} did not answer within {ANSWER_S:.0f} s"
        return places

    def _begun(self, watched: WatchedDrop) -> DropLook:
        """Return the look at a drop that is running, or a new one."""
        with self._beginning:
            if watched.look is None or not watched.look.is_alive():
                watched.look = DropLook(lambda: self._look(watched))
            return watched.look

    def addresses(self) -> list[str]:
        """Return the drops that were used by runs, and the default ones of this machine where they exist."""
        if self._only:
            return list(self._only)
        busy = {run.drop for run in self.store.search.find(Query(statuses=sorted(OPEN)), limit=MANY)}
        drops = self.store.search.drops()
        used = [address for address, drop_id in drops if address in busy or not self._is_removed(address, drop_id)]
        here = self.settings
        usual = [find_drop(None, here.drop, here.home), here.private_drop]
        there = [str(it) for it in usual if isinstance(it, str) or (it is not None and it.is_dir())]
        return list(dict.fromkeys([*used[:DROPS], *(it for it in used if it in busy), *there]))

    def _is_removed(self, address: str, drop_id: str) -> bool:
        """Return whether a drop was the private one of a command that has ended: it is removed with the command."""
        if not Path(address).is_absolute() or Path(address).exists():
            return False
        newest = self.store.search.find(Query(drop_id=drop_id), limit=1)
        return all(is_private_run(run) for run in newest)

    def _look(self, watched: WatchedDrop) -> None:
        with watched.lock:
            try:
                self._open(watched)
                assert watched.workforce is not None  # it is open
                watched.workforce.look(time.monotonic())
                watched.problem = ""
            except GpudropError as error:
                watched.problem = str(error)

    def _open(self, watched: WatchedDrop) -> None:
        if watched.drop is not None:
            return
        watched.session = session = DropSession.open_known(watched.address, self.settings, self.store)
        watched.drop_id, watched.identity = session.drop_id, session.identity
        watched.workforce = WorkerRegistry(session)
        watched.drop = session.drop


@contextlib.contextmanager
def watching(settings: Settings, store: RunStore, watcher: DropWatcher | None = None) -> Iterator[DropWatcher]:
    """Return the given watcher, or a new one for the length of a block."""
    if watcher is not None:
        yield watcher
        return
    with DropWatcher(settings, store) as new:
        yield new


def address_of(drop: str | Path) -> str:
    """Return a drop's address as it is stored with runs."""
    return str(read_address(str(drop)))
