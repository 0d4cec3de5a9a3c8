"""`gpudrop status`: what is running now, where, since when, when it was last heard from, and what looks wrong."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.table import Table

from dispatcher.cli.runs_repair import show_faults
from dispatcher.cli.runs_select import BAD, Json, listed, opened
from dispatcher.cli.tables import COLOURS, brief, console, one_line, status_of, table
from dispatcher.cli.telling import print_json, runs_told
from dispatcher.cli.workers import NO_WORKER, All, as_dict, show_problems, workers_table
from dispatcher.formatting import rough_time
from dispatcher.monitor.drop_watcher import DropWatcher
from dispatcher.monitor.faults import Fault, find_faults
from dispatcher.monitor.worker_status import WorkerStatus, worker_statuses
from dispatcher.runs import with_tours
from dispatcher.runs.record import Run, short
from dispatcher.runs.search import Query

MAX_OPEN = 100
MAX_FAILED = 5
"""The number of failed runs to list; `runs ls` lists all of them."""


def status(
    look: Annotated[
        bool, typer.Option("--look/--no-look", help="Look into the drops, or only into the database.")
    ] = True,
    all_: All = False,
    json_: Json = False,
) -> None:
    """Show what is running now, where, since when, when its worker was last heard from, and what looks wrong.

    Workers are listed until an hour after their last heartbeat.
    """
    now = time.time()
    with opened() as (settings, store):
        runs = listed(store, settings, with_tours.OPEN_ONES, limit=MAX_OPEN)
        counts = with_tours.recent_counts(store, now)
        bad = Query(statuses=BAD, since=now - with_tours.RECENT_S)
        failed = with_tours.find(store, bad, limit=MAX_FAILED)
        sights: list[WorkerStatus] = []
        faults: list[Fault] = []
        if look:
            with DropWatcher(settings, store) as watcher:
                seen = worker_statuses(settings, store, now=now, watcher=watcher)
                sights = [it for it in seen if all_ or not it.forgotten]
                faults = [
                    it for it in find_faults(settings, store, now=now, watcher=watcher) if it.sort != "unreachable"
                ]
        if json_:
            print_json(
                {
                    "counts": counts,
                    "runs": runs_told(store, runs),
                    "failed": runs_told(store, failed),
                    "workers": [as_dict(it) for it in sights],
                    "faults": [dataclasses.asdict(it) for it in faults],
                }
            )
            return
    _show(counts, runs, failed, sights, faults, now)


def _show(
    counts: Mapping[str, int],
    runs: Sequence[Run],
    failed: Sequence[Run],
    sights: Sequence[WorkerStatus],
    faults: Sequence[Fault],
    now: float,
) -> None:
    out = console()
    line = ", ".join(f"[{COLOURS[name]}]{count} {name}[/]" for name in COLOURS if (count := counts.get(name)))
    out.print(f"{line or 'no runs'} [dim](open now, or ended in the last 24 hours)[/]")
    if runs:
        out.print()
        out.print(_open_table(runs, sights, now))
    if failed:
        out.print()
        out.print(_failed_table(failed))
        number = sum(counts.get(status, 0) for status in BAD)
        more = f"{number - len(failed)} more; " if number > len(failed) else ""
        out.print(f"[dim]{more}all of them: gpudrop runs ls --status bad --since 24h · one: gpudrop runs show ID[/]")
    if any(it.worker for it in sights):
        out.print()
        out.print(workers_table(sights))
    if runs and sights and not any(it.worker and it.alive != "no" for it in sights):
        sys.stderr.write(NO_WORKER)
    show_problems(sights)
    if faults:
        out.print()
        show_faults(faults)


def _open_table(runs: Sequence[Run], sights: Sequence[WorkerStatus], now: float) -> Table:
    beats = {(it.drop, it.worker): it.last_sign_s for it in sights}
    rows = table("id", "kind", "status", "worker", "since", "last beat", last="what")
    for run in runs:
        beat = beats.get((run.drop, run.worker or ""))
        since = rough_time(max(0.0, now - (run.started_at or run.created_at)))
        last = f"{rough_time(beat)} ago" if beat is not None else "-"
        what = one_line(run.title or run.progress_note or "-")
        rows.add_row(short(run.id), one_line(run.kind), status_of(run), one_line(run.worker or "-"), since, last, what)
    return rows


def _failed_table(runs: Sequence[Run]) -> Table:
    """Return a line for each failed run, with the first line of its error."""
    rows = table("failed", "kind", "status", "name", last="error")
    for run in runs:
        error = one_line(brief(run.error_text or "no error was recorded"))
        rows.add_row(short(run.id), one_line(run.kind), status_of(run), one_line(run.title or "-"), error)
    return rows
