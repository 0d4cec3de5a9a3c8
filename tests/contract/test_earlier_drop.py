"""A drop and a run database that an earlier version left behind: both sides read them to the same states.

`tests/golden/earlier/` was written by the real programs of that version: jobs in both forms at every stage, the folder
of a worker that was killed at work, and the run database of their owner. `states.json` is what that version made of it.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from colab.attach import attach
from colab.config import WorkerSettings
from colab.worker import Worker
from dispatcher.jobs.client import Client
from dispatcher.runs.store import RunStore
from protocol.errors import JobCancelled
from protocol.integrity import sha256_of
from protocol.messages import EngineRecord
from protocol.observation import JobReader, Observation, WorkerReader, read_drop_id
from protocol.states import judge
from protocol.transports import open_drop
from tests.support.workers import Clock, FakeBench

EARLIER = Path(__file__).parent.parent / "golden" / "earlier"
STATES = json.loads((EARLIER / "states.json").read_bytes())
JOBS: dict[str, dict[str, Any]] = STATES["jobs"]
WORKER = "old-w"
ECHO = EngineRecord(name="echo", version="1", provider="python", device="cpu", tier="embedded")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the earlier drop."""
    return Path(shutil.copytree(EARLIER / "drop", tmp_path / "drop"))


def read(folder: Path, job: str) -> Observation:
    """Return what a job's folder holds."""
    with closing(open_drop(folder)) as drop:
        return JobReader(drop, read_drop_id(drop, str(folder)), job).look()


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_in_the_state_it_was_in(folder: Path, name: str) -> None:
    """Every message of every job is read; nothing is ignored, and the state follows as it did."""
    told = JOBS[name]
    seen = read(folder, told["job"])
    found = judge(seen)
    assert (found.state, found.attempt and str(found.attempt)) == (told["state"], told["attempt"])
    assert (seen.unchecked, seen.ignored) == ({}, 0)
    assert {"full": seen.request, "simple": seen.plain_request}[told["form"]] is not None
    assert (len(seen.claims), sum(map(len, seen.parts.values()))) == (told["claims"], told["parts"])
    assert {file.path: file.sha256 for done in seen.done.values() for file in done.job.files} == told["files"]
    assert [failure.job.code for failure in seen.errors.values()] == told["codes"]
    assert (seen.plain_done is not None) == told["plain_done"]
    assert (seen.plain_error and seen.plain_error.error) == told["plain_error"]


def test_the_workers_folder_says_what_it_said(folder: Path) -> None:
    """The card, the newest heartbeat with the job that was held, and the drain request."""
    told = STATES["worker"]
    with closing(open_drop(folder)) as drop:
        shown = WorkerReader(drop, read_drop_id(drop, str(folder)), WORKER).look()
    card, beat = shown.cards[told["boot"]], shown.beats[told["boot"]]
    assert {kind: [it.name for it in engines] for kind, engines in card.engines.items()} == told["engines"]
    assert (beat.seq, [held.job for held in beat.held]) == (told["seq"], told["held"])
    assert sorted(shown.drains) == told["drains"]


def contents(folder: Path) -> dict[str, str]:
    """Return every file below a folder with its digest."""
    return {str(path.relative_to(folder)): sha256_of(path)[1] for path in folder.rglob("*") if path.is_file()}


def test_a_new_worker_takes_what_is_open_and_touches_nothing_else(folder: Path) -> None:
    """It does the waiting jobs, resumes the dead worker's from its checkpoints, and leaves what has ended alone."""
    ended = {name: contents(folder / JOBS[name]["job"]) for name in ("accepted", "cancelled", "finished")}
    ended |= {name: contents(folder / name) for name in ("plain-answered", "plain-refused")}
    clock = Clock()
    bench = FakeBench(clock, engine=ECHO)
    worker = Worker(
        attach(str(folder), "new-w", host=clock.host("another machine")),
        WorkerSettings(drop=str(folder)),
        bench=lambda *_: bench,
    )
    worker.begin()
    for _ in range(400):
        worker.step(clock.now)
        clock.now += 1
    worker.end()
    begun = {task.params["text"]: task for task in bench.begun}
    assert begun.keys() == {"waiting", "running", "rejected"}
    assert len(begun["running"].kept) == JOBS["running"]["parts"]
    for name in begun:
        assert judge(read(folder, JOBS[name]["job"])).state == "delivered"
    assert [it.job.code for it in read(folder, JOBS["failed"]["job"]).errors.values()] == ["INPUT_CORRUPT"] * 2
    assert ended == {name: contents(folder / JOBS.get(name, {}).get("job", name)) for name in ended}


@pytest.fixture
def owner(folder: Path, tmp_path: Path) -> Iterator[Client]:
    """Return a client of the drop with the earlier run database, in folders of this test."""
    database = tmp_path / "runs.sqlite3"
    text = (EARLIER / "runs.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(database)) as made:
        shutil.copytree(EARLIER / "results", tmp_path / "data" / "results")
        made.executescript(text.replace("{drop}", str(folder)).replace("{home}", str(tmp_path)))
    with (
        RunStore.open(f"sqlite:///{database}") as store,
        closing(Client(folder, store=store, results=tmp_path / "results")) as client,
    ):
        assert store.dispatcher_id == STATES["dispatcher"]
        yield client


OPEN = [
    name for name, told in JOBS.items() if told["form"] == "full" and told["state"] not in ("accepted", "cancelled")
]


@pytest.mark.parametrize("name", OPEN)
def test_the_owner_goes_on_with_what_was_open(owner: Client, name: str) -> None:
    """Each open run is followed from the state that its folder shows.

    A result that lies there whole is accepted, also one that was rejected before (R13).
    """
    run = owner.store.get(JOBS[name]["job"])
    progress = owner.resume(run).look(0)
    assert progress.state == JOBS[name]["state"]
    assert (owner.store.get(run.id).status == "completed") == (name in ("finished", "rejected"))
    assert (progress.why == "PLAIN_ANSWER") == (name == "answered-plainly")


def test_the_owner_has_what_it_had(owner: Client) -> None:
    """An accepted result verifies again from the files that were kept, and a cancelled run stays cancelled."""
    accepted, cancelled = (owner.store.get(JOBS[name]["job"]) for name in ("accepted", "cancelled"))
    result = owner.resume(accepted).wait(10)
    assert {path: sha256_of(local)[1] for path, local in result.files.items()} == JOBS["accepted"]["files"]
    with pytest.raises(JobCancelled):
        owner.resume(cancelled).wait(10)
