"""How a database is made, migrated, recognised and refused."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import alembic.command  # loaded before a test gives up the right to read files
import pytest
from sqlalchemy import create_engine, inspect, text

from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol.errors import EnvironmentNotReady

New = Callable[..., Run]


def test_a_current_database_is_opened_without_alembic(database: str) -> None:
    """Alembic costs a third of a second: it is loaded only where there is something to migrate."""
    RunStore.open(database).close()
    look = (
        "import sys; from dispatcher.runs.store import RunStore; RunStore.open(sys.argv[1]).close();"
        "print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", look, str(database)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_database_is_found_again(database: str, tmp_path: Path, new_run: New) -> None:
    """Reopening keeps the runs and the dispatcher's id, which is 16 hex digits and another one elsewhere."""
    with RunStore.open(database) as store:
        store.add_or_find(new_run("r1"))
        mine = store.dispatcher_id
    with RunStore.open(database) as store:
        assert store.get("r1").status == "pending"
        assert store.dispatcher_id == mine
    with RunStore.open(tmp_path / "other.sqlite3") as other:
        assert other.dispatcher_id != mine
    assert len(mine) == 16
    assert int(mine, 16) >= 0


def test_a_half_made_database_is_finished(file: Path) -> None:
    """An empty file, as a kill during the first open leaves it, becomes a database."""
    file.parent.mkdir()
    file.touch()
    with RunStore.open(file) as store:
        assert store.recent() == []


def test_commits_wait_for_the_disk(file: Path) -> None:
    """A connection to a file writes ahead (wal), syncs at every commit (2 = FULL) and checks references."""
    with RunStore.open(file) as store, store.database._engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert found == ["wal", 2, 1, 30_000]


def sql(database: str, statement: str) -> list[tuple[object, ...]]:
    """Do one statement past the store, and return its rows."""
    engine = create_engine(database)
    with engine.begin() as connection:
        done = connection.execute(text(statement))
        rows = [tuple(row) for row in done] if done.returns_rows else []
    engine.dispose()
    return rows


def test_a_later_database_is_refused_untouched(database: str) -> None:
    """A version that this program does not know is told, with the hint, and nothing is changed."""
    RunStore.open(database).close()
    sql(database, "UPDATE alembic_version SET version_num = '0999_future'")
    with pytest.raises(EnvironmentNotReady, match=r"0999_future.*upgrade gpudrop"):
        RunStore.open(database)
    assert sql(database, "SELECT version_num FROM alembic_version") == [("0999_future",)]


def test_another_programs_database_is_refused_untouched(database: str, tmp_path: Path) -> None:
    """A database with tables that are not ours is left alone."""
    (tmp_path / "data").mkdir()
    sql(database, "CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(EnvironmentNotReady, match=r"another program.*bookmarks"):
        RunStore.open(database)
    engine = create_engine(database)
    assert inspect(engine).get_table_names() == ["bookmarks"]
    engine.dispose()


@pytest.mark.parametrize("content", [b"this is not a database at all, " * 50, os.urandom(8192)])
def test_a_file_that_is_no_database_is_told_with_the_hint(file: Path, content: bytes) -> None:
    """A damaged file names itself and says to move it away; it is not overwritten."""
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(EnvironmentNotReady, match=r"not a database.*move it away") as refused:
        RunStore.open(file)
    assert str(file) in str(refused.value)
    assert file.read_bytes() == content


def test_damage_that_is_met_later_is_told_with_the_hint(file: Path, new_run: New) -> None:
    """Pages that are damaged in an opened database give the same answer at the verb that meets them."""
    with RunStore.open(file) as store:
        for number in range(200):
            store.add_or_find(new_run(f"r{number:03}", request=b"x" * 2000))
    with file.open("r+b") as damaged:
        damaged.seek(4096)
        damaged.write(os.urandom(file.stat().st_size - 4096))
    with pytest.raises(EnvironmentNotReady, match="move it away"), RunStore.open(file) as store:  # noqa: PT012
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
def test_a_read_only_folder_is_told_with_the_hint(as_nobody: Path, name: str, new_run: New) -> None:
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
