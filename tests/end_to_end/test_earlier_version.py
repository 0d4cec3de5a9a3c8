"""What an earlier version wrote can still be used: its run database, and the jobs that it left in a drop.

`tests/golden/earlier/home.tar.gz` was written by the version before `dispatcher/` was split into packages. It has a
data folder with a run of every status, a batch, a chain that has not continued and three tours; and a drop with a
finished, a failed and a waiting job, none of them collected. It must not be regenerated.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dispatcher.config import Settings
from dispatcher.connection import Connection, connect
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from dispatcher.monitor.drop_watcher import DropWatcher
from dispatcher.monitor.faults import find_faults
from dispatcher.monitor.reindex import reindex
from dispatcher.operations.settling import settle
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from dispatcher.tour.control import mark_dead
from protocol.errors import JobFailed
from protocol.transports.host import SYSTEM
from tests.support.drops import worker

EARLIER = Path(__file__).parent.parent / "golden" / "earlier" / "home.tar.gz"
HOME = "/home/ada"  # where it was written
STATUSES = ("pending", "queued", "running", "verifying", "completed", "failed", "crashed", "cancelled", "expired")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Unpack the home folder of the earlier version; paths in its database are changed to the test's folder."""
    with tarfile.open(EARLIER) as archive:
        archive.extractall(tmp_path, filter="data")
    with closing(sqlite3.connect(tmp_path / "data" / "runs.sqlite3", isolation_level=None)) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for column in [row[1] for row in database.execute(f"PRAGMA table_info({table})")]:
                moved = (
                    f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) WHERE typeof("{column}") = \'text\''
                )
                database.execute(moved, (HOME, str(tmp_path)))
    return tmp_path


@pytest.fixture
def ids(home: Path) -> dict[str, str]:
    """Return the ids of the runs and tours, by what they are examples of."""
    found: dict[str, str] = json.loads((home / "ids.json").read_text())
    return found


@pytest.fixture
def settings(home: Path) -> Settings:
    """Return the settings of its user."""
    return Settings(data_dir=home / "data", config_dir=home / "config", home=home, machine="laptop", user="ada")


@pytest.fixture
def gpu(home: Path, settings: Settings) -> Iterator[Connection]:
    """Connect to its drop."""
    with connect("colab", home / "drop", settings=settings) as opened:
        yield opened


@pytest.fixture
def store(settings: Settings) -> Iterator[RunStore]:
    """Open its run database, which migrates it to this version."""
    with RunStore.open(settings.database) as opened:
        yield opened


def test_runs_of_every_status_are_read(store: RunStore, ids: dict[str, str]) -> None:
    """Each run keeps its status, progress, parent, attempts, tags, history and unsent messages."""
    runs = {run.id: run for run in store.search.find(Query(), limit=100)}
    assert len(runs) == 14
    assert {run.status for run in runs.values()} == set(STATUSES)
    by_title = {run.title: run for run in runs.values()}
    running = by_title["0000000c"]
    assert (running.parent_id, running.worker, running.why) == (ids["chained"], "colab-1", "WORKING")
    assert (running.progress, running.progress_note, running.claim_delay_s) == (0.3, "frame 3", 1.5)
    [attempt] = store.trace.attempts(by_title["0000000e"].id)
    assert (attempt.status, attempt.error_code, attempt.worker) == ("lapsed", "LAPSED", "colab-1")
    assert [line.text for line in store.trace.changes(running.id)] == ["asked for", "taken by colab-1"]
    assert store.trace.tags([ids["chained"]])[ids["chained"]] == ["draft", "night"]
    old = by_title["00000011"]
    assert (old.verified, old.worker, old.status) == ("legacy", "old worker", "completed")
    assert [name for name, _ in store.unsaid(by_title["0000000f"].id)] == ["261130-210000-0000000f/cancel-1.json"]


def test_tours_are_read(store: RunStore, settings: Settings, ids: dict[str, str]) -> None:
    """A tour keeps its command and the step that failed; one whose process is gone is marked as crashed."""
    completed, failed = (store.search.group(ids[name]) for name in ("tour_completed", "tour_failed"))
    assert (completed.status, completed.execution_config["command"]) == ("completed", ["tour.json", "--zoom", "off"])
    assert (failed.status, failed.error_text) == ("failed", "no element matches #save")
    assert failed.execution_config["failed"]["step"] == "save"
    assert failed.execution_config["dry_run"] is True
    mark_dead(store, settings)
    assert store.search.group(ids["tour_lost"]).status == "crashed"


def test_a_finished_job_is_collected(gpu: Connection, ids: dict[str, str]) -> None:
    """Submitting the same job finds the same run, and collects its result from the drop."""
    handle = gpu.client.submit(Job(kind="echo", params={"text": "finished"}))
    assert handle.run == ids["finished"]
    result = handle.wait(30)
    assert (result.files["echo.txt"].read_text(), result.verified) == ("finished", "full")
    assert gpu.client.store.get(handle.run).status == "completed"


