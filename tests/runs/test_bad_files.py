"""SQLite files that are locked, damaged, full or not ours to write: told with the hint, and never overwritten."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from dispatcher.runs import schema
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol.errors import EnvironmentNotReady

New = Callable[..., Run]
REINDEX = r"damaged: move it away .*`gpudrop runs reindex`"


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a file as another program does that writes into it."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


@pytest.fixture
def filled(file: Path, new_run: New) -> Path:
    """Return a database of fifty runs, closed."""
    with RunStore.open(file, durability="relaxed") as store:
        for number in range(50):
            store.add_or_find(new_run(f"r{number:02}", request=b"x" * 2000))
    return file


def test_a_locked_file_is_told_and_lost_nothing(filled: Path, new_run: New, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program holds the file, who writes waits and then says so; afterwards the same store goes on."""
    monkeypatch.setattr(schema, "BUSY_S", 0.2)
    with RunStore.open(filled) as store:
        with (
            locked(filled),
            pytest.raises(EnvironmentNotReady, match=r"Another process holds it.*run again") as refused,
        ):
            store.add_or_find(new_run("new"))
        assert refused.value.exit_code == 6
        assert str(filled) in str(refused.value)
        assert store.add_or_find(new_run("new"))[1]


def test_a_lock_that_ends_in_time_is_waited_for(filled: Path, new_run: New) -> None:
    """A process that writes for a second delays others and fails none."""
    hold = (
        "import sqlite3, sys, time; it = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "it.execute('BEGIN EXCLUSIVE'); print('held', flush=True); time.sleep(1); it.rollback()"
    )
    with subprocess.Popen([sys.executable, "-c", hold, str(filled)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with RunStore.open(filled) as store:
            assert store.add_or_find(new_run("new"))[1]


@pytest.mark.parametrize("length", [16, 99, 4096, 4097, 40_000])
def test_a_file_that_was_cut_is_told_and_left(filled: Path, new_run: New, length: int) -> None:
    """A file whose end is missing, as a full disk or a broken copy leaves it, is never made anew in its place."""
    whole = filled.read_bytes()
    filled.write_bytes(whole[:length])
    with pytest.raises(EnvironmentNotReady, match=REINDEX), RunStore.open(filled) as store:
        use(store, new_run)
    assert filled.read_bytes()[:length] == whole[:length]


@pytest.mark.parametrize(
    "name", ["sqlite_master", "alembic_version", "dispatcher", "runs", "outbox", "one_open_run_a_key", "runs_by_time"]
)
def test_a_damaged_page_is_told(filled: Path, new_run: New, name: str) -> None:
    """Noise in any table or index is met as damage, with the hint, by who uses it; nothing is repaired or made anew."""
    with contextlib.closing(sqlite3.connect(filled)) as raw:
        root = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    at = 4096 * (root[0] - 1) if root else 100
    with filled.open("r+b") as file:
        file.seek(at)
        file.write(noise := b"\xa5" * 3900)
    with pytest.raises(EnvironmentNotReady, match=REINDEX) as refused, RunStore.open(filled) as store:
        use(store, new_run)
    assert str(filled) in str(refused.value)
    assert filled.read_bytes()[at : at + 3900] == noise


def use(store: RunStore, new_run: New) -> None:
    """Read and write every table and index."""
    for number in range(50):
        run = store.get(f"r{number:02}")
        assert store.add_or_find(run) == (run, False)
        store.say(run.id, f"{run.id}/say", b"x" * 3000)
        store.commit(run.id, "failed", at=2.0)
    store.recent(1000)
    for number in range(50):
        store.add_or_find(new_run(f"n{number}", request=b"x" * 3000))


def test_the_hint_of_damage_works(filled: Path) -> None:
    """Moved away, the damaged file is kept as it is, and a new database is made in its place."""
    filled.write_bytes(b"SQLite format 3\0" + os.urandom(9000))
    damaged = filled.read_bytes()
    with pytest.raises(EnvironmentNotReady, match=REINDEX):
        RunStore.open(filled)
    moved = filled.with_suffix(".damaged")
    shutil.move(filled, moved)
    with RunStore.open(filled) as store:
        assert store.recent() == []
    assert moved.read_bytes() == damaged


def test_a_full_disk_is_told_and_lost_nothing(filled: Path, new_run: New) -> None:
    """What does not fit is not half there, and goes in once there is room."""
    room = [60]
    with RunStore.open(filled) as store:
        limit = "PRAGMA max_page_count={}".format
        event.listen(store.database._engine, "checkout", lambda raw, *_: raw.execute(limit(room[0])).close())
        with pytest.raises(EnvironmentNotReady, match=r"Free some space.*nothing is lost"):
            store.add_or_find(new_run("big", request=b"x" * 400_000))
        assert len(store.recent(1000)) == 50
        room[0] = 1_000_000
        assert store.add_or_find(new_run("big", request=b"x" * 400_000))[1]


def test_a_file_that_only_may_be_read_is_told(tmp_path: Path, new_run: New) -> None:
    """A file without the right to write, in a folder with it, is told before a job is sent, and keeps what it has."""
    attempt = (
        "import os, sys\n"
        "from dispatcher.runs.store import RunStore\n"
        "import alembic.command, dispatcher.runs.migrations\n"
        "if os.geteuid() == 0: os.setegid(65534); os.seteuid(65534)\n"
        "with RunStore.open(sys.argv[1]) as store: store.said('r1', 'm', at=1.0)\n"
    )
    folder = Path(tmp_path.anchor, "tmp", f"gpudrop-{os.getpid()}-{tmp_path.name}")
    folder.mkdir()
    try:
        with RunStore.open(folder / "runs") as store:
            store.add_or_find(new_run("r1"))
        folder.chmod(0o777)
        (folder / "runs").chmod(0o444)
        done = subprocess.run([sys.executable, "-c", attempt, str(folder / "runs")], capture_output=True, text=True)
        assert "EnvironmentNotReady: the run database" in done.stderr
        assert "Make the file and its folder writable for this user" in done.stderr
        (folder / "runs").chmod(0o644)
        with RunStore.open(folder / "runs") as store:
            assert store.get("r1") == new_run("r1")
    finally:
        shutil.rmtree(folder)


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    """A folder is no database, and stays a folder."""
    (tmp_path / "runs").mkdir()
    with pytest.raises(EnvironmentNotReady, match=r"unable to open.*GPUDROP_DATABASE_URL"):
        RunStore.open(tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []
