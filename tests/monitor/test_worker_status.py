"""Seeing workers and what does not fit: real workers on real folders, living, killed, silent and unreachable."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dispatcher.config import Settings
from dispatcher.drops import session
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from dispatcher.monitor import acts, drop_watcher
from dispatcher.monitor.drop_watcher import DropWatcher
from dispatcher.monitor.faults import Fault, find_faults
from dispatcher.monitor.worker_status import WorkerStatus, worker_statuses
from dispatcher.runs.record import ResultRecord, Run
from dispatcher.runs.store import RunStore
from tests.support.drops import start_worker, wait_for, worker

Send = Callable[..., Run]
LONG = {"units": 600, "unit_s": 0.1}


def claimed(drop: Path, run: Run) -> bool:
    """Say whether a worker has taken a run."""
    return bool(list((drop / run.job).glob("*.claim.json")))


def beats_of(drop: Path, run: Run, settings: Settings, store: RunStore) -> bool:
    """Say whether a beat tells of the run."""
    return any(held.run == run.id for it in worker_statuses(settings, store, now=time.time()) for held in it.held)


def sorts(faults: list[Fault], *, certain: bool | None = None) -> list[str]:
    """Return what sorts of fault there are."""
    return [it.sort for it in faults if certain is None or it.certain == certain]


def test_a_living_worker_is_seen_with_what_it_is_at(
    store: RunStore, drop: Path, sent: Send, settings: Settings
) -> None:
    """Its row says that it lives, on what, what it can do and which run it holds; a beat that comes makes it sure."""
    run = sent(**LONG)
    with worker(drop, "--name", "here"), DropWatcher(settings, store) as kept:
        wait_for(lambda: beats_of(drop, run, settings, store))
        sights: list[WorkerStatus] = []

        def is_seen() -> bool:
            sights[:] = worker_statuses(settings, store, now=time.time(), watcher=kept)
            return [it.alive for it in sights] == ["yes"]

        wait_for(is_seen)
        acts.cancel(store, run.id, now=time.time(), settings=settings)
    (sight,) = sights
    assert (sight.worker, sight.alive, sight.drop, sight.problem) == ("here", "yes", str(drop), "")
    assert "echo" in sight.kinds
    assert sight.engines["tts"][0] == "espeak"
    assert sight.versions["gpudrop"]
    assert [(it.job, it.run) for it in sight.held] == [(run.job, run.id)]
    assert sight.last_sign_s is not None
    assert sight.last_sign_s < 10


def test_a_worker_that_was_killed_is_gone(store: RunStore, drop: Path, settings: Settings) -> None:
    """Long after its last sign it counts as gone; until then nobody can say. An hour later it is forgotten."""
    usual = settings.model_copy(update={"drop": str(drop)})
    process = start_worker(drop, "--name", "gone")
    wait_for(lambda: any((drop / "_workers").glob("gone/beat-*")))
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    ask = [worker_statuses(usual, store, now=time.time() + later)[0].alive for later in (0, 40, 600)]
    assert ask == ["yes", "unknown", "no"]
    seen = [worker_statuses(usual, store, now=time.time() + later)[0].forgotten for later in (0, 600, 3500, 3700)]
    assert seen == [False, False, False, True]


def test_a_drop_that_hangs_takes_no_thread_for_each_look(
    store: RunStore, drop: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is looked at: one thread hangs in it, and each look tells that it does not answer."""
    monkeypatch.setattr(drop_watcher, "ANSWER_S", 0.05)
    answers = threading.Event()
    monkeypatch.setattr(session, "read_drop_id", lambda *_: answers.wait(60))
    before = threading.active_count()
    with DropWatcher(settings, store, [str(drop)]) as kept:
        for _ in range(8):
            (sight,) = worker_statuses(settings, store, now=time.time(), watcher=kept)
            assert "did not answer" in sight.problem
            assert threading.active_count() <= before + 1
        answers.set()
        wait_for(lambda: threading.active_count() <= before)