def test_a_failed_job_raises_its_error(store: RunStore, settings: Settings, home: Path, ids: dict[str, str]) -> None:
    """The worker's error is raised once no other result can come, after half an hour on a fast clock."""
    fast = replace(SYSTEM, monotonic=lambda: 1000 * time.monotonic())
    client = Client(home / "drop", store=store, results=settings.results, host=fast)
    with closing(client), pytest.raises(JobFailed, match="cannot be read as a media file") as caught:
        client.resume(store.get(ids["failed"])).wait(36_000)
    assert caught.value.code == "INPUT_CORRUPT"
    assert (store.get(ids["failed"]).status, store.get(ids["failed"]).error_code) == ("failed", "INPUT_CORRUPT")


def test_a_waiting_job_is_done(gpu: Connection, home: Path, ids: dict[str, str]) -> None:
    """What has ended is removed from the drop; a worker of this version does what the version before has offered."""
    gone = [home / "drop" / ids[name] for name in ("settled", "chained", "cancelled")]
    assert all(folder.is_dir() for folder in gone)
    gpu.client.clean(older_than_s=0)
    assert not any(folder.exists() for folder in gone)
    shutil.rmtree(home / "drop" / "_workers")  # or the new worker would first wait for the old one
    with worker(home / "drop", "--kinds", "echo"):
        result = gpu.client.resume(gpu.client.store.get(ids["waiting"])).wait(120)
    assert result.files["echo.txt"].read_text() == "waiting"


def test_a_result_is_used_again(gpu: Connection, home: Path, ids: dict[str, str]) -> None:
    """A result that was accepted is returned from the cache, without a worker."""
    handle = gpu.client.submit(Job(kind="echo", params={"text": "settled"}))
    result = handle.wait(5)
    assert (handle.run, result.files["echo.txt"].read_text()) == (ids["settled"], "settled")
    assert result.files["echo.txt"].is_relative_to(home)


def test_a_chain_goes_on(gpu: Connection, home: Path, ids: dict[str, str]) -> None:
    """The output is copied to where the user wanted it, and the next step is submitted with the command's options."""
    store = gpu.client.store
    assert settle(gpu, store.get(ids["chained"])) == ""
    assert (home / "out" / "tone.analysis.json").is_file()
    [continuation] = store.trace.continuations(ids["chained"])
    assert continuation.error_text is None
    child = store.get(str(continuation.child_id))
    assert (child.kind, child.group_id) == ("analyze", "261130-220000-000000aa")
    assert child.execution_config["command"] == "gpudrop analyze tone.wav --then analyze"
    assert store.trace.tags([child.id])[child.id] == ["draft", "night"]


def test_commands_show_it(home: Path, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`runs ls` and `runs show` print runs of the earlier version."""
    for name, value in (("DATA_DIR", home / "data"), ("MACHINE", "laptop"), ("USER", "ada"), ("HOME", home)):
        monkeypatch.setenv(f"GPUDROP_{name}", str(value))
    listed = gpudrop("runs", "ls", "--json", "--limit", "100")
    assert {run["status"] for run in listed["runs"]} == set(STATUSES)
    whole = gpudrop("runs", "show", ids["chained"], "--json")
    assert (whole["status"], whole["worker"], whole["tags"]) == ("completed", "colab-1", ["draft", "night"])
    assert [each["target"] for each in whole["deliveries"]] == [str(home / "out" / "tone.analysis.json")]
    assert whole["continuations"][0]["steps"]["steps"] == [{"kind": "analyze", "params": {}}]


def gpudrop(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "dispatcher.cli", *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_lost_database_is_rebuilt_from_the_drop(home: Path, settings: Settings, ids: dict[str, str]) -> None:
    """Without the database, every job in the drop is found; open jobs become runs again and are collected."""
    (home / "data" / "runs.sqlite3").unlink()
    with connect("colab", home / "drop", settings=settings) as gpu:
        store = gpu.client.store
        with DropWatcher(settings, store, only=[str(home / "drop")]) as looking:
            found = {it.job: it.outcome for it in reindex(looking, now=gpu.client.host.wall())}
            assert found == {
                ids["settled"]: "completed",
                ids["chained"]: "completed",
                ids["finished"]: "open",
                ids["failed"]: "open",
                ids["waiting"]: "open",
                ids["cancelled"]: "open",
            }
            assert not [it for it in find_faults(settings, store, now=0, watcher=looking) if it.sort == "orphan"]
        result = gpu.client.resume(store.get(ids["finished"])).wait(30)
    assert result.files["echo.txt"].read_text() == "finished"
