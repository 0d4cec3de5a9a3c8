"""The monitor: follows every run of this machine that no other process follows, until nothing is left to do."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from dispatcher.config import Settings
from dispatcher.connection import Connection, connect
from dispatcher.drops.session import is_private_run
from dispatcher.jobs.handle import Handle
from dispatcher.jobs.job import Progress
from dispatcher.operations.batch import late_text
from dispatcher.operations.settling import hold_up, settle
from dispatcher.runs.leases import Holder
from dispatcher.runs.record import Run, short
from dispatcher.runs.run_lease import RunLease
from dispatcher.runs.store import RunStore
from protocol.errors import GpudropError, JobError
from protocol.transports.host import SYSTEM, Host

LINGER_S = 60.0
"""How long a worker of this machine is kept after its last run: the next command may follow soon."""

AGAIN_S = 30.0
"""How long to wait before a drop that could not be opened is tried again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunUpdate:
    """What is new of a run: its progress, its end, or the trouble with it."""

    run: Run
    progress: Progress | None = None
    trouble: str = ""


FIRST_RETRY_S, LAST_RETRY_S = 1.0, 600.0
"""How long to wait after the first failure, and at most: each wait is twice as long as the one before it."""


@dataclass
class _Failure:
    wait_s: float
    retry_at: float


class RetrySchedule:
    """When a monitor retries the runs that failed it, and its leases on runs that have ended.

    A lease is kept between two tries, so that others know that a process takes care of the run.
    """

    def __init__(self, store: RunStore, holder: Holder, host: Host, first_s: float) -> None:
        self._store, self._holder, self._host, self._first_s = store, holder, host, first_s
        self._failures: dict[str, _Failure] = {}
        self._leases: dict[str, RunLease] = {}

    def is_due(self, run_id: str) -> bool:
        """Return whether it is time for a run; until then its lease is kept."""
        failure = self._failures.get(run_id)
        if failure is None or self._host.monotonic() >= failure.retry_at:
            return True
        if run_id in self._leases:
            self._leases[run_id].has_turn()
        return False

    def lease(self, run_id: str) -> RunLease:
        """Return the lease on a run that has ended."""
        if run_id not in self._leases:
            self._leases[run_id] = RunLease(self._store, run_id, self._holder, self._host)
        return self._leases[run_id]

    def failed(self, run_id: str, *, keep: bool = False) -> None:
        """Record a failure; with `keep` the lease on the run is kept until the next try."""
        if keep:
            self.lease(run_id)
        before = self._failures.get(run_id)
        wait_s = min(LAST_RETRY_S, 2 * before.wait_s) if before else self._first_s
        self._failures[run_id] = _Failure(wait_s, self._host.monotonic() + wait_s)

    def succeeded(self, run_id: str) -> None:
        """Forget the failures of a run, and release its lease."""
        self._failures.pop(run_id, None)
        if lease := self._leases.pop(run_id, None):
            lease.end()

    def keep_only(self, run_ids: Collection[str]) -> None:
        """Forget the runs that are not among these: others have settled or removed them."""
        for gone in self._failures.keys() - set(run_ids):
            del self._failures[gone]
            self._leases.pop(gone, None)

    def close(self) -> None:
        """Release all leases."""
        for run_id in [*self._leases]:
            self.succeeded(run_id)


