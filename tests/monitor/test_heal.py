"""Healing: what is certain is repaired by the owner's own means, and nobody who lives is disturbed."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dispatcher.config import Settings
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from dispatcher.monitor import acts
from dispatcher.monitor.drop_watcher import DropWatcher
from dispatcher.monitor.faults import Fault
from dispatcher.monitor.heal import Repair, heal
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol.observation import JobReader
from tests.support.drops import start_worker, wait_for, worker

Send = Callable[..., Run]
LONG = {"units": 600, "unit_s": 0.1}


def healed(settings: Settings, store: RunStore, **how: float) -> tuple[list[Repair], list[Fault]]:
    """Heal all there is."""
    with DropWatcher(settings, store) as looking:
        return heal(looking, **how)


def killed_at(gpu: Client, drop: Path, lease_s: float, *, running: bool) -> Run:
    """Return a run whose worker took it and was killed."""
    run = gpu.store.get(
        gpu.submit(Job(kind="echo", params={"text": "x", "units": 40, "unit_s": 0.1}, lease_s=lease_s)).run
    )
    process = start_worker(drop, "--name", "dies", env={"GPUDROP_WORKER_BEAT_S": "0.2"})
    wait_for(lambda: bool(list((drop / run.job).glob("*.claim.json"))))
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    time.sleep(3)  # until then its last beat counts as a sign of life
    if running:
        gpu.store.progress(run.id, status="running", worker="dies", at=time.time())
    return run


def test_the_claim_of_a_worker_that_died_is_ended_and_another_takes_the_job(
    store: RunStore, gpu: Client, drop: Path, settings: Settings
) -> None:
    """After a lease of silence the zombie's claim is ended; a new worker need not wait for that lease itself."""
    run = killed_at(gpu, drop, 5, running=True)
    started = time.monotonic()
    (repaired,), left = healed(settings, store)
    assert time.monotonic() - started >= 5
    assert (repaired.fault.sort, repaired.fault.run, repaired.done, left) == ("zombie", run.id, True, [])
    assert store.get(run.id).status == "queued"
    assert len(JobReader(gpu.drop, gpu.drop_id, run.job).look().rejected) == 1
    with worker(drop, "--name", "next"):
        result = gpu.submit(Job(kind="echo", params={"text": "x", "units": 40, "unit_s": 0.1}, lease_s=5)).wait(150)
    assert result.run == run.id
    assert store.get(run.id).worker == "next"


def test_a_worker_that_lives_is_not_disturbed(store: RunStore, drop: Path, sent: Send, settings: Settings) -> None:
    """Healing while a slow job is worked at finds nothing, and the job is still the same worker's afterwards."""
    run = sent(**LONG)
    with worker(drop):
        wait_for(lambda: bool(list((drop / run.job).glob("*.claim.json"))))
        store.progress(run.id, status="running", at=time.time())
        assert healed(settings, store) == ([], [])
        assert not list((drop / run.job).glob("reject-*"))
        acts.cancel(store, run.id, now=time.time(), settings=settings)


def test_healing_that_may_not_wait_leaves_what_is_only_suspected(
    store: RunStore, gpu: Client, drop: Path, settings: Settings
) -> None:
    """With no time to watch, a silent worker's claim stays, and is told with how long watching would take."""
    run = killed_at(gpu, drop, 60, running=False)
    repaired, (left,) = healed(settings, store, wait_s=0)
    assert repaired == []
    assert (left.sort, left.certain, left.run) == ("stale claim", False, run.id)
    assert 0 < left.left_s <= 60


def test_a_deleted_folder_ends_its_run(store: RunStore, drop: Path, sent: Send, settings: Settings) -> None:
    """A run whose folder was removed by hand is cancelled, with that as its reason."""
    run = sent()
    shutil.rmtree(drop / run.job)
    (repaired,), _ = healed(settings, store)
    ended = store.get(run.id)
    assert (repaired.done, ended.status, ended.error_text) == (
        True,
        "cancelled",
        "its folder was deleted from the drop",
    )


