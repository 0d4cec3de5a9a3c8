"""`gpudrop workers`: who is there, on what, at what; and asking one to stop."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from dispatcher.cli.errors import EPILOG
from dispatcher.cli.opening import Json, opened
from dispatcher.cli.showing import console, facts, one_line, plain, table, when
from dispatcher.cli.telling import print_json
from dispatcher.config import Settings
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
from protocol.transports import open_drop, read_address

app = typer.Typer(name="workers", help="Who works, on what and at what.", no_args_is_help=True, epilog=EPILOG)

Drop = Annotated[str | None, typer.Option("--drop", help="Only this drop; without it all that are known.")]
Name = Annotated[str, typer.Argument(metavar="WORKER", help="A worker's name, or the beginning of it.")]

All = Annotated[bool, typer.Option("--all", "-a", help="Those too that are long gone.")]

_ALIVE = {"yes": "[green]yes[/]", "unknown": "[yellow]?[/]", "no": "[dim]no[/]"}
TRIES = 5


@app.command("ls", epilog=EPILOG)
def ls(
    drop: Drop = None,
    all_: All = False,
    json_: Json = False,
) -> None:
    """List the workers of every drop: whether they live, on what, what they are at, and when they last beat.

    One that is gone is listed for an hour after its last sign, a drop out of reach for a day after its last run.
    """
    with opened() as (settings, store):
        sights = sights_of(settings, store, drop)
    shown = [it for it in sights if all_ or not it.forgotten]
    if json_:
        print_json({"workers": [told(it) for it in shown], "forgotten": len(sights) - len(shown)})
        return
    if any(not it.problem for it in shown):
        console().print(workers_table(shown))
    gone = len(sights) - len(shown)
    show_problems(shown)
    if not any(it.worker for it in shown):
        sys.stderr.write("no worker is here. Start the notebook on Colab, or here: gpudrop worker --drop …\n")
    if gone:
        sys.stderr.write(f"{gone} not shown, which are long gone: --all shows them\n")


def sights_of(settings: Settings, store: RunStore, drop: str | None) -> list[WorkerStatus]:
    """Return what is to be seen of the workers of a drop that was named, or of all."""
    named = find_drop(drop, None, settings.home) if drop else None
    with DropWatcher(settings, store, [address_of(named)] if named is not None else ()) as looking:
        return worker_statuses(settings, store, now=time.time(), watcher=looking)


def told(sight: WorkerStatus) -> dict[str, Any]:
    """Return a worker as plain data."""
    return dataclasses.asdict(sight)


def workers_table(sights: Sequence[WorkerStatus]) -> Any:
    """Return one line a worker."""
    made = table("worker", "alive", "gpu", "last beat", last="at")
    for it in sights:
        if it.worker:
            last = f"{rough_time(it.last_sign_s)} ago" if it.last_sign_s is not None else "-"
            gpu = one_line(it.gpu or it.device or "none")[:22]
            made.add_row(one_line(it.worker), _ALIVE[it.alive], gpu, last, _at(it))
    return made


def _at(sight: WorkerStatus) -> str:
    held = [
        f"{short(it.run or it.job)} {f'{100 * it.done / it.total:.0f} % ' if it.total else ''}{it.note}".strip()
        for it in sight.held
    ]
    stops = ["stops after its job"] if sight.draining else []
    left = [f"{rough_time(sight.time_left_s)} left"] if sight.time_left_s is not None else []
    idle = ["idle"] if sight.alive == "yes" and not held else []
    return one_line(" · ".join([*held, *idle, *stops, *left]) or "-")


def show_problems(sights: Sequence[WorkerStatus]) -> None:
    """Say which drops cannot be looked at."""
    for it in sights:
        if it.problem:
            console().print(f"[yellow]{one_line(it.drop)}[/]: {one_line(it.problem)}", soft_wrap=True)


@app.command("show", epilog=EPILOG)
def show(worker: Name, drop: Drop = None, json_: Json = False) -> None:
    """Show one worker: its machine, engines and versions, what it is at, and when it was heard of."""
    with opened() as (settings, store):
        sight = _named(sights_of(settings, store, drop), worker)
    if json_:
        print_json(told(sight))
        return
    now = time.time()
    rows = [
        ("worker", one_line(f"{sight.worker} (session {sight.boot})")),
        ("alive", f"{_ALIVE[sight.alive]} ({sight.text})"),
        ("drop", one_line(sight.drop)),
        ("gpu", one_line(sight.gpu or "none")),
        ("since", when(sight.since, now)),
        ("at", _at(sight)),
        ("versions", one_line(", ".join(f"{name} {value}" for name, value in sorted(sight.versions.items())))),
    ]
    rows += [(f"does {one_line(kind)}", one_line(", ".join(names))) for kind, names in sorted(sight.engines.items())]
    console().print(facts(rows))


def _named(sights: Sequence[WorkerStatus], name: str) -> WorkerStatus:
    found = [it for it in sights if it.worker == name] or [it for it in sights if name and it.worker.startswith(name)]
    if not found:
        there = ", ".join(sorted({it.worker for it in sights if it.worker})) or "none"
        raise NotFoundError(f"there is no worker {name!r}; there are: {there}")
    if len(found) > 1:
        which = ", ".join(f"{it.worker} in {it.drop}" for it in found[:5])
        raise UsageError(f"{name!r} may be more than one worker: {which}; write more of its name, or give --drop")
    return found[0]


@app.command("drain", epilog=EPILOG)
def drain(worker: Name, drop: Drop = None, json_: Json = False) -> None:
    """Ask a worker to end after the job that it is at; nothing that it has begun is lost."""
    with opened() as (settings, store):
        sight = _named(sights_of(settings, store, drop), worker)
        k = _ask(settings, sight)
    if json_:
        print_json({"worker": sight.worker, "drop": sight.drop, "alive": sight.alive, "request": k})
        return
    after = f"after run {short(sight.held[0].run or sight.held[0].job)}" if sight.held else "now"
    sys.stdout.write(f"{plain(sight.worker)} was asked to end: it does so {after}\n")
    if sight.alive == "no":
        sys.stderr.write("it seems to be gone already; a session that begins later pays no heed to this\n")


def _ask(settings: Settings, sight: WorkerStatus) -> int:
    """Write the request under the next free number, and return that."""
    key = None if sight.drop == str(settings.private_drop) else settings.identity(sight.drop).key
    names = WorkerNames(sight.worker)
    with contextlib.closing(open_drop(read_address(sight.drop))) as drop:
        for _ in range(TRIES):
            try:
                there = [parse_worker_name(entry.name) for entry in drop.list(names.folder)]
            except NameMissing as error:
                raise NotFoundError(f"the folder of {sight.worker} is not in {sight.drop} any more") from error
            k = 1 + max((it.seq for it in there if it is not None and it.role == "drain"), default=0)
            message = Drain(drop=sight.drop_id, id=sight.worker, k=k)
            try:
                drop.put(names.drain(k), codec.encode(message, key))
            except NameTaken:
                continue  # somebody else asked just now
            drop.barrier()
            return k
    raise UsageError(f"{sight.worker} is being asked by others again and again: it ends anyhow")
