"""Between rows and records: the statements that every room of this package asks runs by."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, select
from sqlalchemy.dialects import sqlite

from dispatcher.runs.models import Base, RunRow
from dispatcher.runs.record import OPEN, Run
from protocol.errors import NotFoundError

RUN_FIELDS = [field.name for field in dataclasses.fields(Run)]
COLUMNS = [getattr(RunRow, name) for name in RUN_FIELDS]
IS_OPEN = RunRow.status.in_(sorted(OPEN))

# What every look asks is built once: making a statement costs SQLAlchemy more than running it.
RUNS = select(*COLUMNS).order_by(RunRow.created_at.desc(), RunRow.id.desc())
BY_ID = select(*COLUMNS).where(RunRow.id == bindparam("run"))
BY_KEY = RUNS.where(RunRow.key == bindparam("key")).limit(1)
OPEN_BY_KEY = RUNS.where(RunRow.key == bindparam("key"), IS_OPEN).limit(1)


def run_of(row: Row[Any]) -> Run:
    """Return the run of a row of COLUMNS."""
    return Run(**dict(zip(RUN_FIELDS, row, strict=True)))


def columns_of(record: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return the named fields of a record, for a statement."""
    return {name: getattr(record, name) for name in names}


def select_runs(connection: Connection, *wanted: ColumnElement[bool], limit: int | None = None) -> list[Run]:
    """Return the newest runs first."""
    return [run_of(row) for row in connection.execute(RUNS.where(*wanted).limit(limit))]


def one_run(connection: Connection, statement: Select[Any], **named: Any) -> Run | None:
    """Return the first run that a statement finds."""
    row = connection.execute(statement, named).first()
    return run_of(row) if row is not None else None


def get_run(connection: Connection, run_id: str) -> Run:
    """Return a run; one that there is not raises NotFoundError."""
    if (found := one_run(connection, BY_ID, run=run_id)) is None:
        raise NotFoundError(f"there is no run {run_id}")
    return found


def _insert(connection: Connection, table: type[Base]) -> Any:
    """Return an insert that can say what happens to rows that are there: each database has its own class for it."""
    if connection.dialect.name != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # slow to import, so only where it is used

    return postgresql.insert(table)


def put(connection: Connection, table: type[Base], rows: Sequence[Mapping[str, Any]], update: Sequence[str]) -> None:
    """Insert rows; one that is there already is changed in the columns `update`, or stays as it is without any.

    They go in by the order of their keys, so that two who put the same rows wait for each other, and not both at once.
    """
    if not rows:
        return
    statement: Any = _insert(connection, table)
    keys = [column.name for column in table.__table__.primary_key]
    if update:
        changes = {name: getattr(statement.excluded, name) for name in update}
        statement = statement.on_conflict_do_update(index_elements=keys, set_=changes)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    connection.execute(statement, sorted(rows, key=lambda row: [row[key] for key in keys]))
