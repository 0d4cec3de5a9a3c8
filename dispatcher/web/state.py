"""What every page needs at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Protocol, cast

from fastapi import Depends, Request

from dispatcher.config import Settings
from dispatcher.drops.session import is_private_run
from dispatcher.runs.record import Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from dispatcher.web.live import Live
from dispatcher.web.sights import StatusPoller


class Acts(Protocol):
    """What people do to a run (`dispatcher.monitor.acts`)."""

    def cancel(self, store: RunStore, run_id: str, *, reason: str, now: float, settings: Settings) -> bool:
        """End an open run; say whether this call did it."""

    def retry(self, store: RunStore, run_id: str, *, now: float, settings: Settings) -> Run:
        """Return the run that tries again what failed."""

    def rerun(self, store: RunStore, run_id: str, *, now: float, settings: Settings) -> Run:
        """Return a new run with the same inputs."""


class DropNames:
    """What drops are called, by their ids; the database is asked only for what is not known yet.

    A tour that is spoken on this machine has a private drop of its own: all private drops of a machine share one name.
    """

    def __init__(self, store: RunStore, machine: str) -> None:
        self._store, self._machine = store, machine
        self._known: dict[str, str] = {}

    def named(self, drop_ids: Iterable[str]) -> Mapping[str, str]:
        """Return the address under which each drop was last used, or whose private drop it is."""
        for drop_id in set(drop_ids) - self._known.keys():
            if newest := self._store.search.find(Query(drop_id=drop_id), limit=1):
                self._known[drop_id] = self._name(newest[0])
        return self._known

    def _name(self, run: Run) -> str:
        if not is_private_run(run):
            return run.drop
        return f"{'this machine' if run.machine == self._machine else run.machine}, private drops"


@dataclass(frozen=True, kw_only=True)
class AppState:
    """The parts of one dashboard."""

    store: RunStore
    settings: Settings
    acts: Acts
    live: Live
    sights: StatusPoller
    drops: DropNames
    clock: Callable[[], float] = field(default=time.time)


def _current(request: Request) -> AppState:
    return cast(AppState, request.app.state.dashboard)


CurrentState = Annotated[AppState, Depends(_current)]