def test_a_drop_out_of_reach_is_a_row_that_says_so(store: RunStore, drop: Path, sent: Send, settings: Settings) -> None:
    """Where the folder is not there, the row tells which and why, and so do the faults, with the runs that wait."""
    sent()
    drop.rename(drop.with_name("unmounted"))
    (sight,) = worker_statuses(settings, store, now=time.time())
    assert (sight.drop, sight.worker) == (str(drop), "")
    assert "there is no folder" in sight.problem
    (fault,) = find_faults(settings, store, now=time.time())
    assert (fault.sort, fault.healable) == ("unreachable", False)
    assert "1 open run(s)" in fault.text


def test_a_run_that_is_worked_at_is_no_fault(store: RunStore, drop: Path, sent: Send, settings: Settings) -> None:
    """While its worker beats, however slowly, nothing is found, at one look or at many."""
    run = sent(**LONG)
    with worker(drop), DropWatcher(settings, store) as kept:
        wait_for(lambda: beats_of(drop, run, settings, store))
        store.progress(run.id, status="running", at=time.time())
        wait_for(lambda: find_faults(settings, store, now=time.time(), watcher=kept) == [])
        until = time.monotonic() + 6
        while time.monotonic() < until:
            assert find_faults(settings, store, now=time.time(), watcher=kept) == []
            time.sleep(0.5)
        acts.cancel(store, run.id, now=time.time(), settings=settings)


def test_a_worker_that_dies_leaves_a_zombie(store: RunStore, gpu: Client, drop: Path, settings: Settings) -> None:
    """Running here and silent there: suspected at first, certain only after a lease of watching."""
    handle = gpu.submit(Job(kind="echo", params={"text": "hello", **LONG}, lease_s=8))
    run = store.get(handle.run)
    process = start_worker(drop, "--name", "dies", env={"GPUDROP_WORKER_BEAT_S": "0.2"})
    wait_for(lambda: beats_of(drop, run, settings, store))
    store.progress(run.id, status="running", worker="dies", at=time.time())
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    with DropWatcher(settings, store) as kept:
        suspected: list[float] = []
        found: list[Fault] = []

        def is_certain() -> bool:
            nonlocal found
            found = find_faults(settings, store, now=time.time(), watcher=kept)
            suspected.extend(it.left_s for it in found if not it.certain)
            return bool(sorts(found, certain=True))

        started = time.monotonic()
        wait_for(is_certain, 30)
        assert time.monotonic() - started >= 7.5
    assert 4 < max(suspected) <= 8
    (zombie,) = found
    assert (zombie.sort, zombie.run, zombie.worker) == ("zombie", run.id, "dies")
    assert "no heartbeat from dies" in zombie.text


def test_a_claim_of_somebody_gone_is_stale(store: RunStore, gpu: Client, drop: Path, settings: Settings) -> None:
    """Nobody here took note that the run was running: its claim is stale all the same."""
    handle = gpu.submit(Job(kind="echo", params={"text": "hello", **LONG}, lease_s=2))
    run = store.get(handle.run)
    process = start_worker(drop)
    wait_for(lambda: claimed(drop, run))
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    with DropWatcher(settings, store) as kept:
        wait_for(
            lambda: sorts(find_faults(settings, store, now=time.time(), watcher=kept), certain=True) == ["stale claim"],
            30,
        )


def test_a_folder_that_was_deleted_leaves_a_zombie(store: RunStore, drop: Path, sent: Send, settings: Settings) -> None:
    """One look that does not show the folder proves nothing; three over two seconds do, on a disk of this machine."""
    run = sent()
    store.progress(run.id, status="running", at=time.time())
    shutil.rmtree(drop / run.job)
    with DropWatcher(settings, store) as kept:
        assert sorts(find_faults(settings, store, now=time.time(), watcher=kept), certain=True) == []
        time.sleep(2.1)
        assert sorts(find_faults(settings, store, now=time.time(), watcher=kept), certain=True) == []
        (fault,) = find_faults(settings, store, now=time.time(), watcher=kept)
    assert (fault.sort, fault.certain, fault.run) == ("zombie", True, run.id)


