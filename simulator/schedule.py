"""Running one seed: its databases, its scratch folder, its checks."""

from __future__ import annotations

import logging
import shutil
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dispatcher.runs.leases import Holder, MonitorLeases
from dispatcher.runs.memory import MemoryRunStore
from dispatcher.runs.record import Status
from simulator.checkers import Violation, check
from simulator.scenario import Terms, draw
from simulator.world import Outcome, World


class WatchedStore(MemoryRunStore):
    """The production store, which records every successful commit."""

    outcome: Outcome

    def commit(self, run_id: str, status: Status, **more: Any) -> bool:
        """End a run, and record whether this call did it."""
        ended = super().commit(run_id, status, **more)
        if ended:
            self.outcome.commits.append((run_id, status))
        return ended


class ForEverybody(MonitorLeases):
    """Leases that every process gets: R6 makes that safe, and a lease only saves doing the work twice."""

    def take(self, run_id: str, holder: Holder, *, now: float, held_by: str | None = None) -> bool:
        """Grant the lease, whether or not another process has it."""
        return True

    def let_all_go(self, holder: Holder) -> None:
        """Do nothing."""

    def let_go(self, run_id: str, holder: Holder) -> None:
        """Do nothing."""


class ScheduleResources:
    """What schedules share: databases in memory, emptied for each, and a scratch folder in memory."""

    def __init__(self) -> None:
        self._stores: dict[int, WatchedStore] = {}
        self._memory = Path("/dev/shm")  # noqa: S108 - private folders are made in it

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Make a scratch folder, which also holds the temporary files of production code."""
        before = tempfile.tempdir
        folder = Path(tempfile.mkdtemp(prefix="gpudrop-simulate-", dir=self._memory if self._memory.is_dir() else None))
        tempfile.tempdir = str(folder)
        try:
            yield folder
        finally:
            tempfile.tempdir = before
            shutil.rmtree(folder, ignore_errors=True)

    def store(self, number: int, outcome: Outcome) -> WatchedStore:
        """Return the database of the n-th dispatcher, empty unless this schedule has asked for it before."""
        store = self._stores.get(number)
        if store is None:
            store = self._stores[number] = WatchedStore.make(f"{number:016x}")
            store.leases = ForEverybody(store.database)
        if getattr(store, "outcome", None) is not outcome:
            store.outcome = outcome
            store.clear()
        return store

    def close(self) -> None:
        """Close the databases."""
        for store in self._stores.values():
            store.close()


@dataclass(frozen=True)
class Ran:
    """One schedule, run and checked."""

    seed: int
    violations: list[Violation]
    outcome: Outcome


def run(stage: ScheduleResources, seed: int, terms: Terms) -> Ran:
    """Run a seed. An exception of production code is a violation, with its traceback."""
    scenario = draw(seed, terms)
    with stage.scratch() as scratch:
        world = World(scenario, stage.store, scratch)
        try:
            outcome = world.run()
        except Exception as error:  # an exception that escapes production code would have ended a program
            told = "".join(traceback.format_exception(error)[-6:])
            return Ran(seed, [Violation("crashed", f"{type(error).__name__}: {error}\n{told}")], world.outcome)
    return Ran(seed, check(outcome), outcome)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the programs' own logs: they would repeat the same lines for thousands of schedules."""
    loggers = [logging.getLogger(name) for name in ("colab", "dispatcher", "protocol")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
