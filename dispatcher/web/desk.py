"""What every page needs at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Protocol, cast

from fastapi import Depends, Request

from dispatcher.config import Settings
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from dispatcher.web.live import Live
from dispatcher.web.sights import Sights


class Acts(Protocol):
    """What people do to a run (`dispatcher.monitor.acts`)."""

    def cancel(self, store: RunStore, run_id: str, *, reason: str, now: float, settings: Settings) -> bool:
        """End an open run; say whether this call did it."""

    def retry(self, store: RunStore, run_id: str, *, now: float, settings: Settings) -> Run:
        """Return the run that tries again what failed."""

    def rerun(self, store: RunStore, run_id: str, *, now: float, settings: Settings) -> Run:
        """Return a new run with the same inputs."""


class DropNames:
    """The addresses of drops by their ids; the database is asked only for what is not known yet."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._known: dict[str, str] = {}

    def named(self, drop_ids: Iterable[str]) -> Mapping[str, str]:
        """Return the address under which each drop is used here."""
        if set(drop_ids) - self._known.keys():
            self._known = {drop_id: address for address, drop_id in self._store.search.drops()}
        return self._known


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The parts of one dashboard."""

    store: RunStore
    settings: Settings
    acts: Acts
    live: Live
    sights: Sights
    drops: DropNames
    clock: Callable[[], float] = field(default=time.time)


def _desk(request: Request) -> Desk:
    return cast(Desk, request.app.state.desk)


AtDesk = Annotated[Desk, Depends(_desk)]
