"""`gpudrop runs cancel|retry|rerun|tag`: the commands that change runs."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from dispatcher.cli.runs_select import (
    Json,
    OnlyRun,
    RunName,
    RunNames,
    members,
    named,
    one_named,
    only_groups,
    only_runs,
    opened,
)
from dispatcher.cli.telling import print_json, run_told
from dispatcher.config import Settings
from dispatcher.drops.session import DropSession
from dispatcher.jobs.outbox import Outbox
from dispatcher.monitor import acts
from dispatcher.monitor.acts import Act
from dispatcher.monitor.background import leave_behind
from dispatcher.runs.record import Group, Run, short
from dispatcher.runs.store import RunStore
from dispatcher.runs.tags import check_tags
from dispatcher.runs.tours import TOUR, as_run
from dispatcher.tour import control as tour_acts
from protocol.errors import GpudropError, UsageError

Wait = Annotated[
    bool,
    typer.Option(
        "--wait/--no-wait", help="Start a monitor in the background that sends the run and fetches its result."
    ),
]

log = logging.getLogger(__name__)


def cancel(
    runs: RunNames,
    reason: Annotated[
        str, typer.Option(help="The reason to give the worker and to record in the history.")
    ] = "cancelled by the user",
    json_: Json = False,
) -> None:
    """Cancel open runs, here and on the worker; the next steps of their chains are not started.

    Cancelling a tour ends its process and its open runs. Runs that have ended stay as they are. Exit code 1 if no run
    was open.
    """
    with opened() as (settings, store):
        found = named(store, settings, runs)
        cancelled = _cancel_runs(store, settings, only_runs(found), reason)
        ids = {run.id for run in cancelled}
        for group in only_groups(found):
            ended = _cancel_group(store, settings, group, reason)
            ids |= {group.id} if ended is not None else set()
            cancelled += ended or []
        unsent = send_to_drops(settings, store, cancelled)
        now = [store.get(it.id) if isinstance(it, Run) else as_run(store.search.group(it.id)) for it in found]
    if json_:
        print_json({"runs": [{**run_told(run), "cancelled": run.id in ids} for run in now]})
    else:
        for run in now:
            sys.stdout.write(f"{run.id} {'cancelled' if run.id in ids else f'is already {run.status}'}\n")
    if unsent:
        sys.stderr.write(
            "the drop cannot be reached: `gpudrop watch` or `gpudrop runs heal` tells the worker when it can\n"
        )
    if not ids:
        raise typer.Exit(1)


def _cancel_runs(store: RunStore, settings: Settings, runs: Sequence[Run], reason: str) -> list[Run]:
    """Cancel runs; return those that were open."""
    now = time.time()
    return [run for run in runs if acts.cancel(store, run.id, reason=reason, now=now, settings=settings)]


def _cancel_group(store: RunStore, settings: Settings, group: Group, reason: str) -> list[Run] | None:
    """Cancel a tour or a batch; return its runs that were open, or None if it had already ended."""
    if group.sort == TOUR:
        return tour_acts.cancel(store, settings, group, reason=reason, now=time.time())
    return _cancel_runs(store, settings, members(store, group), reason) or None


def send_to_drops(settings: Settings, store: RunStore, runs: Sequence[Run]) -> list[Run]:
    """Send the recorded messages of runs to their drops; return the runs whose drop could not be reached.

    The monitor sends later what could not be sent now.
    """
    unsent: list[Run] = []
    for run in runs:
        try:
            with DropSession.open_known(run.drop, settings, store) as session:
                Outbox(session, store, run).flush()
        except GpudropError as error:
            log.info("%s cannot be told now and is told later: %s", run.drop, error)
        if store.unsaid(run.id):
            unsent.append(run)
    return unsent


def retry(run: RunName, wait: Wait = True, json_: Json = False) -> None:
    """Try again a run or tour that failed, was cancelled or expired.

    Verified results are kept, and the next steps of the run's chain follow; a tour is recorded in the background.
    """
    _repeat(acts.retry, run, wait, json_)


def rerun(run: RunName, wait: Wait = True, json_: Json = False) -> None:
    """Start a new run with the inputs and parameters of another, or record a tour again, however it ended."""
    _repeat(acts.rerun, run, wait, json_)


def _repeat(act: Callable[..., Run], name: str, wait: bool, json_: bool) -> None:
    with opened() as (settings, store):
        first = one_named(store, settings, name)
        if isinstance(first, Group):
            _repeat_tour(store, settings, first, "retry" if act is acts.retry else "rerun", json_=json_)
            return
        new = act(store, first.id, now=time.time(), settings=settings)
        if wait and (new.is_open or new.settled_at is None):
            leave_behind(settings)
        new = store.get(new.id)
        if json_:
            print_json(run_told(new, store.trace.tags([new.id])[new.id]))
        else:
            sys.stdout.write(f"{new.id}\n")
    if new.is_open:
        sys.stderr.write(f"follow it with: gpudrop runs watch {short(new.id)}\n")


def _repeat_tour(store: RunStore, settings: Settings, tour: Group, act: Act, *, json_: bool) -> None:
    """Record a tour again in the background, and print how to follow it. A batch cannot be repeated as a whole."""
    if tour.sort != TOUR:
        raise UsageError(f"{tour.id} is a batch: repeat its runs, which `gpudrop runs ls --group {tour.id}` lists")
    new = tour_acts.repeat(store, settings, tour, act)
    if json_:
        print_json(run_told(as_run(new)))
    else:
        sys.stdout.write(f"{new.id}\n")
    sys.stderr.write(f"recording in the background; follow it with: gpudrop runs logs -f {short(new.id)}\n")


def tag(
    run: OnlyRun,
    add: Annotated[list[str] | None, typer.Argument(metavar="[TAG…]", help="Tags to add.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", "-r", help="Remove this tag; may be repeated.")
    ] = None,
    json_: Json = False,
) -> None:
    """Add tags to a run or remove them; without any, print its tags."""
    check_tags(add or ())
    with opened() as (_, store):
        found = store.search.resolve(run)
        if add or remove:
            store.trace.tag(found.id, add=add or (), remove=remove or ())
        tags = store.trace.tags([found.id])[found.id]
    if json_:
        print_json({"id": found.id, "tags": tags})
    else:
        sys.stdout.writelines(f"{word}\n" for word in tags)
