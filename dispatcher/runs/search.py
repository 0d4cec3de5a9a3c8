"""Finding runs for people: filters, short ids, relatives, groups and counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, insert, or_, select, update

from dispatcher.runs.database import Database
from dispatcher.runs.models import GroupRow, RunRow, TagRow
from dispatcher.runs.record import Group, GroupSort, Run
from dispatcher.runs.rows import IS_OPEN, RUNS, run_of, select_runs
from protocol.errors import NotFoundError, UsageError

LAST = "last"
"""Stands for the newest run wherever an id is asked for."""

_GROUP = [getattr(GroupRow, field.name) for field in dataclasses.fields(Group)]
_AMBIGUOUS_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which runs are wanted; what is empty or None says nothing. Times are Unix seconds."""

    kinds: Sequence[str] = ()
    statuses: Sequence[str] = ()
    tags: Sequence[str] = ()  # a run has all of them
    since: float | None = None  # created at or after
    until: float | None = None  # created before
    parent: str | None = None
    group: str | None = None
    text: str = ""  # in its id, title, note, error or worker
    user: str | None = None
    drop_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class PageCursor:
    """Where a page of runs ended: the next one begins after this run."""

    created_at: float
    id: str


class Search:
    """Looks for runs; writes nothing but groups."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, query: Query, *, limit: int = 50, after: PageCursor | None = None) -> list[Run]:
        """Return the newest runs first; a page goes on `after` the last run of the one before."""
        wanted = _wanted(query)
        if after is not None:
            same = and_(RunRow.created_at == after.created_at, RunRow.id < after.id)
            wanted.append(or_(RunRow.created_at < after.created_at, same))
        with self._database.reading() as connection:
            return select_runs(connection, *wanted, limit=limit)

    def count(self, query: Query) -> dict[str, int]:
        """Return how many runs there are by status; one without runs is left out."""
        wanted = select(RunRow.status, func.count()).where(*_wanted(query)).group_by(RunRow.status)
        with self._database.reading() as connection:
            return dict(iter(connection.execute(wanted)))

    def resolve(self, name: str) -> Run:
        """Return the run that an id, the beginning of one or of its last part, or "last" stands for.

        None raises NotFoundError; more than one raises UsageError, which names some.
        """
        with self._database.reading() as connection:
            runs = run_named(connection, name)
            group = None if runs else connection.execute(_group_named(name)).first()
        if group is not None:
            raise UsageError(
                f"{name!r} is a {group.sort}, and this takes a run: `gpudrop runs ls --group {name}` lists its runs"
            )
        if not runs:
            raise NotFoundError(f"there is no run {name!r}: `gpudrop runs ls` lists them")
        exact = [run for run in runs if run.id == name]
        if len(runs) > 1 and not exact:
            shown = ", ".join(run.id for run in runs[:_AMBIGUOUS_SHOWN])
            raise UsageError(f"{name!r} may be more than one run: {shown}; write more of its id")
        return (exact or runs)[0]

    def of_jobs(self, drop_id: str, jobs: Collection[str]) -> dict[str, Run]:
        """Return the runs that these job folders of a drop belong to, by folder; a folder of nobody is left out."""
        if not jobs:
            return {}
        with self._database.reading() as connection:
            mine = select_runs(connection, RunRow.drop_id == drop_id, RunRow.job.in_(sorted(jobs)))
        return {run.job: run for run in mine}

    def children(self, run_ids: Sequence[str]) -> list[Run]:
        """Return the runs that were made of these runs' outputs."""
        with self._database.reading() as connection:
            return select_runs(connection, RunRow.parent_id.in_(run_ids))

    def unsettled(self, machine: str) -> list[Run]:
        """Return the runs of a machine that a monitor has something to do for, oldest first."""
        mine = RunRow.machine == machine
        with self._database.reading() as connection:
            return select_runs(connection, mine, or_(IS_OPEN, RunRow.settled_at.is_(None)))[::-1]

    def members(self, group_id: str) -> list[Run]:
        """Return every run of a group, the newest first."""
        with self._database.reading() as connection:
            return select_runs(connection, RunRow.group_id == group_id)

    def delays(self, *, since: float) -> list[tuple[float, str, float]]:
        """Return (when, drop id, seconds from an offer to the sight of its claim), oldest first."""
        wanted = select(RunRow.created_at, RunRow.drop_id, RunRow.claim_delay_s)
        known = (RunRow.claim_delay_s.is_not(None), RunRow.created_at >= since)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.where(*known).order_by(RunRow.created_at))
            return [(at, drop, delay) for at, drop, delay in rows if delay is not None]

    def drops(self) -> list[tuple[str, str]]:
        """Return (address, drop id) of each drop that runs went to, the one used last first."""
        last = func.max(RunRow.created_at)
        wanted = select(RunRow.drop, RunRow.drop_id).group_by(RunRow.drop, RunRow.drop_id).order_by(last.desc())
        with self._database.reading() as connection:
            return [(drop, drop_id) for drop, drop_id in connection.execute(wanted)]

    def all_tags(self) -> list[str]:
        """Return every tag in use, sorted."""
        with self._database.reading() as connection:
            return list(connection.execute(select(TagRow.tag).distinct().order_by(TagRow.tag)).scalars())

    def begin_group(self, group: Group) -> None:
        """Remember a group; its runs name it."""
        with self._database.writing() as connection:
            connection.execute(insert(GroupRow).values(**dataclasses.asdict(group)))

    def end_group(
        self, group_id: str, status: str, *, at: float, error: str | None = None, report: str | None = None
    ) -> None:
        """Remember how a group ended."""
        values = {"status": status, "ended_at": at, "error_text": error, "report": report}
        with self._database.writing() as connection:
            connection.execute(update(GroupRow).where(GroupRow.id == group_id).values(values))

    def groups(self, *, sort: GroupSort | None = None, limit: int = 50) -> list[Group]:
        """Return the newest groups first."""
        wanted = select(*_GROUP).order_by(GroupRow.created_at.desc(), GroupRow.id.desc()).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.where(GroupRow.sort == sort) if sort else wanted)
            return [Group(**row._mapping) for row in rows]

    def group(self, group_id: str) -> Group:
        """Return a group; one that there is not raises NotFoundError."""
        with self._database.reading() as connection:
            row = connection.execute(select(*_GROUP).where(GroupRow.id == group_id)).first()
        if row is None:
            raise NotFoundError(f"there is no group {group_id}")
        return Group(**row._mapping)


