"""The monitor: attends to every run of this machine that no other process attends to, until nothing is left to do."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path

from dispatcher.config import Settings
from dispatcher.connection import Connection, connect
from dispatcher.drops.session import is_private_run
from dispatcher.jobs.handle import Handle
from dispatcher.jobs.job import Progress
from dispatcher.monitor.patience import Patience
from dispatcher.operations.settling import hold_up, settle
from dispatcher.runs.leases import Holder
from dispatcher.runs.record import Run, short
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
        self._holder = Holder.here(settings.machine)
        self._patience = Patience(store, self._holder, host)
        self._ways: dict[str, _Way] = {}

    def step(self) -> list[News]:
        """Look once at every run that there is something to do for, and do it; return what is new, oldest run first.

        Whatever goes wrong with a run or its drop is news, not an error: it is remembered with the run, which is tried
        again later and later, and keeps no other run from being looked at.
        """
        runs = self._store.search.unsettled(self._settings.machine)
        self._patience.only([run.id for run in runs])
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
        with contextlib.ExitStack() as each:  # one that fails keeps no other from being let go
            each.callback(self._patience.close)
            for way in self._ways.values():
                each.callback(way.close)

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attend(self, run: Run) -> News | None:
        try:
            if self._is_held_elsewhere(run) or not self._patience.is_due(run.id):
                return None
            return self._look_at(run)
        except GpudropError as error:
            return self._in_trouble(run, str(error))
        except Exception as error:
            log.debug("run %s", run.id, exc_info=True)
            return self._in_trouble(run, _unforeseen(run, error))

    def _look_at(self, run: Run) -> News | None:
        way = self._ways.get(run.drop)
        if way is None:
            way = self._ways[run.drop] = _Way(self._settings, run, self._host)
        connection = way.open()
        if connection is None:
            return None
        news = way.attend(connection, run) or self._settle(connection, run.id)
        if news is not None and news.trouble:
            self._patience.failed(run.id)
        elif news is not None:
            self._patience.went_well(run.id)
        return news

    def _settle(self, connection: Connection, run_id: str) -> News | None:
        """Do what follows from the end of a run, if it is our turn."""
        if not self._patience.turn(run_id).has_turn():
            return None
        left = settle(connection, connection.client.store.get(run_id))
        if not left:
            self._patience.went_well(run_id)  # at once: what follows is about the drop
        connection.clean()
        return News(run=connection.client.store.get(run_id), trouble=left)

    def _in_trouble(self, run: Run, text: str) -> News:
        """Take note of what is wrong with a run, where people look for it; it is begun with afresh, after a while."""
        self._patience.failed(run.id, keep=not run.is_open)
        if way := self._ways.get(run.drop):
            way.forget(run.id)
        try:
            hold_up(self._store, run, text, at=self._host.wall())
        except GpudropError as error:  # it was removed meanwhile, or the database is away
            log.warning("it is not remembered of run %s that %s: %s", run.id, text, error)
        return News(run=run, trouble=text)

    def _is_held_elsewhere(self, run: Run) -> bool:
        """Say whether somebody else acts for a run, without opening its drop for that."""
        if run.monitor is None or run.monitor_until is None or run.monitor in self._own_names(run):
            return False
        return run.monitor_until > self._host.wall() and not self._holder.has_outlived(run.monitor)

    def _own_names(self, run: Run) -> list[str]:
        way = self._ways.get(run.drop)
        of_client = [str(way.connection.client.holder)] if way is not None and way.connection is not None else []
        return [str(self._holder), *of_client]


def _unforeseen(run: Run, error: Exception) -> str:
    """Return what to say of an error that nobody has foreseen."""
    return (
        f"run {run.id} cannot be attended to: {type(error).__name__}: {' '.join(str(error).split())[:500]}. "
        f"gpudrop retries it; `gpudrop runs bundle {short(run.id)}` makes an archive for a bug report"
    )


class _Way:
    """The way to one drop, open as long as there is something to do on it."""

    def __init__(self, settings: Settings, run: Run, host: Host) -> None:
        self._settings, self._host = settings, host
        self._drop = run.drop
        self._is_local = is_private_run(run)
        self.connection: Connection | None = None
        self._stack = contextlib.ExitStack()
        self._handles: dict[str, Handle] = {}
        self._busy_at = host.monotonic()
        self._failed_at: float | None = None

    def open(self) -> Connection | None:
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
        return connect("local", settings=self._settings, private=Path(self._drop))

    def attend(self, connection: Connection, run: Run) -> News | None:
        """Look at one run, if it is our turn, and do what is to be done; None for one that has ended."""
        self._busy_at = self._host.monotonic()
        connection.keep()
        if not run.is_open:
            return None
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
        return None

    def forget(self, run_id: str) -> None:
        """Look at a run as if for the first time when it is its turn again."""
        self._handles.pop(run_id, None)

    def rest(self, now: float) -> None:
        """Close a way that nothing was to do on for a while; what goes wrong with that is nobody's business by now."""
        if self.connection is not None and now - self._busy_at > LINGER_S:
            try:
                self.close()
            except Exception as error:
                log.warning("the drop %s was not closed as it should: %s", self._drop, error)

    def close(self) -> None:
        """Leave its runs to others, and let the drop go."""
        handles, self._handles, self.connection = [*self._handles.values()], {}, None
        with self._stack:
            for handle in handles:
                handle.leave()