def test_an_unmounted_drop_ends_nothing(store: RunStore, drop: Path, sent: Send, settings: Settings) -> None:
    """A folder that is not a drop at the moment proves nothing about its runs."""
    run = sent()
    (drop / "_drop.json").rename(drop / "away")
    shutil.rmtree(drop / run.job)
    repaired, (left,) = healed(settings, store, wait_s=4)
    assert (repaired, left.sort) == ([], "unreachable")
    assert store.get(run.id).is_open


def test_an_orphan_is_taken_back(store: RunStore, drop: Path, sent: Send, settings: Settings) -> None:
    """A job of ours that the database does not know is a run again."""
    run, _ = sent(), sent("another")
    store.commit(run.id, "cancelled", at=time.time())
    store.retention.forget([run.id])
    (repaired,), _ = healed(settings, store)
    assert (repaired.fault.sort, repaired.done) == ("orphan", True)
    assert store.get(run.id).status == "queued"


def test_an_orphan_whose_job_is_another_run_now_is_ended(
    store: RunStore, gpu: Client, drop: Path, sent: Send, settings: Settings
) -> None:
    """Its folder is told that it is over, so that no worker does the work twice."""
    run = sent()
    store.commit(run.id, "cancelled", at=time.time())
    store.retention.forget([run.id])
    again = sent()
    (repaired,), _ = healed(settings, store)
    assert (repaired.fault.sort, repaired.fault.job, repaired.done) == ("orphan", run.job, True)
    assert JobReader(gpu.drop, gpu.drop_id, run.job).look().cancelled is not None
    assert [it.id for it in store.recent()] == [again.id]


def test_a_drop_that_was_not_told_is_told(store: RunStore, gpu: Client, sent: Send, settings: Settings) -> None:
    """A cancellation that did not get through is said now."""
    run = sent()
    acts.cancel(store, run.id, now=time.time(), settings=settings)
    (repaired,), _ = healed(settings, store)
    assert (repaired.fault.sort, repaired.done) == ("untold", True)
    assert store.unsaid(run.id) == []
    assert JobReader(gpu.drop, gpu.drop_id, run.job).look().cancelled is not None


@pytest.mark.fault("job-folder-returns")
@pytest.mark.parametrize("by_us", [True, False], ids=["cleaned by us", "deleted by hand"])
def test_a_folder_that_is_back_is_told_that_its_job_is_over(
    store: RunStore, gpu: Client, drop: Path, settings: Settings, by_us: bool
) -> None:
    """A sync tool brings back what was deleted, the request alone: nobody does that job again once heal was there."""
    with worker(drop, "--once"):
        handle = gpu.submit(Job(kind="echo", params={"text": "x"}))
        run = handle.run
        assert handle.wait(150).files
    folder = drop / store.get(run).job
    request = (folder / "request.json").read_bytes()
    if by_us:
        assert gpu.clean(older_than_s=-1) == 1
    else:
        shutil.rmtree(folder)
    assert healed(settings, store) == ([], [])
    folder.mkdir()
    (folder / "request.json").write_bytes(request)
    (repaired,), left = healed(settings, store)
    assert (repaired.fault.sort, repaired.fault.run, repaired.done, left) == ("untold", run, True, [])
    assert "its folder is back" in repaired.fault.text
    assert JobReader(gpu.drop, gpu.drop_id, folder.name).look().accepted is not None
    with worker(drop, "--once"):
        pass
    assert not list(folder.glob("*.claim.json"))


def test_cleaning_answers_a_folder_that_is_back(store: RunStore, gpu: Client, drop: Path) -> None:
    """Whoever cleans the drop says again that the job is over, and removes the folder another time later."""
    with worker(drop, "--once"):
        handle = gpu.submit(Job(kind="echo", params={"text": "x"}))
        assert handle.wait(150).files
    folder = drop / store.get(handle.run).job
    request = (folder / "request.json").read_bytes()
    assert gpu.clean(older_than_s=-1) == 1
    folder.mkdir()
    (folder / "request.json").write_bytes(request)
    assert gpu.clean(older_than_s=-1) == 0
    assert JobReader(gpu.drop, gpu.drop_id, folder.name).look().accepted is not None
    assert gpu.clean(older_than_s=-1) == 1
    assert not folder.exists()
