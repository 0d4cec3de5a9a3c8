"""The options that choose runs, the same for every command that lists them, and the query that they become."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from dispatcher.cli.listing import KIND_NAMES
from dispatcher.cli.moments import moment
from dispatcher.runs.record import OPEN, TERMINAL
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from protocol.errors import UsageError
from protocol.kinds import KINDS
from usertext.problems import not_one_of

BAD = ("failed", "crashed", "expired")
"""What `--status bad` stands for: ended without a result, and not because the user cancelled it."""

_SETS = {"open": sorted(OPEN), "ended": sorted(TERMINAL), "bad": [*BAD]}

Kinds = Annotated[list[str] | None, typer.Option("--kind", "-k", help="Of this kind; may be given more than once.")]
Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", "-s", help="A status, or open, ended or bad; may be given more than once."),
]
Tags = Annotated[list[str] | None, typer.Option("--tag", "-t", help="With this tag; with all of several.")]
Since = Annotated[str | None, typer.Option("--since", help="Asked for since: 30m, 2h, 7d, today, 2026-11-25.")]
Until = Annotated[str | None, typer.Option("--until", help="Asked for before; written as --since is.")]
Parent = Annotated[str | None, typer.Option("--parent", metavar="RUN", help="Made of this run's output.")]
Group = Annotated[str | None, typer.Option("--group", help="Of this tour or batch: the beginning of its id.")]
User = Annotated[str | None, typer.Option("--user", help="Asked for by this user.")]


def query_of(
    store: RunStore,
    *,
    text: str | None = None,
    kind: list[str] | None = None,
    status: list[str] | None = None,
    tag: list[str] | None = None,
    since: str | None = None,
    until: str | None = None,
    parent: str | None = None,
    group: str | None = None,
    user: str | None = None,
) -> Query:
    """Return what is asked for as a query; what there is not raises an error that lists what there is."""
    now = time.time()
    return Query(
        kinds=known(_parts(kind), sorted([*KINDS, *KIND_NAMES]), "--kind"),
        statuses=_statuses(_parts(status)),
        tags=_parts(tag),
        since=moment(since, now) if since else None,
        until=moment(until, now, "--until") if until else None,
        parent=store.search.resolve(parent).id if parent else None,
        group=_group(store, group) if group else None,
        text=text or "",
        user=user,
    )


def _parts(given: list[str] | None) -> list[str]:
    return [part for each in given or () for part in each.split(",") if part]


def known(names: list[str], there: list[str], option: str) -> list[str]:
    """Return names of an option. One that there is not raises UsageError, which lists those that there are."""
    if unknown := [name for name in names if name not in there]:
        raise UsageError(f"{option}: {not_one_of(unknown[0], there)}")
    return names


def _statuses(names: list[str]) -> list[str]:
    known(names, [*sorted(OPEN), *sorted(TERMINAL), *_SETS], "--status")
    return sorted({status for name in names for status in _SETS.get(name, [name])})


def _group(store: RunStore, name: str) -> str:
    found = [
        group.id for group in store.search.groups(limit=10_000) if group.id.startswith(name) or f"-{name}" in group.id
    ]
    if name in found or len(found) == 1:
        return name if name in found else found[0]
    if found:
        raise UsageError(f"--group {name!r} may be more than one: {', '.join(found[:5])}; write more of its id")
    return name  # no group: no run has it
