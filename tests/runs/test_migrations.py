"""Databases of every earlier revision are brought to this one, with what is in them. Nothing here counts revisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import alembic.command
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    create_engine,
    insert,
    select,
)

from dispatcher.runs import schema
from dispatcher.runs.models import Base
from dispatcher.runs.record import OPEN
from dispatcher.runs.store import RunStore

VERSION = "alembic_version"
KNOWN: dict[str, Any] = {"status": "running", "verified": "full", "seq": 1000}
"""Values of columns that take only some; a new rule for a column makes the tests here ask for a value."""


ENDING = ("status", "updated_at", "ended_at", "monitor", "monitor_until")
"""What the end of a run changes in it."""


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", "dispatcher.runs:migrations")
    return made


REVISIONS = [script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()]


@pytest.fixture
def engine(database: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Return the way to an empty database of each kind, past the store."""
    if database.startswith("sqlite"):
        request.getfixturevalue("file").parent.mkdir()
    made = create_engine(database)
    yield made
    made.dispose()


def make(engine: Engine, revision: str) -> None:
    """Make a database as gpudrop of that revision did."""
    old = config()
    with engine.begin() as connection:
        old.attributes["connection"] = connection
        alembic.command.upgrade(old, revision)


def tables(connection: Connection) -> list[Table]:
    """Return the tables that are there, each after those that it refers to."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != VERSION]


def sample(column: Column[Any], number: int) -> Any:
    """Return a value of a column's type that no other column has."""
    if column.name in KNOWN:
        return KNOWN[column.name]
    of_type = {JSON: {"é": [number, None]}, Boolean: True, Integer: number, Float: number + 0.123456789}
    of_type[LargeBinary] = bytes([0, 255, number])
    return next((value for kind, value in of_type.items() if isinstance(column.type, kind)), f"ü {number}")


def fill(connection: Connection) -> dict[str, dict[str, Any]]:
    """Put one row into every table, a value in every column; return the rows."""
    rows: dict[str, dict[str, Any]] = {}
    for table in tables(connection):
        row = {column.name: sample(column, number) for number, column in enumerate(table.columns, 1)}
        for column in table.columns:
            for key in column.foreign_keys:
                target = key.column
                row[column.name] = rows[target.table.name][target.name] if target.table is not table else None
        connection.execute(insert(table).values(row))
        rows[table.name] = row
    return rows


def read(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return the first row of every table."""
    found = {table.name: connection.execute(select(table)).mappings().first() for table in tables(connection)}
    return {name: dict(row) for name, row in found.items() if row is not None}


def shared(rows: dict[str, dict[str, Any]], others: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return of these rows what the others have a place for."""
    return {
        table: {name: value for name, value in row.items() if name in others[table]}
        for table, row in rows.items()
        if table in others
    }


def test_the_newest_migration_is_known_by_name() -> None:
    """The name that lets a current database open without Alembic is the newest migration's."""
    assert ScriptDirectory.from_config(config()).get_current_head() == schema.HEAD
    assert len(ScriptDirectory.from_config(config()).get_heads()) == 1


def test_an_empty_database_gets_the_tables(database: str) -> None:
    """The first open makes folder, file and tables: exactly those that the models describe."""
    RunStore.open(database).close()
    made = create_engine(database)
    with made.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    made.dispose()


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_earlier_database_is_brought_forward(engine: Engine, database: str, revision: str) -> None:
    """Every row of a database of any revision is there after the upgrade, and the tables are what the models say."""
    make(engine, revision)
    with engine.begin() as connection:
        before = fill(connection)
    with RunStore.open(database) as store:
        run = store.get(before["runs"]["id"])
        assert (run.status, run.request, run.engine) == (
            "running",
            *(before["runs"][it] for it in ("request", "engine")),
        )
        assert run.status in OPEN
        assert store.dispatcher_id == before["dispatcher"]["id"]
        assert store.commit(run.id, "completed", at=run.updated_at + 1)
    with engine.connect() as connection:
        after = read(connection)
        after["runs"] |= {name: before["runs"][name] for name in ENDING if name in before["runs"]}
        assert shared(after, before) == shared(before, after)
        assert shared(after, before).keys() >= {"runs", "outbox", "dispatcher"}
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_rules_hold_after_every_upgrade(engine: Engine, database: str, revision: str) -> None:
    """What the models say of unique rows and known statuses, the database enforces, whatever it was made as."""
    make(engine, revision)
    RunStore.open(database).close()
    with engine.connect() as connection:
        found = {table.name: rules(table) for table in tables(connection)}
    fresh = create_engine("sqlite://")
    Base.metadata.create_all(fresh)
    with fresh.connect() as connection:
        assert found == {table.name: rules(table) for table in tables(connection)}
    fresh.dispose()


def rules(table: Table) -> dict[str, Any]:
    """Return what a table enforces, in words that are the same for every database."""
    return {
        "primary": sorted(column.name for column in table.primary_key),
        "needed": sorted(column.name for column in table.columns if not column.nullable),
        "unique": sorted(
            (
                *(str(index.name) for index in table.indexes if index.unique),
                *constraint_names(table, "UniqueConstraint"),
            )
        ),
        "checks": constraint_names(table, "CheckConstraint"),
        "references": sorted(f"{key.parent.name} {key.target_fullname} {key.ondelete}" for key in table.foreign_keys),
    }


def constraint_names(table: Table, kind: str) -> list[str]:
    """Return the names of a table's constraints of a kind."""
    return sorted(str(it.name) for it in table.constraints if type(it).__name__ == kind and it.name)
