"""`gpudrop runs cancel|retry|rerun|tag`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Annotated

import typer

from dispatcher.cli.opening import Json, RunName, RunNames, opened, resolve, tell_drop
from dispatcher.cli.telling import print_json, run_told
from dispatcher.config import Settings
from dispatcher.monitor import acts
from dispatcher.monitor.background import leave_behind
from dispatcher.runs.record import Run, short
from dispatcher.runs.store import RunStore
from dispatcher.runs.tags import check_tags

Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Leave a monitor behind that sends it and brings the result home.")
]


def cancel(
    runs: RunNames,
    reason: Annotated[str, typer.Option(help="What the worker and the history are told.")] = "cancelled by the user",
    json_: Json = False,
) -> None:
    """End open runs without a result, here and on the worker; their chains do not go on.

    A run that has ended stays as it is: exit code 1 where none of them was open.
    """
    with opened() as (settings, store):
        found = resolve(store, runs)
        done = [run for run in found if acts.cancel(store, run.id, reason=reason, now=time.time(), settings=settings)]
        ours = {run.id for run in done}
        untold = {run.id for run in tell_drop(settings, store, done)}
        now = [store.get(run.id) for run in found]
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
    if not done:
        raise typer.Exit(1)


def retry(run: RunName, wait: Wait = True, json_: Json = False) -> None:
    """Try again what a run failed at, was cancelled at or expired at. What verified is kept, and its chain goes on."""
    _again(acts.retry, run, wait, json_)


def rerun(run: RunName, wait: Wait = True, json_: Json = False) -> None:
    """Make a new run with the inputs and parameters of another one, whatever became of that."""
    _again(acts.rerun, run, wait, json_)


def _again(act: Callable[..., Run], name: str, wait: bool, json_: bool) -> None:
    with opened() as (settings, store):
        first = store.search.resolve(name)
        made = act(store, first.id, now=time.time(), settings=settings)
        if wait:
            _send(settings, store, made)
        made = store.get(made.id)
        if json_:
            print_json(run_told(made, store.trace.tags([made.id])[made.id]))
        else:
            sys.stdout.write(f"{made.id}\n")
    sys.stderr.write(f"`gpudrop runs watch {short(made.id)}` shows how it goes\n" if made.is_open else "")


def _send(settings: Settings, store: RunStore, run: Run) -> None:
    """Leave a monitor behind, unless nothing is left to do."""
    if run.is_open or run.settled_at is None:
        leave_behind(settings)


def tag(
    run: RunName,
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
