"""`gpudrop runs watch`: a table that lives until the runs have ended, brought home meanwhile."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from dispatcher.cli.listing import members, named, only_groups, only_runs
from dispatcher.cli.opening import Json, opened
from dispatcher.cli.showing import runs_table
from dispatcher.cli.telling import print_json, runs_told
from dispatcher.config import Settings
from dispatcher.monitor.monitor import Monitor
from dispatcher.operations.settling import held_up
from dispatcher.runs.record import OPEN, Group, Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from dispatcher.runs.tours import as_run
from dispatcher.tour.acts import mark_dead
from usertext.redaction import legible

LOOK_S = 0.5
SHOWN = 200


def watch(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN…]", help="Which; without any, all open runs.")
    ] = None,
    json_: Json = False,
) -> None:
    """Show runs, and those that are made of their outputs, live until they have ended, and bring them home meanwhile.

    A tour is shown with its runs. Ctrl-C leaves them as they are. Exit code 4 where one of them did not complete.
    """
    with opened() as (settings, store):
        found = named(store, settings, runs) if runs else _open(store, settings)
        wanted = _Wanted(tours=[it.id for it in only_groups(found)], runs=[it.id for it in only_runs(found)])
        with Monitor(settings, store) as monitor, _screen() as screen:
            while True:
                troubles = {it.run.id: it.trouble for it in monitor.step() if it.trouble}
                lines = wanted.look(store, settings)
                troubles |= {it.id: left for it in lines if (left := held_up(store, it))}
                screen.show(lines, troubles)
                if all(not run.is_open and run.settled_at is not None for run in lines):
                    break
                monitor.wait(min(monitor.pace_s, LOOK_S))
        if json_:
            print_json({"runs": runs_told(store, lines)})
    if any(run.status != "completed" for run in lines):
        raise typer.Exit(4)


def _open(store: RunStore, settings: Settings) -> list[Run | Group]:
    mark_dead(store, settings)
    query = Query(statuses=sorted(OPEN))
    found: list[Run | Group] = [*store.tours.find(query, limit=SHOWN), *store.search.find(query, limit=SHOWN)]
    if not found:
        sys.stderr.write("no run is open\n")
    return found


@dataclass
class _Wanted:
    """What is watched, by id; runs that tours ask for and that are made of watched ones come to it."""

    tours: list[str]
    runs: list[str]

    def look(self, store: RunStore, settings: Settings) -> list[Run]:
        """Return how all of it stands; a tour that has ended is settled with that."""
        mark_dead(store, settings)
        groups = [store.search.group(tour) for tour in self.tours]
        new = [run.id for group in groups for run in members(store, group)]
        new += [run.id for run in store.search.children([*self.runs, *new])]
        self.runs += [run_id for run_id in dict.fromkeys(new) if run_id not in self.runs]
        tours = [replace(as_run(group), settled_at=group.ended_at) for group in groups]
        return [*tours, *(store.get(run_id) for run_id in self.runs)]


class _Screen:
    """Shows runs again and again."""

    def show(self, runs: Sequence[Run], troubles: dict[str, str]) -> None:
        """Show how they stand."""
        raise AssertionError("each way of showing has its own")


class _Lines(_Screen):
    """A line for each change, for a log or a pipe."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def show(self, runs: Sequence[Run], troubles: dict[str, str]) -> None:
        for run in runs:
            trouble = troubles.get(run.id, "")
            ended = "" if run.is_open or run.status == "completed" else f": {run.error_text}"
            line = f"{run.id} {run.kind} {run.title}: {trouble or run.status}{ended}"
            if self._told.get(run.id) != line:
                self._told[run.id] = line
                sys.stderr.write(legible(" ".join(line.split())) + "\n")


class _Table(_Screen):
    """A table that changes in place."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._troubles: dict[str, str] = {}

    def show(self, runs: Sequence[Run], troubles: dict[str, str]) -> None:
        for run_id, trouble in troubles.items():
            if self._troubles.get(run_id) != trouble:
                self._live.console.print(f"{run_id}: {legible(trouble)}", style="yellow", markup=False)
        self._troubles.update(troubles)
        self._live.update(runs_table(runs, time.time()), refresh=True)


@contextlib.contextmanager
def _screen() -> Iterator[_Screen]:
    screen = Console(stderr=True, highlight=False)
    if not screen.is_terminal:
        yield _Lines()
        return
    with Live(console=screen, auto_refresh=False) as live:
        yield _Table(live)