def test_a_job_that_nobody_here_knows_is_an_orphan(store: RunStore, drop: Path, sent: Send, settings: Settings) -> None:
    """A job of this dispatcher without a run is found after its grace; a foreign one, and one that is over, is not."""
    run, over, _ = sent(), sent("over"), sent("another")
    acts.cancel(store, over.id, now=time.time(), settings=settings)
    (drop / over.job / "cancel-1.json").write_bytes(store.unsaid(over.id)[0][1])
    store.retention.forget([over.id])
    (drop / "somebodys").mkdir()
    (drop / "somebodys" / "request.json").write_text('{"voice": "x", "steps": []}')
    store.commit(run.id, "cancelled", at=time.time())
    store.retention.forget([run.id])
    with DropWatcher(settings, store) as kept:
        found = find_faults(settings, store, now=time.time(), watcher=kept)
        assert [(it.sort, it.job, it.certain) for it in found] == [("orphan", run.job, False)]
        kept.since[("orphan", str(drop), run.job)] = (time.monotonic() - 60, 1)
        assert find_faults(settings, store, now=time.time(), watcher=kept)[0].certain


def test_what_the_drop_was_not_told_is_found(store: RunStore, drop: Path, sent: Send, settings: Settings) -> None:
    """A run that was cancelled while nobody could tell the drop is named, for a worker may be at it."""
    run = sent()
    acts.cancel(store, run.id, now=time.time(), settings=settings)
    (fresh,) = find_faults(settings, store, now=time.time())
    (old,) = find_faults(settings, store, now=time.time() + 60)
    assert [(it.sort, it.run) for it in (fresh, old)] == [("untold", run.id)] * 2
    assert (fresh.certain, old.certain) == (False, True)


def test_a_run_that_nobody_follows_is_told(store: RunStore, sent: Send, settings: Settings) -> None:
    """An open run that nobody has looked at for a minute needs somebody; a fresh one does not."""
    run = sent()
    assert find_faults(settings, store, now=time.time()) == []
    (fault,) = find_faults(settings, store, now=time.time() + 100)
    assert (fault.sort, fault.run) == ("unattended", run.id)
    assert "gpudrop watch" in fault.hint


def test_results_that_are_gone_are_told(store: RunStore, sent: Send, tmp_path: Path, settings: Settings) -> None:
    """A completed run whose folder was removed from the disk is named with the way to make it again."""
    run = sent()
    store.commit(run.id, "completed", at=1.0, result=ResultRecord(results_dir=str(tmp_path / "gone")))
    faults = {it.sort: it for it in find_faults(settings, store, now=time.time())}
    assert set(faults) == {"lost result", "untold"}  # nor does the job's folder say that it is over
    assert {fault.run for fault in faults.values()} == {run.id}
    assert "runs rerun" in faults["lost result"].hint


@pytest.mark.parametrize("backend", ["local", "colab"])
def test_a_private_drop_that_was_removed_is_no_problem(
    store: RunStore, sent: Send, tmp_path: Path, settings: Settings, backend: str
) -> None:
    """The private drop of a command is removed with it; a shared drop that is missing is reported."""
    run, gone = sent(), tmp_path / "private" / "drop"
    private = replace(
        run, id="other", key="other", job="other", drop=str(gone), drop_id="e" * 16, created_at=time.time()
    )
    store.add_or_find(replace(private, status="pending", execution_config={"backend": backend}))
    (problem,) = [it for it in worker_statuses(settings, store, now=time.time()) if it.drop == str(gone)]
    assert "there is no folder" in problem.problem  # while its run is open
    store.commit("other", "completed", at=time.time())
    problems = [it.drop for it in worker_statuses(settings, store, now=time.time()) if it.problem]
    assert problems == ([] if backend == "local" else [str(gone)])
