"""Following runs: `gpudrop watch`, the monitor by itself, and `gpudrop runs watch`, a live table of some runs."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from dispatcher.cli.display import Display, JsonDisplay, Pace
from dispatcher.cli.runs_select import Json, mark_dead_tours, members, named, only_groups, only_runs, opened
from dispatcher.cli.tables import runs_table
from dispatcher.cli.telling import print_json, runs_told
from dispatcher.config import Settings
from dispatcher.monitor.background import alone
from dispatcher.monitor.monitor import Monitor, RunUpdate
from dispatcher.operations.settling import held_up
from dispatcher.runs.record import OPEN, Group, Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from dispatcher.runs.tours import as_run
from usertext.redaction import legible

PROGRESS_EVERY_S = 10.0
REFRESH_S = 0.5
MAX_SHOWN = 200

_UNIT = """\
# Save as ~/.config/systemd/user/gpudrop.service, then: systemctl --user enable --now gpudrop
[Unit]
Description=gpudrop: fetches the results of GPU jobs
After=network-online.target

[Service]
ExecStart={command} watch
Environment=GPUDROP_DATA_DIR={data}
Restart=on-failure
RestartSec=10
KillSignal=SIGINT
TimeoutStopSec=60

[Install]
WantedBy=default.target
"""


def watch(
    until_done: Annotated[bool, typer.Option("--until-done", help="Stop when all runs are finished.")] = False,
    print_unit: Annotated[
        bool, typer.Option("--print-unit", help="Print a systemd user unit that runs this command, and exit.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write events as JSON lines to stderr.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only warnings and errors.")] = False,
) -> None:
    """Follow every run of this machine that no other process follows: fetch its results and finish it.

    You can run it more than once and stop it at any time: nothing is lost, and the next one continues.
    """
    settings = Settings()
    if print_unit:
        sys.stdout.write(_UNIT.format(command=_command(), data=settings.data_dir))
        return
    display = JsonDisplay() if as_json else Display(quiet=quiet)
    with RunStore.open(settings.database, durability=settings.durability) as store:
        if not until_done:
            _watch(settings, store, display, until_done=False)
            return
        with alone(settings, store) as is_alone:
            if is_alone:
                _watch(settings, store, display, until_done=True)
            else:
                display.say("another process already follows all runs of this machine")


def _watch(settings: Settings, store: RunStore, display: Display, *, until_done: bool) -> None:
    paces: dict[str, Pace] = {}
    with Monitor(settings, store) as monitor:
        if not until_done and not store.search.unsettled(settings.machine):
            display.say("no open runs; waiting for new ones (Ctrl-C to stop)")
        while True:
            for news in monitor.step():
                _report(news, paces.setdefault(news.run.id, Pace(PROGRESS_EVERY_S)), display, monitor.now())
            if until_done and not store.search.unsettled(settings.machine):
                return
            monitor.wait(min(monitor.pace_s, 1.0))


def _report(news: RunUpdate, pace: Pace, display: Display, now: float) -> None:
    run, progress = news.run, news.progress
    name = f"{run.id} {run.kind} {run.title}".rstrip()
    if news.trouble:
        if pace.due(news.trouble, 0, now):
            display.warn(f"{name}: {news.trouble}")
    elif progress is not None:
        if pace.due(progress.why, progress.done, now):
            share = f" {100 * run.progress:.0f} %" if run.progress else ""
            display.say(f"{name}: {run.status}{share}, {progress.text}")
    elif run.status == "completed":
        display.say(f"{name}: completed")
    else:
        display.fail(f"{name}: {run.status}: {run.error_text}")


def _command() -> str:
    return shutil.which("gpudrop") or f"{Path(sys.executable)} -m dispatcher.cli"


def watch_runs(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN…]", help="Runs and tours; without any, all open ones.")
    ] = None,
    json_: Json = False,
) -> None:
    """Follow runs live until they have ended, with the runs made from their outputs, and fetch results.

    A tour is shown with its runs. Ctrl-C stops only this command. Exit code 4 if a run did not complete.
    """
    with opened() as (settings, store):
        found = named(store, settings, runs) if runs else _open(store, settings)
        watched = _Watched(tours=[it.id for it in only_groups(found)], runs=[it.id for it in only_runs(found)])
        with Monitor(settings, store) as monitor, _screen() as screen:
            while True:
                troubles = {it.run.id: it.trouble for it in monitor.step() if it.trouble}
                lines = watched.look(store, settings)
                troubles |= {it.id: reason for it in lines if (reason := held_up(store, it))}
                screen.show(lines, troubles)
                if all(not run.is_open and run.settled_at is not None for run in lines):
                    break
                monitor.wait(min(monitor.pace_s, REFRESH_S))
        if json_:
            print_json({"runs": runs_told(store, lines)})
    if any(run.status != "completed" for run in lines):
        raise typer.Exit(4)


def _open(store: RunStore, settings: Settings) -> list[Run | Group]:
    mark_dead_tours(store, settings)
    query = Query(statuses=sorted(OPEN))
    found: list[Run | Group] = [*store.tours.find(query, limit=MAX_SHOWN), *store.search.find(query, limit=MAX_SHOWN)]
    if not found:
        sys.stderr.write("no open runs\n")
    return found


@dataclass
class _Watched:
    """The ids of what is watched; runs of watched tours and runs made from watched ones are added."""

    tours: list[str]
    runs: list[str]

    def look(self, store: RunStore, settings: Settings) -> list[Run]:
        """Return the current state of all of them; a tour that has ended counts as settled."""
        mark_dead_tours(store, settings)
        groups = [store.search.group(tour) for tour in self.tours]
        new = [run.id for group in groups for run in members(store, group)]
        new += [run.id for run in store.search.children([*self.runs, *new])]
        self.runs += [run_id for run_id in dict.fromkeys(new) if run_id not in self.runs]
        tours = [replace(as_run(group), settled_at=group.ended_at) for group in groups]
        return [*tours, *(store.get(run_id) for run_id in self.runs)]


class _Screen:
    """Shows the state of runs again and again."""

    def show(self, runs: Sequence[Run], troubles: Mapping[str, str]) -> None:
        """Show the current state."""
        raise NotImplementedError


class _Lines(_Screen):
    """Prints a line for each change, for a log or a pipe."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def show(self, runs: Sequence[Run], troubles: Mapping[str, str]) -> None:
        for run in runs:
            trouble = troubles.get(run.id, "")
            ended = "" if run.is_open or run.status == "completed" else f": {run.error_text}"
            line = f"{run.id} {run.kind} {run.title}: {trouble or run.status}{ended}"
            if self._last.get(run.id) != line:
                self._last[run.id] = line
                sys.stderr.write(legible(" ".join(line.split())) + "\n")


class _Table(_Screen):
    """A table that changes in place."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._troubles: dict[str, str] = {}

    def show(self, runs: Sequence[Run], troubles: Mapping[str, str]) -> None:
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
