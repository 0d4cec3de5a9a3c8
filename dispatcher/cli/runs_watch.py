"""`gpudrop runs watch`: a table that lives until the runs have ended, brought home meanwhile."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from dispatcher.cli.opening import Json, opened, resolve
from dispatcher.cli.showing import runs_table
from dispatcher.cli.telling import print_json, runs_told
from dispatcher.monitor.monitor import Monitor
from dispatcher.operations.settling import held_up
from dispatcher.runs.record import OPEN, Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from protocol.redaction import legible

LOOK_S = 0.5
SHOWN = 200


def watch(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN…]", help="Which; without any, all open runs.")
    ] = None,
    json_: Json = False,
) -> None:
    """Show runs, and those that are made of their outputs, live until they have ended, and bring them home meanwhile.

    Ctrl-C leaves them as they are. Exit code 4 where one of them did not complete.
    """
    with opened() as (settings, store):
        wanted = [run.id for run in (resolve(store, runs) if runs else _open(store))]
        with Monitor(settings, store) as monitor, _screen() as screen:
            while True:
                troubles = {it.run.id: it.trouble for it in monitor.step() if it.trouble}
                wanted += [it.id for it in store.search.children(wanted) if it.id not in wanted]
                found = [store.get(run_id) for run_id in wanted]
                troubles |= {it.id: left for it in found if (left := held_up(store, it))}
                screen.show(found, troubles)
                if all(not run.is_open and run.settled_at is not None for run in found):
                    break
                monitor.wait(min(monitor.pace_s, LOOK_S))
        if json_:
            print_json({"runs": runs_told(store, found)})
    if any(run.status != "completed" for run in found):
        raise typer.Exit(4)


def _open(store: RunStore) -> list[Run]:
    found = store.search.find(Query(statuses=sorted(OPEN)), limit=SHOWN)
    if not found:
        sys.stderr.write("no run is open\n")
    return found


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
