"""A database that was lost loses no job: real workers, real folders, and the database deleted under them."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dispatcher.config import Settings
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from dispatcher.monitor import acts
from dispatcher.monitor.drop_watcher import DropWatcher
from dispatcher.monitor.faults import find_faults
from dispatcher.monitor.monitor import Monitor
from dispatcher.monitor.reindex import ReindexedJob, reindex
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.errors import ChannelError, NotFoundError
from protocol.layout import DROP_CARD
from protocol.messages import DropCard
from protocol.signing import Identity, new_key
from protocol.transports import open_drop
from protocol.transports.folder import FolderDrop
from tests.support.drops import client, make_drop, start_worker, wait_for, worker

LONG = Job(kind="echo", params={"text": "survivor", "units": 40, "unit_s": 0.1}, lease_s=10)
SHORT = Job(kind="echo", params={"text": "short"})


@pytest.fixture
def usual(settings: Settings, drop: Path) -> Settings:
    """Return settings that name the drop: a fresh database knows of no other."""
    return settings.model_copy(update={"drop": str(drop), "machine": ""})


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[RunStore]:
    """Open the run database of settings, fresh or not."""
    with RunStore.open(settings.database) as store:
        yield store


def lose(settings: Settings, *, with_id: bool = False) -> None:
    """Delete the database, as a broken disk or a hasty hand does."""
    for path in settings.data_dir.glob("runs.sqlite3*"):
        if with_id or path.suffix != ".id":
            path.unlink()


def taken_back(settings: Settings, store: RunStore, **how: object) -> dict[str, ReindexedJob]:
    """Reindex and return what was found, by outcome; of each at most one."""
    with DropWatcher(settings, store) as looking:
        found = list(reindex(looking, now=time.time(), **how))  # type: ignore[arg-type]
    assert len({it.outcome for it in found}) == len(found), found
    return {it.outcome: it for it in found}


def watched(settings: Settings, store: RunStore) -> None:
    """Attend to all runs until nothing is left to do."""
    with Monitor(settings, store) as monitor:
        wait_for(lambda: monitor.step() is not None and not store.search.unsettled(settings.machine), 60)


def test_a_database_lost_in_the_middle_of_a_job_does_not_lose_the_job(drop: Path, usual: Settings) -> None:
    """While a worker is at it the database goes; a fresh one finds the run, and its result is accepted once."""
    with worker(drop):
        with client(drop, usual.data_dir) as gpu:
            first = gpu.store.get(gpu.submit(LONG).run)
            wait_for(lambda: bool(list((drop / first.job).glob("*.claim.json"))))
        lose(usual)
        with opened(usual) as store:
            assert store.recent() == []
            found = taken_back(usual, store)["open"]
            run = store.get(first.id)
            assert (found.run, run.status, run.kind, run.digest) == (first.id, "running", "echo", first.digest)
            assert abs(run.created_at - first.created_at) < 1.5
            watched(usual, store)
            run = store.get(first.id)
    assert run.status == "completed"
    assert Path(str(run.results_dir), "echo.txt").read_text() == "survivor"
    assert [it.status for it in store.trace.attempts(run.id)] == ["accepted"]
    assert len(list((drop / run.job).glob("accepted-*.json"))) == 1


def test_the_same_command_picks_a_job_up_that_was_taken_back(drop: Path, usual: Settings) -> None:
    """After the loss the same submission is the run that was taken back: the work is not done a second time."""
    with client(drop, usual.data_dir) as gpu:
        first = gpu.submit(SHORT).run
    lose(usual)
    with opened(usual) as store:
        taken_back(usual, store)
    with worker(drop), client(drop, usual.data_dir) as gpu:
        handle = gpu.submit(SHORT)
        assert handle.run == first
        assert handle.wait(60).files["echo.txt"].read_text() == "short"
        assert len(gpu.store.recent()) == 1


def test_doing_it_twice_changes_nothing(drop: Path, usual: Settings) -> None:
    """What was taken back is known then; so is what was never lost."""
    with client(drop, usual.data_dir) as gpu:
        gpu.submit(SHORT)
        assert list(taken_back(usual, gpu.store)) == ["known"]
    lose(usual)
    with opened(usual) as store:
        assert list(taken_back(usual, store, dry_run=True)) == ["open"]
        assert store.recent() == []
        assert list(taken_back(usual, store)) == ["open"]
        assert list(taken_back(usual, store)) == ["known"]
        assert len(store.recent()) == 1


def test_a_result_that_was_accepted_is_taken_back_with_its_files(drop: Path, usual: Settings) -> None:
    """What is kept on this disk and was accepted is a completed run again, and is not done again."""
    with worker(drop), client(drop, usual.data_dir) as gpu:
        first = gpu.submit(SHORT).wait(60)
    lose(usual)
    with opened(usual) as store:
        assert taken_back(usual, store)["completed"].run == first.run
    with client(drop, usual.data_dir) as gpu:
        again = gpu.submit(SHORT)
        assert again.run == first.run
        assert again.wait(5).files["echo.txt"].read_text() == "short"
    lose(usual)
    first.files["echo.txt"].write_text("spoilt")
    with opened(usual) as store:
        assert list(taken_back(usual, store)) == ["over"]
        assert store.recent() == []


def test_what_ended_is_not_taken_back(drop: Path, usual: Settings) -> None:
    """A cancelled job stays over: nobody asked for it any more."""
    with client(drop, usual.data_dir) as gpu:
        gpu.submit(SHORT).cancel()
    lose(usual)
    with opened(usual) as store:
        assert list(taken_back(usual, store)) == ["over"]
        assert store.recent() == []


def test_another_dispatcher_s_jobs_are_left_alone_unless_they_were_ours(
    drop: Path, usual: Settings, tmp_path: Path
) -> None:
    """Only its owner judges a job: a stranger's is counted, and taken only where the user says whose it was."""
    with client(drop, tmp_path / "other") as gpu:
        theirs = gpu.store.get(gpu.submit(SHORT).run)
        dispatcher = gpu.store.dispatcher_id
    with opened(usual) as store:
        found = taken_back(usual, store)["foreign"]
        assert (found.dispatcher, found.job) == (dispatcher, theirs.job)
        assert store.recent() == []
        with DropWatcher(usual, store) as kept:
            assert find_faults(usual, store, now=time.time(), watcher=kept) == []
        assert taken_back(usual, store, adopt=[dispatcher])["open"].run == theirs.id


