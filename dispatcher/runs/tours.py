"""Tours among the runs: found by the same names, listed by the same filters, shown in the same lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update

from dispatcher.runs.database import Database
from dispatcher.runs.models import GroupRow
from dispatcher.runs.record import Group, Run, Status
from dispatcher.runs.search import LAST, PageCursor, Query, run_named
from protocol.errors import NotFoundError, UsageError

TOUR = "tour"
"""The kind that lists give a tour."""

_GROUP = [getattr(GroupRow, field.name) for field in dataclasses.fields(Group)]
_SHOWN = 5


class Tours:
    """Looks for groups as `Search` does for runs, and remembers how a tour stands."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, query: Query, *, limit: int = 50, after: PageCursor | None = None) -> list[Group]:
        """Return the newest tours that a query for runs would list too, were they runs; `after` as in `Search.find`."""
        if (wanted := _wanted(query)) is None:
            return []
        if after is not None:
            same = and_(GroupRow.created_at == after.created_at, GroupRow.id < after.id)
            wanted.append(or_(GroupRow.created_at < after.created_at, same))
        statement = select(*_GROUP).where(*wanted).order_by(GroupRow.created_at.desc(), GroupRow.id.desc())
        with self._database.reading() as connection:
            return [Group(**row._mapping) for row in connection.execute(statement.limit(limit))]

    def count(self, query: Query) -> dict[str, int]:
        """Return how many tours there are by status."""
        if (wanted := _wanted(query)) is None:
            return {}
        statement = select(GroupRow.status, func.count()).where(*wanted).group_by(GroupRow.status)
        with self._database.reading() as connection:
            return dict(iter(connection.execute(statement)))

    def named(self, name: str) -> Run | Group:
        """Return the run, tour or batch that an id, the beginning of one or of its last part stands for, or "last".

        A tour is also called by its title: the newest of that title counts. None raises NotFoundError; more than one
        raises UsageError, which names some.
        """
        with self._database.reading() as connection:
            runs = run_named(connection, name)
            groups = [Group(**row._mapping) for row in connection.execute(_named(name))]
            if not runs and not groups and name:
                titled = and_(GroupRow.sort == TOUR, func.lower(GroupRow.title) == name.lower())
                newest = select(*_GROUP).where(titled).order_by(GroupRow.created_at.desc()).limit(1)
                groups = [Group(**row._mapping) for row in connection.execute(newest)]
        if name == LAST:
            return _newest(runs, groups)
        found: list[Run | Group] = [*runs, *groups]
        exact = [each for each in found if each.id == name]
        if not found:
            raise NotFoundError(f"there is no run or tour {name!r}: `gpudrop runs ls` lists them")
        if len(found) > 1 and not exact:
            shown = ", ".join(each.id for each in found[:_SHOWN])
            raise UsageError(f"{name!r} may be more than one: {shown}; write more of its id")
        return (exact or found)[0]

    def begin(self, group: Group) -> bool:
        """Remember a tour under way. One that was announced is as it is told now; one that has ended stays: False."""
        values = {field.name: getattr(group, field.name) for field in dataclasses.fields(Group)}
        with self._database.writing() as connection:
            changed = connection.execute(update(GroupRow).where(*_open(group.id)).values(values)).rowcount
            if changed:
                return True
            if connection.execute(select(GroupRow.id).where(GroupRow.id == group.id)).first() is not None:
                return False
            connection.execute(insert(GroupRow).values(values))
            return True

    def end(
        self,
        group_id: str,
        status: str,
        *,
        at: float,
        error: str | None = None,
        report: str | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> bool:
        """Remember how a tour ended; one that has ended stays as it is: False. `config` is as it is from now on."""
        values: dict[str, Any] = {"status": status, "ended_at": at, "error_text": error, "report": report}
        if config is not None:
            values["execution_config"] = dict(config)
        with self._database.writing() as connection:
            return bool(connection.execute(update(GroupRow).where(*_open(group_id)).values(values)).rowcount)

    def forget(self, group_ids: Sequence[str]) -> None:
        """Forget tours that have ended; their runs are forgotten by themselves."""
        with self._database.writing() as connection:
            ended = GroupRow.ended_at.is_not(None)
            connection.execute(delete(GroupRow).where(GroupRow.id.in_(group_ids), ended))


def as_run(group: Group) -> Run:
    """Return a tour as a line of a list shows it. It is no run: nothing is done to it by its id alone."""
    statuses: dict[str, Status] = {"running": "running"}
    return Run(
        id=group.id,
        key=group.id,
        kind=TOUR if group.sort == TOUR else group.sort,
        status=statuses.get(group.status, group.status),
        drop="",
        drop_id="",
        job=group.id,
        digest="",
        request=b"-",
        created_at=group.created_at,
        updated_at=group.ended_at or group.created_at,
        title=f"{group.title} (dry run)" if group.execution_config.get("dry_run") else group.title,
        user=group.user,
        machine=group.machine,
        group_id=group.id,
        execution_config=group.execution_config,
        queued_at=group.created_at,
        started_at=group.created_at,
        ended_at=group.ended_at,
        worker=group.machine or None,
        error_text=group.error_text,
    )


def _newest(runs: Sequence[Run], groups: Sequence[Group]) -> Run | Group:
    """Return the newest of what there is; a run of a tour is a part of it."""
    if not runs and not groups:
        raise NotFoundError("there is no run yet: `gpudrop runs ls` lists them")
    if not groups or (runs and runs[0].group_id != groups[0].id and runs[0].created_at > groups[0].created_at):
        return runs[0]
    return groups[0]


def _open(group_id: str) -> tuple[ColumnElement[bool], ...]:
    return GroupRow.id == group_id, GroupRow.ended_at.is_(None)


def _named(name: str) -> Any:
    statement = select(*_GROUP).order_by(GroupRow.created_at.desc(), GroupRow.id.desc())
    if name == LAST:
        return statement.where(GroupRow.sort == TOUR).limit(1)
    begins = GroupRow.id.istartswith(name, autoescape=True)
    ends = GroupRow.id.icontains(f"-{name}", autoescape=True)
    return statement.where(or_(begins, ends) if name else GroupRow.id == "").limit(_SHOWN + 1)


def _wanted(query: Query) -> list[ColumnElement[bool]] | None:
    """Return what tours must be for a query; None where no tour can be meant."""
    if query.parent or query.tags or query.drop_id or (query.kinds and TOUR not in query.kinds):
        return None
    wanted: list[ColumnElement[bool] | None] = [
        GroupRow.sort == TOUR,
        GroupRow.status.in_(query.statuses) if query.statuses else None,
        GroupRow.created_at >= query.since if query.since is not None else None,
        GroupRow.created_at < query.until if query.until is not None else None,
        GroupRow.id == query.group if query.group else None,
        GroupRow.user == query.user if query.user else None,
        _contains(query.text) if query.text else None,
    ]
    return [each for each in wanted if each is not None]


def _contains(text: str) -> ColumnElement[bool]:
    columns = (GroupRow.id, GroupRow.title, GroupRow.error_text)
    return or_(*(column.icontains(text, autoescape=True) for column in columns))
