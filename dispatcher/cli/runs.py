"""`gpudrop runs`: what was asked for, how it stands, and what can be done about it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from dispatcher.cli import runs_act, runs_keep, runs_logs, runs_rebuild, runs_replay, runs_show, runs_watch
from dispatcher.cli.choosing import Group as OfGroup
from dispatcher.cli.choosing import Kinds, Parent, Since, Statuses, Tags, Until, User, query_of
from dispatcher.cli.errors import EPILOG
from dispatcher.cli.listing import listed, one_named
from dispatcher.cli.opening import Json, opened
from dispatcher.cli.showing import cells, console, runs_table, table
from dispatcher.cli.telling import print_json, runs_told
from dispatcher.config import Settings
from dispatcher.runs import with_tours
from dispatcher.runs.record import Group, Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from dispatcher.runs.tours import TOUR, as_run
from protocol.errors import NotFoundError, UsageError

app = typer.Typer(
    name="runs",
    help="What was asked for, how it stands, and what can be done about it.",
    no_args_is_help=True,
    epilog=EPILOG,
)

EVERYTHING = Query(kinds=[], statuses=[], tags=[])


@app.command("ls", epilog=EPILOG)
def ls(
    text: Annotated[str | None, typer.Argument(help="In the id, title, note, error or worker.")] = None,
    kind: Kinds = None,
    status: Statuses = None,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    parent: Parent = None,
    group: OfGroup = None,
    user: User = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="So many at most, the newest.")] = 30,
    json_: Json = False,
) -> None:
    """List runs and tours, the newest first."""
    with opened() as (settings, store):
        query = query_of(
            store,
            text=text,
            kind=kind,
            status=status,
            tag=tag,
            since=since,
            until=until,
            parent=parent,
            group=group,
            user=user,
        )
        runs = listed(store, settings, query, limit=limit)
        in_all = sum(with_tours.count(store, query).values()) if len(runs) == limit else len(runs)
        if json_:
            print_json({"runs": runs_told(store, runs), "in_all": in_all})
            return
    if not runs:
        sys.stderr.write("no run yet\n" if query == EVERYTHING else "no matching runs\n")
        return
    console().print(runs_table(runs, time.time()))
    if in_all > len(runs):
        sys.stderr.write(f"{in_all - len(runs)} more: --limit {in_all} shows them all\n")


@app.command("tree", epilog=EPILOG)
def tree(
    run: Annotated[str | None, typer.Argument(help="A run or tour; without it the newest chains.")] = None,
    tag: Tags = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="So many chains at most.")] = 20,
    json_: Json = False,
) -> None:
    """Show runs with the runs that were made of their outputs below them, and tours with their runs."""
    if run and tag:
        raise UsageError("name a run or give --tag, not both")
    with opened() as (settings, store):
        if run:
            roots = [_root_of(store, one_named(store, settings, run))]
        else:
            roots = _roots(store, settings, query_of(store, tag=tag), limit)
        lines = [line for root in roots for line in _below(store, root, 0, set())]
        if json_:
            told = runs_told(store, [each for _, each in lines])
            print_json({"runs": [{**it, "depth": depth} for it, (depth, _) in zip(told, lines, strict=True)]})
            return
    made = table("id", "kind", "status", "age", "took", last="what")
    for depth, each in lines:
        made.add_row(*cells(each, time.time(), "  " * (depth - 1) + "└ " if depth else ""))
    console().print(made)


def _root_of(store: RunStore, run: Run | Group) -> Run:
    """Return the run that a chain begins with, as far up as it is remembered; a tour begins with itself."""
    if isinstance(run, Group):
        return as_run(run)
    seen = {run.id}
    while run.parent_id is not None and run.parent_id not in seen:
        try:
            run = store.get(run.parent_id)
        except NotFoundError:
            break  # it was removed
        seen.add(run.id)
    return run


def _roots(store: RunStore, settings: Settings, query: Query, limit: int) -> list[Run]:
    """Return what the newest chains begin with; a run of a tour stands below that."""
    found = listed(store, settings, query, limit=20 * limit)
    tours = {run.id for run in found if run.kind == TOUR}
    roots: dict[str, Run] = {}
    for run in found:
        if run.kind == TOUR or run.group_id not in tours:
            root = run if run.kind == TOUR else _root_of(store, run)
            roots.setdefault(root.id, root)
    return list(roots.values())[:limit]


def _below(store: RunStore, run: Run, depth: int, seen: set[str]) -> Iterator[tuple[int, Run]]:
    if run.id in seen:
        return
    seen.add(run.id)
    yield depth, run
    is_group = run.group_id == run.id
    below = [it for it in store.search.members(run.id) if it.parent_id is None] if is_group else []
    for child in reversed([*below, *store.search.children([run.id])]):
        yield from _below(store, child, depth + 1, seen)


_OTHERS: dict[str, Callable[..., None]] = {
    "show": runs_show.show,
    "logs": runs_logs.logs,
    "watch": runs_watch.watch,
    "cancel": runs_act.cancel,
    "retry": runs_act.retry,
    "rerun": runs_act.rerun,
    "tag": runs_act.tag,
    "rm": runs_keep.rm,
    "prune": runs_keep.prune,
    "export": runs_keep.export,
    "replay": runs_replay.replay,
    "bundle": runs_replay.bundle,
    "reindex": runs_rebuild.reindex,
    "heal": runs_rebuild.heal,
}

for _name, _command in _OTHERS.items():
    app.command(_name, epilog=EPILOG)(_command)