def test_a_job_signed_with_our_key_is_ours_whatever_became_of_the_id(
    drop: Path, usual: Settings, tmp_path: Path
) -> None:
    """Without the id beside the database a signature proves whose a job is; a stranger's key does not."""
    ours, theirs = new_key("dispatcher"), new_key("dispatcher")
    for key, data in ((ours, usual.data_dir), (theirs, tmp_path / "other")):
        with client(drop, data, Identity(key=key)) as gpu:
            gpu.submit(SHORT)
    lose(usual, with_id=True)
    signing = usual.model_copy(update={"key": _secret(ours.spell_secret())})
    with opened(signing) as store:
        found = taken_back(signing, store)
        assert set(found) == {"open", "foreign"}
        assert store.get(str(found["open"].run)).kind == "echo"


@pytest.fixture
def far(usual: Settings, tmp_path: Path) -> Iterator[tuple[Settings, Client]]:
    """Return a client of a drop that is no folder, and settings that name it; its database is lost already."""
    name = f"memory:{tmp_path}"
    open_drop(name).put(DROP_CARD, codec.encode(DropCard(drop="d" * 16, id="d" * 16)))
    there = usual.model_copy(update={"drop": name})
    with client(open_drop(name), tmp_path / "lost") as gpu:
        yield there, gpu


def sent_with_file(gpu: Client, tmp_path: Path) -> Job:
    """Send a job with an input, and return it."""
    (tmp_path / "clip.bin").write_bytes(b"film")
    job = Job(kind="echo", params={"text": "x"}, inputs={"source": tmp_path / "clip.bin"})
    gpu.submit(job)
    return job


def test_a_job_whose_input_is_not_known_here_is_not_offered_again(far: tuple[Settings, Client], tmp_path: Path) -> None:
    """Taken back from a drop that is no folder and lost there: the trouble names the input and its hint works."""
    there, gone = far
    job = sent_with_file(gone, tmp_path)
    with RunStore.open(there.database) as store:
        run = store.get(str(taken_back(there, store, adopt=[gone.store.dispatcher_id])["open"].run))
        assert store.trace.files(run.id) == []
        here = Client(gone.drop, store=store, results=there.results)
        with pytest.raises(NotFoundError, match=r"source.*run the command with the file again.*runs cancel"):
            here.offer_again(run, here.resume(run)._job)
        assert store.get(run.id).job == run.job
        handle = here.submit(job)
        assert handle.run == run.id
        here.offer_again(store.get(run.id), here.resume(store.get(run.id))._job)
        assert store.get(run.id).job != run.job
        here.close()


