"""`gpudrop runs ls|tree|export`: the commands that list runs."""

from __future__ import annotations

import contextlib
import csv
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

import typer

from dispatcher.cli.runs_select import (
    Json,
    Kinds,
    OfGroup,
    Parent,
    Since,
    Statuses,
    Tags,
    Until,
    User,
    every_run,
    in_pages,
    listed,
    one_named,
    opened,
    query_of,
)
from dispatcher.cli.tables import cells, console, runs_table, table
from dispatcher.cli.telling import print_json, runs_told
from dispatcher.config import Settings
from dispatcher.runs import with_tours
from dispatcher.runs.record import Group, Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from dispatcher.runs.tours import TOUR, as_run
from protocol.errors import EnvironmentNotReady, NotFoundError, UsageError

EVERYTHING = Query(kinds=[], statuses=[], tags=[])

COLUMNS = (
    *("id", "kind", "status", "title", "created_at", "queued_at", "started_at", "ended_at", "wait_s", "run_s"),
    *("worker", "engine", "tier", "device", "parent", "group", "repeats", "tags", "drop", "job", "user", "machine"),
    *("error_code", "error_text"),
)
"""The columns of a CSV export."""


def ls(
    text: Annotated[
        str | None, typer.Argument(help="Only runs with this text in the id, title, note, error or worker.")
    ] = None,
    kind: Kinds = None,
    status: Statuses = None,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    parent: Parent = None,
    group: OfGroup = None,
    user: User = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Show at most N runs, newest first.")] = 30,
    json_: Json = False,
) -> None:
    """List runs and tours, newest first."""
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
        sys.stderr.write("no runs yet\n" if query == EVERYTHING else "no matching runs\n")
        return
    console().print(runs_table(runs, time.time()))
    if in_all > len(runs):
        sys.stderr.write(f"{in_all - len(runs)} more: --limit {in_all} shows them all\n")


def tree(
    run: Annotated[str | None, typer.Argument(help="A run or tour; without it, the newest chains are shown.")] = None,
    tag: Tags = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Show at most N chains.")] = 20,
    json_: Json = False,
) -> None:
    """Show runs as trees: below each run those made from its outputs, below a tour its runs."""
    if run and tag:
        raise UsageError("name a run or give --tag, not both")
    with opened() as (settings, store):
        if run:
            roots = [_root_of(store, one_named(store, settings, run))]
        else:
            roots = _roots(store, settings, query_of(store, tag=tag), limit)
        lines = [line for root in roots for line in _subtree(store, root, 0, set())]
        if json_:
            rows = runs_told(store, [each for _, each in lines])
            print_json({"runs": [{**row, "depth": depth} for row, (depth, _) in zip(rows, lines, strict=True)]})
            return
    rows_shown = table("id", "kind", "status", "age", "took", last="what")
    for depth, each in lines:
        rows_shown.add_row(*cells(each, time.time(), "  " * (depth - 1) + "└ " if depth else ""))
    console().print(rows_shown)


def _root_of(store: RunStore, run: Run | Group) -> Run:
    """Return the first run of a chain, as far back as the database goes; a tour is its own root."""
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
    """Return the roots of the newest chains; a run of a tour is shown below the tour."""
    found = listed(store, settings, query, limit=20 * limit)
    tours = {run.id for run in found if run.kind == TOUR}
    roots: dict[str, Run] = {}
    for run in found:
        if run.kind == TOUR or run.group_id not in tours:
            root = run if run.kind == TOUR else _root_of(store, run)
            roots.setdefault(root.id, root)
    return list(roots.values())[:limit]


def _subtree(store: RunStore, run: Run, depth: int, seen: set[str]) -> Iterator[tuple[int, Run]]:
    if run.id in seen:
        return
    seen.add(run.id)
    yield depth, run
    is_group = run.group_id == run.id
    below = [it for it in store.search.members(run.id) if it.parent_id is None] if is_group else []
    for child in reversed([*below, *store.search.children([run.id])]):
        yield from _subtree(store, child, depth + 1, seen)


def export(
    format_: Annotated[Literal["csv", "jsonl"], typer.Option("--format", "-f", help="CSV or JSON lines.")] = "jsonl",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write to this new file instead of stdout.")] = None,
    kind: Kinds = None,
    status: Statuses = None,
    tag: Tags = None,
    since: Since = None,
) -> None:
    """Write every run as a line of CSV or JSON, newest first; times are Unix seconds."""
    with opened() as (_, store):
        query = query_of(store, kind=kind, status=status, tag=tag, since=since)
        if out is None:
            _export(store, query, format_, sys.stdout)
            return
        with _created(out) as file:
            count = _export(store, query, format_, file)
    sys.stderr.write(f"{count} run(s) written to {out}\n")


@contextlib.contextmanager
def _created(out: Path) -> Iterator[TextIO]:
    """Create a file for the length of a block; after an error it is removed."""
    try:
        file = out.open("x", encoding="utf-8", newline="")
    except FileExistsError as error:
        raise UsageError(f"{out} already exists: name another file, or remove it") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"there is no folder {out.parent}: make it, or name another file with --out") from error
    except OSError as error:
        raise EnvironmentNotReady(f"{out} cannot be written: {error.strerror}; name another file with --out") from error
    try:
        with file:
            yield file
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def _export(store: RunStore, query: Query, format_: str, to: TextIO) -> int:
    writer = csv.DictWriter(to, COLUMNS, extrasaction="ignore") if format_ == "csv" else None
    if writer:
        writer.writeheader()
    count = 0
    for page in in_pages(every_run(store, query)):
        for row in runs_told(store, page):
            count += 1
            if writer:
                writer.writerow(_flat(row))
            else:
                to.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    error = row["error"] or {}
    return {**row, "tags": " ".join(row["tags"]), "error_code": error.get("code"), "error_text": error.get("text")}
