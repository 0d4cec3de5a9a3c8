"""The monitor: attends to every run of this machine that no other process attends to, until nothing is left to do."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path

from dispatcher.attendance import Attendance
from dispatcher.config import Settings
from dispatcher.connection import Connection, Private, connect
from dispatcher.handle import Handle
from dispatcher.jobs import Progress
from dispatcher.operations.settling import settle
from dispatcher.runs.leases import Holder
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol.errors import GpudropError, JobError
from protocol.transports.host import SYSTEM, Host

LINGER_S = 60.0
"""So long a worker of this machine is kept after its last run: the next command may follow."""

AGAIN_S = 30.0
"""How long after a drop could not be opened it is tried again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class News:
    """What a look at a run brought: how it stands, or that it has ended and is settled."""

    run: Run
    progress: Progress | None = None
    trouble: str = ""


class Monitor:
    """Looks at all unsettled runs of this machine, one step a call; several monitors share them by leases."""

    def __init__(self, settings: Settings, store: RunStore, *, host: Host = SYSTEM) -> None:
        self._settings, self._store, self._host = settings, store, host
        self._ways: dict[str, _Way] = {}

    def step(self) -> list[News]:
        """Look once at every run that there is something to do for, and do it; return what is new, oldest run first.

        A drop that cannot be reached is news, not an error, and keeps no other from being looked at.
        """
        runs = self._store.search.unsettled(self._settings.machine)
        news = [each for run in runs if (each := self._attend(run)) is not None]
        for way in self._ways.values():
            way.rest(self._host.monotonic())
        return news

    def wait(self, timeout_s: float) -> None:
        """Wait for news from a drop, or for a command that adds a run; at most this long."""
        open_ways = [way for way in self._ways.values() if way.connection is not None]
        if len(open_ways) == 1 and open_ways[0].connection is not None:
            open_ways[0].connection.client.wait_for_news(timeout_s)
        else:
            self._host.sleep(timeout_s)

    def now(self) -> float:
        """Return this machine's monotonic clock."""
        return self._host.monotonic()

    @property
    def pace_s(self) -> float:
        """How long to wait between two steps: as the fastest of its drops wants it."""
        paces = [way.connection.client.poll_s for way in self._ways.values() if way.connection is not None]
        return min(paces, default=1.0)

    def close(self) -> None:
        """Let every drop go; workers that were started here end. Runs that are under way stay so."""
        for way in self._ways.values():
            way.close()

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attend(self, run: Run) -> News | None:
        way = self._ways.setdefault(run.drop, _Way(self._settings, run, self._host))
        if _is_held_elsewhere(run, way, self._host):
            return None
        try:
            connection = way.open(run)
            return None if connection is None else way.attend(connection, run)
        except GpudropError as error:
            return News(run=run, trouble=str(error))


def _is_held_elsewhere(run: Run, way: _Way, host: Host) -> bool:
    """Say whether somebody else acts for a run, without opening its drop for that."""
    mine = way.connection is not None and run.monitor == str(way.connection.client.holder)
    if run.monitor is None or run.monitor_until is None or mine:
        return False
    return run.monitor_until > host.wall() and not way.holder_here.has_outlived(run.monitor)


class _Way:
    """The way to one drop, open as long as there is something to do on it."""

    def __init__(self, settings: Settings, run: Run, host: Host) -> None:
        self._settings, self._host = settings, host
        self._drop = run.drop
        self._is_local = run.execution_config.get("backend") == "local"
        self.holder_here = Holder.here(settings.machine)
        self.connection: Connection | None = None
        self._stack = contextlib.ExitStack()
        self._handles: dict[str, Handle] = {}
        self._busy_at = host.monotonic()
        self._failed_at: float | None = None

    def open(self, run: Run) -> Connection | None:
        """Return the open way; None where it could not be opened a moment ago."""
        now = self._host.monotonic()
        if self.connection is None:
            if self._failed_at is not None and now - self._failed_at < AGAIN_S:
                return None
            try:
                self.connection = self._stack.enter_context(self._connect())
            except GpudropError:
                self._failed_at = now
                raise
        return self.connection

    def _connect(self) -> contextlib.AbstractContextManager[Connection]:
        if not self._is_local:
            return connect("colab", self._drop, settings=self._settings)
        drop = Path(self._drop)
        usual = drop == self._settings.private_drop
        private = Private(drop=drop, log=self._settings.private_log if usual else drop.parent / "worker.log")
        return connect("local", settings=self._settings, private=private)

    def attend(self, connection: Connection, run: Run) -> News | None:
        """Look at one run, if it is our turn, and do what is to be done."""
        self._busy_at = self._host.monotonic()
        connection.keep()
        if not run.is_open:
            return self._settle(connection, run)
        handle = self._handles.get(run.id)
        if handle is None:
            handle = self._handles[run.id] = connection.client.resume(run)
        if run.deadline_at is not None and self._host.wall() > run.deadline_at:
            handle.cancel(f"it was not done within {run.deadline_at - run.created_at:.0f} s")
        try:
            progress = handle.look(self._host.wall() - run.created_at)
        except JobError:
            progress = None  # the database says how it ended
        current = connection.client.store.get(run.id)
        if current.is_open:
            return News(run=current, progress=progress)
        self._handles.pop(run.id).leave()
        return self._settle(connection, current)

    def _settle(self, connection: Connection, run: Run) -> News | None:
        turn = Attendance(connection.client.store, run.id, connection.client.holder, self._host)
        if not turn.has_turn():
            return None
        try:
            settle(connection, connection.client.store.get(run.id))
        finally:
            turn.end()
        if connection.backend == "local":
            connection.client.clean(older_than_s=0)  # nobody else looks at a private drop
        return News(run=connection.client.store.get(run.id))

    def rest(self, now: float) -> None:
        """Close a way that nothing was to do on for a while."""
        if self.connection is not None and now - self._busy_at > LINGER_S:
            self.close()

    def close(self) -> None:
        """Leave its runs to others, and let the drop go."""
        for handle in self._handles.values():
            handle.leave()
        self._handles.clear()
        self.connection = None
        self._stack.close()
