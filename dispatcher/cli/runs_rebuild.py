"""`gpudrop runs reindex|heal`: making the run database and the drops agree again."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from dispatcher.cli.opening import Json, opened
from dispatcher.cli.showing import console, one_line, table
from dispatcher.cli.telling import print_json
from dispatcher.drops.setup import find as find_drop
from dispatcher.formatting import rough_time
from dispatcher.monitor.drop_watcher import DropWatcher, address_of
from dispatcher.monitor.faults import Fault, find_faults
from dispatcher.monitor.heal import Repair
from dispatcher.monitor.heal import heal as heal_all
from dispatcher.monitor.reindex import ReindexedJob
from dispatcher.monitor.reindex import reindex as take_back
from dispatcher.runs.record import short
from protocol.errors import UsageError
from protocol.layout import is_nonce

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
SAY_EVERY_S = 10.0


def reindex(
    drop: Annotated[
        str | None, typer.Option("--drop", help="Only this drop; without it all that are known, and the usual ones.")
    ] = None,
    adopt: Annotated[
        list[str] | None, typer.Option("--adopt", help="Jobs of this dispatcher's id were this machine's as well.")
    ] = None,
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Take the jobs that are in the drops, and that the run database does not know, back as runs.

    For a database that was lost: nothing in flight is lost with it. Only this machine's own jobs are taken back.
    """
    for each in adopt or ():
        if not is_nonce(each):
            raise UsageError(f"--adopt {each!r}: an id of a dispatcher is 16 digits from 0 to f, as reindex lists them")
    with opened() as (settings, store):
        named = find_drop(drop, None, settings.home) if drop else None
        with DropWatcher(settings, store, [address_of(named)] if named is not None else ()) as looking:
            found = list(take_back(looking, now=time.time(), adopt=adopt or (), dry_run=dry_run))
        mine = store.dispatcher_id
    if json_:
        print_json({"dispatcher": mine, "dry_run": dry_run, "jobs": [dataclasses.asdict(it) for it in found]})
        return
    _show_found(found, dry_run=dry_run)


def _show_found(found: Sequence[ReindexedJob], *, dry_run: bool) -> None:
    made = table("job", "kind", "now", last="run")
    for it in found:
        if it.outcome in ("open", "completed"):
            made.add_row(it.job, it.kind, f"{it.outcome}", f"{it.run} ({one_line(it.text)})")
    if made.row_count:
        console().print(made)
    counts = Counter(it.outcome for it in found if it.job)
    taken = counts["open"] + counts["completed"]
    sys.stdout.write(f"{taken} run(s) {'would be ' if dry_run else ''}taken back, {counts['known']} known already\n")
    if counts["open"] and not dry_run:
        sys.stderr.write("`gpudrop watch` downloads their results\n")
    for it in found:
        if not it.job:
            sys.stderr.write(f"{it.drop}: {it.text}\n")
    strangers = Counter(it.dispatcher for it in found if it.outcome == "foreign" and it.dispatcher)
    for dispatcher, count in strangers.items():
        sys.stderr.write(
            f"{count} job(s) of the dispatcher {dispatcher} are left alone. If that was this machine, whose database "
            f"was lost: gpudrop runs reindex --adopt {dispatcher}\n"
        )


def heal(
    wait: Annotated[
        float | None,
        typer.Option("--wait", min=0, help="Watch so many seconds at most; without it until all is certain."),
    ] = None,
    dry_run: DryRun = False,
    json_: Json = False,
) -> None:
    """Hint zombies, orphans, stale claims and what a drop was not told; exit code 1 where something is left.

    A worker counts as gone only after it was watched for a lease and stayed silent, so this may take minutes on a
    remote drop; one that lives is never disturbed.
    """
    with opened() as (settings, store), DropWatcher(settings, store) as looking:
        healed: list[Repair] = []
        if dry_run:
            left = find_faults(settings, store, now=time.time(), watcher=looking)
        else:
            healed, left = heal_all(looking, wait_s=wait, on_wait=_Waiting())
    if json_:
        done = [{**_fault(it.fault), "done": it.done, "what": it.text} for it in healed]
        print_json({"healed": done, "left": [_fault(it) for it in left]})
    else:
        _show_healed(healed, left)
    if not dry_run and (any(not it.done for it in healed) or any(it.healable for it in left)):
        raise typer.Exit(1)


class _Waiting:
    """Says now and then what is watched and for how long."""

    def __init__(self) -> None:
        self._said = float("-inf")

    def __call__(self, waiting: Sequence[Fault], left_s: float) -> None:
        if time.monotonic() - self._said < SAY_EVERY_S:
            return
        self._said = time.monotonic()
        what = ", ".join(f"{it.sort} {it.run or it.job}" for it in waiting[:3])
        sys.stderr.write(f"watching {rough_time(left_s)} more to be sure: {what}\n")


def _fault(fault: Fault) -> dict[str, object]:
    return dataclasses.asdict(fault)


def _show_healed(healed: Sequence[Repair], left: Sequence[Fault]) -> None:
    if not healed and not left:
        sys.stdout.write("no inconsistencies found\n")
        return
    out = console()
    if healed:
        made = table("fault", "run", "fixed", last="how")
        for it in healed:
            named = short(it.fault.run) if it.fault.run else it.fault.job
            made.add_row(it.fault.sort, named, "[green]yes[/]" if it.done else "[red]no[/]", one_line(it.text))
        out.print(made)
    show_faults(left)


def show_faults(faults: Sequence[Fault]) -> None:
    """Print faults with their hints."""
    out = console()
    for it in faults:
        sure = "" if it.certain else f" (certain in {rough_time(it.left_s)})"
        named = short(it.run) if it.run else it.job or it.drop
        out.print(f"[yellow]{it.sort}[/]{sure} [bold]{one_line(named)}[/]: {one_line(it.text)}", soft_wrap=True)
        out.print(f"  → {one_line(it.hint)}", soft_wrap=True)