class Monitor:
    """Follows all unsettled runs of this machine, one step per call; several monitors share them by leases."""

    def __init__(
        self, settings: Settings, store: RunStore, *, host: Host = SYSTEM, first_retry_s: float = FIRST_RETRY_S
    ) -> None:
        self._settings, self._store, self._host = settings, store, host
        self._holder = Holder.here(settings.machine)
        self._retries = RetrySchedule(store, self._holder, host, first_retry_s)
        self._drops: dict[str, _MonitoredDrop] = {}

    def step(self) -> list[RunUpdate]:
        """Look once at every unsettled run and do what is due; return what is new, oldest run first.

        Trouble with a run or its drop is returned, not raised. It is recorded with the run, which is retried at growing
        intervals, and does not affect other runs.
        """
        runs = self._store.search.unsettled(self._settings.machine)
        self._retries.keep_only([run.id for run in runs])
        news = [each for run in runs if (each := self._attend(run)) is not None]
        for drop in self._drops.values():
            drop.close_if_idle(self._host.monotonic())
        return news

    def wait(self, timeout_s: float) -> None:
        """Wait for a change in the drop, or for a command that adds a run; at most this long."""
        connections = [drop.connection for drop in self._drops.values() if drop.connection is not None]
        if len(connections) == 1:
            connections[0].client.wait_for_news(timeout_s)
        else:
            self._host.sleep(timeout_s)

    def now(self) -> float:
        """Return this machine's monotonic clock."""
        return self._host.monotonic()

    @property
    def pace_s(self) -> float:
        """How long to wait between two steps: the shortest interval of its drops."""
        paces = [drop.connection.client.poll_s for drop in self._drops.values() if drop.connection is not None]
        return min(paces, default=1.0)

    def close(self) -> None:
        """Close every drop, and end the workers that were started here. Open runs stay open."""
        with contextlib.ExitStack() as each:  # a failure of one does not keep the others open
            each.callback(self._retries.close)
            for drop in self._drops.values():
                each.callback(drop.close)

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attend(self, run: Run) -> RunUpdate | None:
        try:
            if self._is_held_elsewhere(run) or not self._retries.is_due(run.id):
                return None
            return self._look_at(run)
        except GpudropError as error:
            return self._in_trouble(run, str(error))
        except Exception as error:
            log.debug("run %s", run.id, exc_info=True)
            return self._in_trouble(run, _unforeseen(run, error))

    def _look_at(self, run: Run) -> RunUpdate | None:
        drop = self._drops.get(run.drop)
        if drop is None:
            drop = self._drops[run.drop] = _MonitoredDrop(self._settings, run, self._host)
        connection = drop.open()
        if connection is None:
            return None
        news = drop.attend(connection, run) or self._settle(connection, run.id)
        if news is not None and news.trouble:
            self._retries.failed(run.id)
        elif news is not None:
            self._retries.succeeded(run.id)
        return news

    def _settle(self, connection: Connection, run_id: str) -> RunUpdate | None:
        """Do the follow-ups of a run that has ended, if we have its lease."""
        if not self._retries.lease(run_id).has_turn():
            return None
        left = settle(connection, connection.client.store.get(run_id))
        if not left:
            self._retries.succeeded(run_id)  # before the drop is cleaned: that may fail
        connection.clean()
        return RunUpdate(run=connection.client.store.get(run_id), trouble=left)

    def _in_trouble(self, run: Run, text: str) -> RunUpdate:
        """Record the trouble in the run's history; it is retried from the beginning later."""
        self._retries.failed(run.id, keep=not run.is_open)
        if drop := self._drops.get(run.drop):
            drop.forget(run.id)
        try:
            hold_up(self._store, run, text, at=self._host.wall())
        except GpudropError as error:  # it was removed meanwhile, or the database does not answer
            log.warning("could not record on run %s: %s (%s)", run.id, text, error)
        return RunUpdate(run=run, trouble=text)

    def _is_held_elsewhere(self, run: Run) -> bool:
        """Return whether another process has the lease on a run, without opening its drop."""
        if run.monitor is None or run.monitor_until is None or run.monitor in self._own_names(run):
            return False
        return run.monitor_until > self._host.wall() and not self._holder.has_outlived(run.monitor)

    def _own_names(self, run: Run) -> list[str]:
        drop = self._drops.get(run.drop)
        of_client = [str(drop.connection.client.holder)] if drop is not None and drop.connection is not None else []
        return [str(self._holder), *of_client]


def _unforeseen(run: Run, error: Exception) -> str:
    """Return the message for an unexpected error."""
    return (
        f"run {run.id} cannot be followed: {type(error).__name__}: {' '.join(str(error).split())[:500]}. "
        f"gpudrop retries it; `gpudrop runs bundle {short(run.id)}` makes an archive for a bug report"
    )


class _MonitoredDrop:
    """One drop of the monitor, open as long as there is something to do on it."""

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
        """Return the open connection; None where opening it has just failed."""
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

    def attend(self, connection: Connection, run: Run) -> RunUpdate | None:
        """Look at one run, if we have its lease, and do what is due; None for one that has ended."""
        self._busy_at = self._host.monotonic()
        connection.keep()
        if not run.is_open:
            return None
        handle = self._handles.get(run.id)
        if handle is None:
            handle = self._handles[run.id] = connection.client.resume(run)
        if run.deadline_at is not None and self._host.wall() > run.deadline_at:
            handle.cancel(late_text(run.deadline_at - run.created_at))
        try:
            progress = handle.look(self._host.wall() - run.created_at)
        except JobError:
            progress = None  # the database knows how it ended
        current = connection.client.store.get(run.id)
        if current.is_open:
            return RunUpdate(run=current, progress=progress)
        self._handles.pop(run.id).leave()
        return None

    def forget(self, run_id: str) -> None:
        """Start over with a run when it is retried."""
        self._handles.pop(run_id, None)

    def close_if_idle(self, now: float) -> None:
        """Close a drop that had nothing to do for a while; an error in that is only logged."""
        if self.connection is not None and now - self._busy_at > LINGER_S:
            try:
                self.close()
            except Exception as error:
                log.warning("error while closing the drop %s: %s", self._drop, error)

    def close(self) -> None:
        """Release the leases on its runs, and close the drop."""
        handles, self._handles, self.connection = [*self._handles.values()], {}, None
        with self._stack:
            for handle in handles:
                handle.leave()
