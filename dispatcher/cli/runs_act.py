"""`gpudrop runs cancel|retry|rerun|tag`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from dispatcher.cli.listing import members, named, one_named, only_groups, only_runs
from dispatcher.cli.opening import Json, OnlyRun, RunName, RunNames, opened, tell_drop
from dispatcher.cli.telling import print_json, run_told
from dispatcher.config import Settings
from dispatcher.monitor import acts
from dispatcher.monitor.acts import Act
from dispatcher.monitor.background import leave_behind
from dispatcher.runs.record import Group, Run, short
from dispatcher.runs.store import RunStore
from dispatcher.runs.tags import check_tags
from dispatcher.runs.tours import TOUR, as_run
from dispatcher.tour import control as tour_acts
from protocol.errors import UsageError

Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Leave a monitor behind that sends it and brings the result home.")
]


def cancel(
    runs: RunNames,
    reason: Annotated[str, typer.Option(help="What the worker and the history are told.")] = "cancelled by the user",
    json_: Json = False,
) -> None:
    """End open runs without a result, here and on the worker; their chains do not go on.

    A tour ends with its process and its open runs. What has ended stays as it is: exit code 1 where none was open.
    """
    with opened() as (settings, store):
        found = named(store, settings, runs)
        done = _cancel_runs(store, settings, only_runs(found), reason)
        ours = {run.id for run in done}
        for group in only_groups(found):
            ended = _cancel_group(store, settings, group, reason)
            ours |= {group.id} if ended is not None else set()
            done += ended or []
        untold = {run.id for run in tell_drop(settings, store, done)}
        now = [store.get(it.id) if isinstance(it, Run) else as_run(store.search.group(it.id)) for it in found]
    if json_:
        print_json({"runs": [{**run_told(run), "cancelled": run.id in ours} for run in now]})
    else:
        for run in now:
            said = "cancelled" if run.id in ours else f"is {run.status} already"
            sys.stdout.write(f"{run.id} {said}\n")
    if untold:
        sys.stderr.write(
            "the drop does not answer: its worker is told when it does, by `gpudrop watch` or `gpudrop runs heal`\n"
        )
    if not ours:
        raise typer.Exit(1)


def _cancel_runs(store: RunStore, settings: Settings, runs: Sequence[Run], reason: str) -> list[Run]:
    """Cancel runs; return those that were open."""
    now = time.time()
    return [run for run in runs if acts.cancel(store, run.id, reason=reason, now=now, settings=settings)]


def _cancel_group(store: RunStore, settings: Settings, group: Group, reason: str) -> list[Run] | None:
    """Cancel a tour or a batch; return its runs that were open, None where it had ended."""
    if group.sort == TOUR:
        return tour_acts.cancel(store, settings, group, reason=reason, now=time.time())
    return _cancel_runs(store, settings, members(store, group), reason) or None


def retry(run: RunName, wait: Wait = True, json_: Json = False) -> None:
    """Try again what a run or tour failed at, was cancelled at or expired at.

    What verified is kept, and a run's chain goes on; a tour is recorded in the background.
    """
    _again(acts.retry, run, wait, json_)


def rerun(run: RunName, wait: Wait = True, json_: Json = False) -> None:
    """Make a new run with the inputs and parameters of another one, or record a tour again, whatever became of that."""
    _again(acts.rerun, run, wait, json_)


def _again(act: Callable[..., Run], name: str, wait: bool, json_: bool) -> None:
    with opened() as (settings, store):
        first = one_named(store, settings, name)
        if isinstance(first, Group):
            _tour_again(store, settings, first, "retry" if act is acts.retry else "rerun", json_=json_)
            return
        made = act(store, first.id, now=time.time(), settings=settings)
        if wait:
            _send(settings, store, made)
        made = store.get(made.id)
        if json_:
            print_json(run_told(made, store.trace.tags([made.id])[made.id]))
        else:
            sys.stdout.write(f"{made.id}\n")
    sys.stderr.write(f"`gpudrop runs watch {short(made.id)}` shows how it goes\n" if made.is_open else "")


def _tour_again(store: RunStore, settings: Settings, tour: Group, act: Act, *, json_: bool) -> None:
    """Record a tour again in the background, and say how to follow it. A batch is its runs, and none of it a whole."""
    if tour.sort != TOUR:
        raise UsageError(f"{tour.id} is a batch: repeat its runs, which `gpudrop runs ls --group {tour.id}` lists")
    made = tour_acts.repeat(store, settings, tour, act)
    if json_:
        print_json(run_told(as_run(made)))
    else:
        sys.stdout.write(f"{made.id}\n")
    sys.stderr.write(f"recording in the background: `gpudrop runs logs -f {short(made.id)}` follows it\n")


def _send(settings: Settings, store: RunStore, run: Run) -> None:
    """Leave a monitor behind, unless nothing is left to do."""
    if run.is_open or run.settled_at is None:
        leave_behind(settings)


def tag(
    run: OnlyRun,
    add: Annotated[list[str] | None, typer.Argument(metavar="[TAG…]", help="Words to find it by again.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", "-r", help="Take this tag away.")] = None,
    json_: Json = False,
) -> None:
    """Give a run tags or take them away; without any, print those that it has."""
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
