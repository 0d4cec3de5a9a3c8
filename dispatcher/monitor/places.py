"""The open drops of this machine and their workers: keep one `DropWatcher` to see changes, not only what is there now.

One look can only tell what lies there; that a worker lives, or is silent, is known by watching (FORMAT.md R7).
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
from dispatcher.drops.session import DropSession
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
"""How long a drop may take to answer before the others are told of without it."""

DROPS = 8
"""So many drops are looked at, those used last, and besides them all that have an open run."""

MANY = 10_000
T = TypeVar("T")


@dataclass(kw_only=True)
class Place:
    """One drop: open, or with what is wrong with it."""

    address: str
    drop_id: str = ""
    drop: Drop | None = None
    workforce: WorkerRegistry | None = None
    identity: Identity = ANONYMOUS
    session: DropSession | None = None  # set with `drop`
    problem: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    look: Look | None = None  # the one that was begun last


class Look(threading.Thread):
    """One look at a place. One that hangs is never ended: who looks next waits for it and does not begin another."""

    def __init__(self, do: Callable[[], None]) -> None:
        super().__init__(target=do, name="look at a drop", daemon=True)
        self._until = time.monotonic() + ANSWER_S
        self.start()

    def is_late(self) -> bool:
        """Wait for its end as long as a drop may take to answer; say whether it takes longer."""
        self.join(max(0.0, self._until - time.monotonic()))
        return self.is_alive()


class DropWatcher:
    """Keeps the drops of this machine open and watches their workers. Safe for several threads."""

    def __init__(self, settings: Settings, store: RunStore, only: Sequence[str] = ()) -> None:
        self.settings, self.store = settings, store
        self._only = only
        self.places: dict[str, Place] = {}
        self.readers: dict[tuple[str, str], JobReader] = {}  # (address, job) → what was read of it
        self.since: dict[tuple[str, str, str], tuple[float, int]] = {}  # (what, address, job) → first look, how many
        self.foreign: set[tuple[str, str]] = set()  # (address, job) that are nobody's here
        self._beginning = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let every drop go."""
        for place in self.places.values():
            if place.drop is not None:
                place.drop.close()
        self.places.clear()

    def look(self) -> list[Place]:
        """Look at the workers of every drop, at all drops at once; one that does not answer in time says so."""
        places = [self.places.setdefault(it, Place(address=it)) for it in self.addresses()]
        for place, look in [(place, self._begun(place)) for place in places]:
            if look.is_late():
                place.problem = f"the drop {place.address} did not answer within {ANSWER_S:.0f} s"
        return places

    def _begun(self, place: Place) -> Look:
        """Return the look at a place that is under way, or a new one."""
        with self._beginning:
            if place.look is None or not place.look.is_alive():
                place.look = Look(lambda: self._look(place))
            return place.look

    def addresses(self) -> list[str]:
        """Return the drops that runs went to, and the usual ones of this machine where they exist."""
        if self._only:
            return list(self._only)
        used = [address for address, _ in self.store.search.drops()]
        busy = {run.drop for run in self.store.search.find(Query(statuses=sorted(OPEN)), limit=MANY)}
        here = self.settings
        usual = [find_drop(None, here.drop, here.home), here.private_drop]
        there = [str(it) for it in usual if isinstance(it, str) or (it is not None and it.is_dir())]
        return list(dict.fromkeys([*used[:DROPS], *(it for it in used if it in busy), *there]))

    def _look(self, place: Place) -> None:
        with place.lock:
            try:
                self._open(place)
                assert place.workforce is not None  # an open place has one
                place.workforce.look(time.monotonic())
                place.problem = ""
            except GpudropError as error:
                place.problem = str(error)

    def _open(self, place: Place) -> None:
        if place.drop is not None:
            return
        place.session = session = DropSession.open_known(place.address, self.settings, self.store)
        place.drop_id, place.identity = session.drop_id, session.identity
        place.workforce = WorkerRegistry(session)
        place.drop = session.drop


@contextlib.contextmanager
def lookout(settings: Settings, store: RunStore, kept: DropWatcher | None = None) -> Iterator[DropWatcher]:
    """Return the lookout that is kept, or one for the length of a block."""
    if kept is not None:
        yield kept
        return
    with DropWatcher(settings, store) as made:
        yield made


def address_of(drop: str | Path) -> str:
    """Return a drop's address as runs remember it."""
    return str(read_address(str(drop)))