def test_the_trouble_of_such_a_job_stops_nobody(far: tuple[Settings, Client], tmp_path: Path) -> None:
    """The monitor tells it and remembers it with the run; the run stays open."""
    there, gone = far
    sent_with_file(gone, tmp_path)
    with RunStore.open(there.database) as store:
        run = store.get(str(taken_back(there, store, adopt=[gone.store.dispatcher_id])["open"].run))
        store.progress(run.id, at=time.time(), status="pending")
        with Monitor(there, store) as monitor:
            [news] = monitor.step()
        assert "run the command with the file again" in news.trouble
        assert (store.get(run.id).is_open, store.get(run.id).why) == (True, "HELD_UP")


def test_a_drop_that_fails_while_it_is_listed_keeps_no_other_from_being_taken_back(
    drop: Path, usual: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told of, and the jobs of the next one are taken back all the same."""
    with client(drop, usual.data_dir) as gpu:
        run = gpu.submit(SHORT).run
    lose(usual)
    ill = make_drop(usual.private_drop)
    listed = FolderDrop.list

    def listing(self: FolderDrop, folder: str) -> object:
        if self._root == ill and not folder:
            raise ChannelError("input/output error")
        return listed(self, folder)

    with opened(usual) as store, DropWatcher(usual, store, [str(ill), str(drop)]) as looking:
        looking.look()
        monkeypatch.setattr(FolderDrop, "list", listing)
        found = [*reindex(looking, now=time.time())]
    assert [(it.outcome, it.drop, it.run) for it in found] == [
        ("unreadable", str(ill), None),
        ("open", str(drop), run),
    ]
    assert "input/output" in found[0].text


def _secret(text: str) -> object:
    from pydantic import SecretStr

    return SecretStr(text)


def test_a_fresh_database_is_the_same_dispatcher_as_the_lost_one(usual: Settings) -> None:
    """Whose a database is, is written beside it; where that is lost too, it is somebody new."""
    with opened(usual) as store:
        first = store.dispatcher_id
    lose(usual)
    with opened(usual) as store:
        assert store.dispatcher_id == first
    lose(usual, with_id=True)
    with opened(usual) as store:
        assert store.dispatcher_id != first


def test_a_job_that_is_another_run_s_by_now_is_no_second_run(drop: Path, usual: Settings) -> None:
    """The user has sent the same job again after the loss: the old folder does not come back beside it."""
    with client(drop, usual.data_dir) as gpu:
        gpu.submit(SHORT)
    lose(usual)
    with client(drop, usual.data_dir) as gpu:
        new = gpu.submit(SHORT).run
        found = taken_back(usual, gpu.store)
        assert found["superseded"].run == new
        assert [run.id for run in gpu.store.recent()] == [new]


def test_a_torn_or_forged_request_is_not_taken_back(drop: Path, usual: Settings) -> None:
    """What does not check is told, and nothing is made of it."""
    with client(drop, usual.data_dir) as gpu:
        run = gpu.store.get(gpu.submit(SHORT).run)
    request = drop / run.job / "request.json"
    request.write_bytes(request.read_bytes().replace(b"short", b"other"))
    lose(usual)
    with opened(usual) as store:
        assert "checksum" in taken_back(usual, store)["unreadable"].text
        assert store.recent() == []


def test_a_retry_of_what_was_taken_back_asks_for_the_file(drop: Path, usual: Settings, tmp_path: Path) -> None:
    """Where an input lies is lost with the database, but its copy in a folder drop is known and is used again."""
    source = tmp_path / "clip.bin"
    source.write_bytes(b"film")
    with client(drop, usual.data_dir) as gpu:
        gpu.submit(Job(kind="echo", params={"text": "x"}, inputs={"source": source}))
    lose(usual)
    with opened(usual) as store:
        run: Run = store.get(str(taken_back(usual, store)["open"].run))
        (file,) = store.trace.files(run.id)
        assert (run.title, file.name, Path(file.path).read_bytes()) == ("source", "source", b"film")
        acts.cancel(store, run.id, now=time.time(), settings=usual)
        assert acts.retry(store, run.id, now=time.time(), settings=usual).is_open


def test_a_run_whose_worker_died_meanwhile_is_taken_back_too(drop: Path, usual: Settings) -> None:
    """Database and worker are lost at once: another worker does the job, and its result reaches its owner."""
    job = replace(LONG, lease_s=2)
    with client(drop, usual.data_dir) as gpu:
        first = gpu.store.get(gpu.submit(job).run)
        process = start_worker(drop)
        wait_for(lambda: bool(list((drop / first.job).glob("*.claim.json"))))
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    lose(usual)
    with opened(usual) as store:
        taken_back(usual, store)
        with worker(drop):
            watched(usual, store)
        assert store.get(first.id).status == "completed"
        assert [it.status for it in store.trace.attempts(first.id)] == ["lapsed", "accepted"]
