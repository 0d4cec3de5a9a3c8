"""How a database is made, migrated, recognised and refused."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import alembic.command  # loaded before a test gives up the right to read files
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from dispatcher.runs import schema
from dispatcher.runs.models import Base
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol.errors import EnvironmentNotReady

New = Callable[..., Run]


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", "dispatcher.runs:migrations")
    return made


def test_an_empty_database_gets_the_tables(database: Path) -> None:
    """The first open makes folder, file and tables: exactly those that the models describe."""
    RunStore.open(database).close()
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_the_newest_migration_is_known_by_name() -> None:
    """The name that lets a current database open without Alembic is the newest migration's."""
    assert ScriptDirectory.from_config(config()).get_current_head() == schema.HEAD


@pytest.mark.parametrize("revision", [it.revision for it in ScriptDirectory.from_config(config()).walk_revisions()])
def test_every_earlier_database_is_brought_forward(database: Path, new_run: New, revision: str) -> None:
    """A database of any revision opens with its runs, and then has exactly the tables that the models describe."""
    database.parent.mkdir()
    engine, old = create_engine(f"sqlite:///{database}"), config()
    with engine.begin() as connection:
        old.attributes["connection"] = connection
        alembic.command.upgrade(old, revision)
        columns = {column["name"] for column in inspect(connection).get_columns("runs")}
        values = {name: value for name, value in asdict(new_run("r1")).items() if name in columns}
        named = ", ".join(f'"{name}"' for name in values)
        places = ", ".join("?" * len(values))
        connection.exec_driver_sql(f"INSERT INTO runs ({named}) VALUES ({places})", tuple(values.values()))
    with RunStore.open(database) as store:
        assert store.get("r1") == new_run("r1")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_a_current_database_is_opened_without_alembic(database: Path) -> None:
    """Alembic costs a third of a second: it is loaded only where there is something to migrate."""
    RunStore.open(database).close()
    look = (
        "import sys; from dispatcher.runs.store import RunStore; RunStore.open(sys.argv[1]).close();"
        "print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", look, str(database)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_database_is_found_again(database: Path, new_run: New) -> None:
    """Reopening keeps the runs and the dispatcher's id, which is 16 hex digits and another one elsewhere."""
    with RunStore.open(database) as store:
        store.add_or_find(new_run("r1"))
        mine = store.dispatcher_id
    with RunStore.open(database) as store:
        assert store.get("r1").status == "pending"
        assert store.dispatcher_id == mine
    with RunStore.open(database.parent / "other.sqlite3") as other:
        assert other.dispatcher_id != mine
    assert len(mine) == 16
    assert int(mine, 16) >= 0


def test_a_half_made_database_is_finished(database: Path) -> None:
    """An empty file, as a kill during the first open leaves it, becomes a database."""
    database.parent.mkdir()
    database.touch()
    with RunStore.open(database) as store:
        assert store.recent() == []


def test_commits_wait_for_the_disk(store: RunStore) -> None:
    """A connection of the store writes ahead (wal), syncs at every commit (2 = FULL) and checks references."""
    with store._engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert found == ["wal", 2, 1, 30_000]


def test_a_later_database_is_refused_untouched(database: Path) -> None:
    """A version that this program does not know is told, with the cure, and nothing is changed."""
    RunStore.open(database).close()
    with sqlite3.connect(database) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0999_future'")
    raw.close()
    with pytest.raises(EnvironmentNotReady, match=r"0999_future.*upgrade gpudrop"):
        RunStore.open(database)
    with sqlite3.connect(database) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [("0999_future",)]
    raw.close()


def test_another_programs_database_is_refused_untouched(database: Path) -> None:
    """A SQLite file with tables that are not ours is left alone."""
    database.parent.mkdir()
    with sqlite3.connect(database) as raw:
        raw.execute("CREATE TABLE bookmarks (url TEXT)")
    raw.close()
    with pytest.raises(EnvironmentNotReady, match=r"another program.*bookmarks"):
        RunStore.open(database)
    with sqlite3.connect(database) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]
    raw.close()


@pytest.mark.parametrize("content", [b"this is not a database at all, " * 50, os.urandom(8192)])
def test_a_file_that_is_no_database_is_told_with_the_cure(database: Path, content: bytes) -> None:
    """A damaged file names itself and says to move it away; it is not overwritten."""
    database.parent.mkdir()
    database.write_bytes(content)
    with pytest.raises(EnvironmentNotReady, match=r"not a database.*move it away") as refused:
        RunStore.open(database)
    assert str(database) in str(refused.value)
    assert database.read_bytes() == content


def test_damage_that_is_met_later_is_told_with_the_cure(database: Path, new_run: New) -> None:
    """Pages that are damaged in an opened database give the same answer at the verb that meets them."""
    with RunStore.open(database) as store:
        for number in range(200):
            store.add_or_find(new_run(f"r{number:03}", request=b"x" * 2000))
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(database.stat().st_size - 4096))
    with pytest.raises(EnvironmentNotReady, match="move it away"), RunStore.open(database) as store:  # noqa: PT012
        store.recent(1000)
        store.add_or_find(new_run("r999"))


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """Return a folder that this process may read and, for the length of the test, not write."""
    if os.name != "posix":
        pytest.skip("users as POSIX has them")
    with tempfile.TemporaryDirectory() as made:
        RunStore.open(Path(made) / "there.sqlite3").close()
        Path(made).chmod(0o555)
        was_root = os.geteuid() == 0
        if was_root:
            os.seteuid(65534)  # root may write anywhere
        else:
            (Path(made) / "there.sqlite3").chmod(0o444)
        try:
            yield Path(made)
        finally:
            if was_root:
                os.seteuid(0)
            Path(made).chmod(0o755)


@pytest.mark.parametrize("name", ["new.sqlite3", "there.sqlite3", "folder/new.sqlite3"])
def test_a_read_only_folder_is_told_with_the_cure(as_nobody: Path, name: str, new_run: New) -> None:
    """A database that cannot be written says so before any job is submitted, and how to name another one."""
    assert alembic.command  # is loaded
    with (
        pytest.raises(
            EnvironmentNotReady, match=r"writable for this user.*GPUDROP_DATABASE_URL|Check that it can be"
        ) as refused,
        RunStore.open(as_nobody / name) as store,
    ):
        store.add_or_find(new_run("r1"))
    assert name in str(refused.value)
