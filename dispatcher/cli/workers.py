"""`gpudrop workers`: list workers and what they are doing, or ask one to stop."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from dispatcher.cli.commands import EPILOG
from dispatcher.cli.runs_select import Json, opened
from dispatcher.cli.tables import console, facts, one_line, plain, table, when
from dispatcher.cli.telling import print_json
from dispatcher.config import Settings
from dispatcher.drops.session import DropSession
from dispatcher.drops.setup import find as find_drop
from dispatcher.formatting import rough_time
from dispatcher.monitor.drop_watcher import DropWatcher, address_of
from dispatcher.monitor.worker_status import WorkerStatus, worker_statuses
from dispatcher.runs.record import short
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.errors import NameMissing, NameTaken, NotFoundError, UsageError
from protocol.layout import WorkerNames, parse_worker_name
from protocol.messages import Drain

app = typer.Typer(
    name="workers",
    help="List workers and what they are doing, or ask one to stop.",
    no_args_is_help=True,
    epilog=EPILOG,
)

Drop = Annotated[str | None, typer.Option("--drop", help="Only this drop, by default all known drops.")]
Name = Annotated[str, typer.Argument(metavar="WORKER", help="The name of a worker, or a prefix of it.")]

All = Annotated[bool, typer.Option("--all", "-a", help="Include workers that have been gone for a long time.")]

_ALIVE = {"yes": "[green]yes[/]", "unknown": "[yellow]?[/]", "no": "[dim]no[/]"}
TRIES = 5

NO_WORKER = "no worker is running. Start the notebook on Colab, or here: gpudrop worker --drop …\n"


@app.command("ls", epilog=EPILOG)
def ls(
    drop: Drop = None,
    all_: All = False,
    json_: Json = False,
) -> None:
    """List the workers of every drop: whether they are alive, their GPU, last heartbeat and current job.

    A worker is listed until an hour after its last heartbeat, an unreachable drop until a day after its last run.
    """
    with opened() as (settings, store):
        sights = sights_of(settings, store, drop)
    shown = [it for it in sights if all_ or not it.forgotten]
    if json_:
        print_json({"workers": [as_dict(it) for it in shown], "forgotten": len(sights) - len(shown)})
        return
    if any(not it.problem for it in shown):
        console().print(workers_table(shown))
    gone = len(sights) - len(shown)
    show_problems(shown)
    if not any(it.worker for it in shown):
        sys.stderr.write(NO_WORKER)
    if gone:
        sys.stderr.write(f"{gone} more have been gone for a long time: --all lists them\n")


def sights_of(settings: Settings, store: RunStore, drop: str | None) -> list[WorkerStatus]:
    """Return the workers of the named drop, or of all drops."""
    named = find_drop(drop, None, settings.home) if drop else None
    with DropWatcher(settings, store, [address_of(named)] if named is not None else ()) as watcher:
        return worker_statuses(settings, store, now=time.time(), watcher=watcher)


def as_dict(sight: WorkerStatus) -> dict[str, Any]:
    """Return a worker as plain data."""
    return dataclasses.asdict(sight)


def workers_table(sights: Sequence[WorkerStatus]) -> Any:
    """Return a table with one line a worker."""
    rows = table("worker", "alive", "gpu", "last beat", last="doing")
    for it in sights:
        if it.worker:
            last = f"{rough_time(it.last_sign_s)} ago" if it.last_sign_s is not None else "-"
            gpu = one_line(it.gpu or it.device or "none")[:22]
            rows.add_row(one_line(it.worker), _ALIVE[it.alive], gpu, last, _doing(it))
    return rows


def _doing(sight: WorkerStatus) -> str:
    held = [
        f"{short(it.run or it.job)} {f'{100 * it.done / it.total:.0f} % ' if it.total else ''}{it.note}".strip()
        for it in sight.held
    ]
    stops = ["stops after its job"] if sight.draining else []
    left = [f"{rough_time(sight.time_left_s)} left"] if sight.time_left_s is not None else []
    idle = ["idle"] if sight.alive == "yes" and not held else []
    return one_line(" · ".join([*held, *idle, *stops, *left]) or "-")


def show_problems(sights: Sequence[WorkerStatus]) -> None:
    """Print which drops cannot be read, and why."""
    for it in sights:
        if it.problem:
            console().print(f"[yellow]{one_line(it.drop)}[/]: {one_line(it.problem)}", soft_wrap=True)


@app.command("show", epilog=EPILOG)
def show(worker: Name, drop: Drop = None, json_: Json = False) -> None:
    """Show a worker: its machine, engines and versions, its current job and its last heartbeat."""
    with opened() as (settings, store):
        sight = _one_named(sights_of(settings, store, drop), worker)
    if json_:
        print_json(as_dict(sight))
        return
    now = time.time()
    rows = [
        ("worker", one_line(f"{sight.worker} (session {sight.boot})")),
        ("alive", f"{_ALIVE[sight.alive]} ({sight.text})"),
        ("drop", one_line(sight.drop)),
        ("gpu", one_line(sight.gpu or "none")),
        ("since", when(sight.since, now)),
        ("doing", _doing(sight)),
        ("versions", one_line(", ".join(f"{name} {value}" for name, value in sorted(sight.versions.items())))),
    ]
    rows += [(f"does {one_line(kind)}", one_line(", ".join(names))) for kind, names in sorted(sight.engines.items())]
    console().print(facts(rows))


def _one_named(sights: Sequence[WorkerStatus], name: str) -> WorkerStatus:
    found = [it for it in sights if it.worker == name] or [it for it in sights if name and it.worker.startswith(name)]
    if not found:
        there = ", ".join(sorted({it.worker for it in sights if it.worker})) or "none"
        raise NotFoundError(f"no worker {name!r}; the workers are: {there}")
    if len(found) > 1:
        which = ", ".join(f"{it.worker} in {it.drop}" for it in found[:5])
        raise UsageError(f"{name!r} is ambiguous: {which}; write more of the name, or add --drop")
    return found[0]


@app.command("drain", epilog=EPILOG)
def drain(worker: Name, drop: Drop = None, json_: Json = False) -> None:
    """Ask a worker to stop after its current job; no work is lost."""
    with opened() as (settings, store):
        sight = _one_named(sights_of(settings, store, drop), worker)
        k = _ask(settings, store, sight)
    if json_:
        print_json({"worker": sight.worker, "drop": sight.drop, "alive": sight.alive, "request": k})
        return
    due = f"after run {short(sight.held[0].run or sight.held[0].job)}" if sight.held else "now"
    sys.stdout.write(f"asked {plain(sight.worker)} to stop: it will do so {due}\n")
    if sight.alive == "no":
        sys.stderr.write("it seems to be gone already; sessions that start later ignore this request\n")


def _ask(settings: Settings, store: RunStore, sight: WorkerStatus) -> int:
    """Write the request under the next free number, and return the number."""
    names = WorkerNames(sight.worker)
    with DropSession.open_known(sight.drop, settings, store) as session:
        for _ in range(TRIES):
            try:
                there = [parse_worker_name(entry.name) for entry in session.drop.list(names.folder)]
            except NameMissing as error:
                raise NotFoundError(f"the folder of {sight.worker} is no longer in {sight.drop}") from error
            k = 1 + max((it.seq for it in there if it is not None and it.role == "drain"), default=0)
            message = Drain(drop=sight.drop_id, id=sight.worker, k=k)
            try:
                session.drop.put(names.drain(k), codec.encode(message, session.identity.key))
            except NameTaken:
                continue  # another process asked at the same moment
            session.drop.barrier()
            return k
    raise UsageError(f"other processes keep asking {sight.worker} to stop at the same moment: it will stop anyway")