def _group_named(name: str) -> Select[Any]:
    ends = GroupRow.id.endswith(f"-{name}", autoescape=True)
    return select(GroupRow.sort).where(or_(GroupRow.id == name, ends))


def run_named(connection: Connection, name: str) -> list[Run]:
    """Return the runs that a name may stand for, a few more than one at most."""
    return [run_of(row) for row in connection.execute(_named(name))]


def _wanted(query: Query) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool] | None] = [
        RunRow.kind.in_(query.kinds) if query.kinds else None,
        RunRow.status.in_(query.statuses) if query.statuses else None,
        RunRow.created_at >= query.since if query.since is not None else None,
        RunRow.created_at < query.until if query.until is not None else None,
        RunRow.parent_id == query.parent if query.parent else None,
        RunRow.group_id == query.group if query.group else None,
        RunRow.user == query.user if query.user else None,
        RunRow.drop_id == query.drop_id if query.drop_id else None,
        _contains(query.text) if query.text else None,
        *(RunRow.id.in_(select(TagRow.run_id).where(TagRow.tag == tag)) for tag in query.tags),
    ]
    return [each for each in wanted if each is not None]


def _contains(text: str) -> ColumnElement[bool]:
    words = (RunRow.id, RunRow.title, RunRow.progress_note, RunRow.error_text, RunRow.error_code, RunRow.worker)
    return or_(*(column.icontains(text, autoescape=True) for column in words))


def _named(name: str) -> Select[Any]:
    if name == LAST:
        return RUNS.limit(1)
    begins = RunRow.id.istartswith(name, autoescape=True)
    ends = RunRow.id.icontains(f"-{name}", autoescape=True)
    return RUNS.where(or_(RunRow.id == name, begins, ends) if name else RunRow.id == "").limit(_AMBIGUOUS_SHOWN + 1)
