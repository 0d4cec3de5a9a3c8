"""What the run commands have in common: choosing runs by options or by name, opening the database, asking."""

from __future__ import annotations

import contextlib
import itertools
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import typer

from dispatcher.config import Settings
from dispatcher.runs import with_tours
from dispatcher.runs.record import OPEN, TERMINAL, Group, Run
from dispatcher.runs.search import PageCursor, Query
from dispatcher.runs.store import RunStore
from dispatcher.runs.tours import TOUR
from protocol.errors import UsageError
from usertext.problems import not_one_of

BAD = ("failed", "crashed", "expired")
"""What `--status bad` stands for: ended without a result, and not because the user cancelled it."""

PAGE = 500

_SETS = {"open": sorted(OPEN), "ended": sorted(TERMINAL), "bad": [*BAD]}

Kinds = Annotated[list[str] | None, typer.Option("--kind", "-k", help="Only this kind; may be repeated.")]
Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", "-s", help="Only this status, or open, ended or bad; may be repeated."),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", "-t", help="Only with this tag; repeat it to require several.")
]
Since = Annotated[
    str | None, typer.Option("--since", help="Only runs created since then: 30m, 2h, 7d, today, 2026-11-25.")
]
Until = Annotated[str | None, typer.Option("--until", help="Only runs created before then, written like --since.")]
Parent = Annotated[str | None, typer.Option("--parent", metavar="RUN", help="Only runs made from this run's output.")]
OfGroup = Annotated[str | None, typer.Option("--group", help="Only runs of this tour or batch: its id or a prefix.")]
User = Annotated[str | None, typer.Option("--user", help="Only runs of this user.")]

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OnlyRun = Annotated[
    str, typer.Argument(metavar="RUN", help="A run: its id, a prefix of the id or of its last part, or `last`.")
]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run or tour: its id, a prefix of the id or of its last part, or `last`.")
]
RunNames = Annotated[
    list[str], typer.Argument(metavar="RUN…", help="Runs and tours: ids, or prefixes of ids or of their last parts.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]


@contextlib.contextmanager
def opened() -> Iterator[tuple[Settings, RunStore]]:
    """Open the run database for the length of a block."""
    settings = Settings()
    with RunStore.open(settings.database, durability=settings.durability) as store:
        yield settings, store


def confirmed(question: str, *, yes: bool) -> bool:
    """Ask, unless `yes` was given. Raises UsageError if there is no terminal to ask on."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"{question} There is no terminal to ask on: add --yes")
    return typer.confirm(question, err=True)


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
    """Return the options as a query. Raises UsageError with the allowed values for a kind or status there is not."""
    now = time.time()
    return Query(
        kinds=checked_kinds(_parts(kind)),
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


def checked_kinds(names: list[str]) -> list[str]:
    """Return the values of `--kind`. Raises UsageError for a kind there is not."""
    if not names:
        return names
    from protocol.kinds import KINDS  # loaded only where a kind is named

    return checked_names(names, sorted([*KINDS, TOUR]), "--kind")


def checked_names(names: list[str], allowed: Sequence[str], option: str) -> list[str]:
    """Return the values of an option. Raises UsageError, which lists the allowed ones, for any other."""
    if unknown := [name for name in names if name not in allowed]:
        raise UsageError(f"{option}: {not_one_of(unknown[0], allowed)}")
    return names


def _statuses(names: list[str]) -> list[str]:
    checked_names(names, [*sorted(OPEN), *sorted(TERMINAL), *_SETS], "--status")
    return sorted({status for name in names for status in _SETS.get(name, [name])})


def _group(store: RunStore, name: str) -> str:
    groups = store.search.groups(limit=10_000)
    found = [group.id for group in groups if group.id.startswith(name) or f"-{name}" in group.id]
    if name in found or len(found) == 1:
        return name if name in found else found[0]
    if found:
        raise UsageError(f"--group {name!r} is ambiguous: {', '.join(found[:5])}; write more of the id")
    return name  # an unknown group has no runs


def listed(store: RunStore, settings: Settings, query: Query, *, limit: int) -> list[Run]:
    """Return the newest runs and tours first, after tours whose process is gone were marked as crashed."""
    mark_dead_tours(store, settings)
    return with_tours.find(store, query, limit=limit)


def mark_dead_tours(store: RunStore, settings: Settings) -> None:
    """Mark every tour of this machine whose process is gone as crashed."""
    if store.tours.find(Query(statuses=("running",)), limit=1):
        from dispatcher.tour.control import mark_dead  # slow to import: only where a tour is running

        mark_dead(store, settings)


def named(store: RunStore, settings: Settings, names: Sequence[str]) -> list[Run | Group]:
    """Return the named runs and tours, each once. Raises if any of them is unknown."""
    mark_dead_tours(store, settings)
    found = [store.tours.named(name) for name in names]
    return list({each.id: each for each in found}.values())


def one_named(store: RunStore, settings: Settings, name: str) -> Run | Group:
    """Return the named run or tour."""
    [found] = named(store, settings, [name])
    return found


def members(store: RunStore, group: Group) -> list[Run]:
    """Return the runs of a tour or batch, oldest first."""
    return store.search.members(group.id)[::-1]


def only_runs(found: Sequence[Run | Group]) -> list[Run]:
    """Return only the runs."""
    return [each for each in found if isinstance(each, Run)]


def only_groups(found: Sequence[Run | Group]) -> list[Group]:
    """Return only the tours and batches."""
    return [each for each in found if isinstance(each, Group)]


def every_run(store: RunStore, query: Query) -> Iterator[Run]:
    """Yield every matching run, newest first, read in pages."""
    after: PageCursor | None = None
    while page := store.search.find(query, limit=PAGE, after=after):
        yield from page
        after = PageCursor(created_at=page[-1].created_at, id=page[-1].id)


def in_pages(runs: Iterable[Run]) -> Iterator[list[Run]]:
    """Yield runs in lists of at most PAGE."""
    rest = iter(runs)
    while page := list(itertools.islice(rest, PAGE)):
        yield page


_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?) ?(s|m|min|h|d|w)")


def moment(text: str, now: float, option: str = "--since") -> float:
    """Return the Unix time that a text stands for; a duration such as `2h` means that long before `now`."""
    if (duration := _duration(text)) is not None:
        return now - duration
    day = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
    days = {"today": day, "yesterday": day - timedelta(days=1)}
    if text.strip().lower() in days:
        return days[text.strip().lower()].timestamp()
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except ValueError as error:
        raise UsageError(
            f"{option} {text!r} is not a time: write 30m, 2h, 7d, today, yesterday, 2026-11-25 or '2026-11-25 14:30'"
        ) from error


def seconds(text: str, option: str) -> float:
    """Return a duration in seconds."""
    if (found := _duration(text)) is None:
        raise UsageError(f"{option} {text!r} is not a duration: write 90s, 30m, 2h, 7d or 2w")
    return found


def _duration(text: str) -> float | None:
    found = _DURATION.fullmatch(text.strip().lower())
    return float(found[1]) * _UNITS[found[2]] if found else None
