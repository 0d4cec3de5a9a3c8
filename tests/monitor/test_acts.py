"""Cancelling, trying again and doing anew: decided in the database, heard by real workers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from dispatcher.config import Settings
from dispatcher.drops.session import DropSession
from dispatcher.jobs.client import Client, Owner
from dispatcher.jobs.job import Job
from dispatcher.jobs.outbox import Outbox
from dispatcher.monitor import acts
from dispatcher.runs.record import Artifact, Delivery, Run, RunExtras
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.errors import JobCancelled, NotFoundError, UsageError
from protocol.integrity import sha256_of
from protocol.observation import JobReader
from tests.support.drops import wait_for, worker

Send = Callable[..., Run]


def flush(store: RunStore, run: Run) -> None:
    """Write stored messages to the drop, as a monitor does."""
    with DropSession.open(run.drop) as session:
        Outbox(session, store, store.get(run.id)).flush()


def cancelled(store: RunStore, run: Run, settings: Settings) -> Run:
    """Cancel a run and return it."""
    assert acts.cancel(store, run.id, reason="no more", now=time.time(), settings=settings)
    return store.get(run.id)


def test_cancelling_ends_the_run_and_stops_its_worker(
    store: RunStore, drop: Path, sent: Send, settings: Settings
) -> None:
    """A cancelled run has its reason, and the worker that was at it lets go of it."""
    run = sent(units=600, unit_s=0.1)
    with worker(drop):
        wait_for(lambda: bool(list((drop / run.job).glob("*.claim.json"))))
        ended = cancelled(store, run, settings)
        flush(store, run)
        wait_for(lambda: bool(list((drop / run.job).glob("*.error.marker"))))
    assert (ended.status, ended.error_code, ended.error_text) == ("cancelled", "CANCELLED", "no more")
    marker = json.loads(next((drop / run.job).glob("*.error.marker")).read_bytes())
    assert marker["job"]["code"] in ("CANCELLED", "RELEASED")


def test_a_run_is_cancelled_once(store: RunStore, sent: Send, settings: Settings) -> None:
    """The second one to cancel is told that it was not him, and the first reason stays."""
    run = cancelled(store, sent(), settings)
    assert not acts.cancel(store, run.id, reason="again", now=time.time(), settings=settings)
    assert store.get(run.id).error_text == "no more"


def test_cancelling_what_was_never_sent_reaches_the_drop(
    store: RunStore, drop: Path, sent: Send, settings: Settings
) -> None:
    """Another process may be sending the run just now, so its folder is told although nothing is in it yet."""
    first = sent()
    made = replace(first, id="261125-000000-aaaaaaaa", job="261125-000000-aaaaaaaa", key="other", status="pending")
    run, _ = store.add_or_find(replace(made, queued_at=None))
    cancelled(store, run, settings)
    flush(store, run)
    assert (drop / run.job / "cancel-1.json").exists()
    assert store.unsaid(run.id) == []


def test_a_run_that_ended_badly_is_tried_again(
    store: RunStore, gpu: Client, drop: Path, sent: Send, settings: Settings
) -> None:
    """A retry is another run of the very same request, which a real worker does; its history tells of the first."""
    first = cancelled(store, sent(), settings)
    again = acts.retry(store, first.id, now=time.time(), settings=settings)
    assert (again.status, again.digest, again.key) == ("pending", first.digest, first.key)
    assert again.id != first.id
    assert again.repeats == first.id
    with worker(drop):
        result = gpu.submit(Job(kind="echo", params={"text": "hello"})).wait(60)
    assert result.run == again.id
    assert store.get(again.id).status == "completed"
    assert any(again.id in line.text for line in store.trace.changes(first.id))


def test_the_offer_of_a_retry_is_its_own(store: RunStore, sent: Send, settings: Settings) -> None:
    """Its request names the new job and this dispatcher, and no end of time that was the first one's."""
    first = cancelled(store, sent(), settings)
    again = acts.retry(store, first.id, now=time.time(), settings=settings)
    offer = codec.decode_request(again.request, drop=again.drop_id, job=again.id).job
    assert offer is not None
    assert (offer.id, offer.dispatcher, offer.limits.not_after) == (again.id, store.dispatcher_id, None)


def test_what_was_to_follow_follows_the_retry(store: RunStore, sent: Send, tmp_path: Path, settings: Settings) -> None:
    """Tags, places for the outputs and the rest of the chain go over to the new run; what was begun does not."""
    first = sent()
    store.attach(first.id, RunExtras(tags=["night"], steps={"then": ["upscale"]}))
    store.attach(first.id, RunExtras(deliveries=[Delivery(name="echo.txt", target=str(tmp_path / "out.txt"))]))
    store.attach(first.id, RunExtras(steps={"then": ["encode"]}))
    begun = store.trace.continuations(first.id)[1]
    store.trace.continued(begun.seq, at=1.0, child="child")
    cancelled(store, first, settings)
    again = acts.retry(store, first.id, now=time.time(), settings=settings)
    assert store.trace.tags([again.id])[again.id] == ["night"]
    assert [it.target for it in store.trace.deliveries(again.id)] == [str(tmp_path / "out.txt")]
    assert [it.steps for it in store.trace.continuations(again.id)] == [{"then": ["upscale"]}]


def test_a_second_retry_is_the_same_run(store: RunStore, sent: Send, settings: Settings) -> None:
    """Asking twice gives one run: the one that is open."""
    first = cancelled(store, sent(), settings)
    once = acts.retry(store, first.id, now=time.time(), settings=settings)
    assert acts.retry(store, first.id, now=time.time(), settings=settings).id == once.id


def test_a_retry_of_what_was_done_since_is_that_run(
    store: RunStore, gpu: Client, drop: Path, sent: Send, settings: Settings
) -> None:
    """What verified is kept: the job is not done a second time, and the chain goes on from the result there is."""
    first = sent()
    store.attach(first.id, RunExtras(steps={"then": ["upscale"]}))
    cancelled(store, first, settings)
    with worker(drop):
        done = gpu.submit(Job(kind="echo", params={"text": "hello"})).wait(60)
    again = acts.retry(store, first.id, now=time.time(), settings=settings)
    assert again.id == done.run
    assert [it.steps for it in store.trace.continuations(again.id)] == [{"then": ["upscale"]}]
    next(iter(done.files.values())).write_text("spoilt")
    assert acts.retry(store, first.id, now=time.time(), settings=settings).id != done.run


@pytest.mark.parametrize("status", ["open", "completed"])
def test_what_did_not_end_badly_is_not_tried_again(
    store: RunStore, sent: Send, settings: Settings, status: str
) -> None:
    """An open run and a completed one are refused, with what to do instead."""
    run = sent()
    if status == "completed":
        store.commit(run.id, "completed", at=1.0)
    with pytest.raises(UsageError, match="runs cancel" if status == "open" else "runs rerun"):
        acts.retry(store, run.id, now=time.time(), settings=settings)


def test_a_rerun_is_a_new_run_whatever_became_of_the_first(store: RunStore, sent: Send, settings: Settings) -> None:
    """A completed run is done again; while that is open, another one is refused."""
    first = sent()
    store.commit(first.id, "completed", at=1.0)
    again = acts.rerun(store, first.id, now=time.time(), settings=settings)
    assert (again.digest, again.status) == (first.digest, "pending")
    with pytest.raises(UsageError, match=again.id):
        acts.rerun(store, first.id, now=time.time(), settings=settings)


def test_a_rerun_takes_no_place_that_is_taken(store: RunStore, sent: Send, tmp_path: Path, settings: Settings) -> None:
    """The first run's output stays what it is; a place that is free, or that may be written over, is used again."""
    first = sent()
    taken, free, over = (tmp_path / name for name in ("taken.txt", "free.txt", "over.txt"))
    taken.write_text("made")
    over.write_text("made")
    places = [Delivery(name="echo.txt", target=str(it), overwrite=it is over) for it in (taken, free, over)]
    store.attach(first.id, RunExtras(deliveries=places))
    store.commit(first.id, "completed", at=1.0)
    again = acts.rerun(store, first.id, now=time.time(), settings=settings)
    assert {it.target for it in store.trace.deliveries(again.id)} == {str(free), str(over)}


def sent_by(machine: str, drop: Path, store: RunStore, settings: Settings, text: str, backend: str = "colab") -> Run:
    """Send a job from a machine, and return its run."""
    owner = Owner(user="bob", machine=machine, backend=backend)
    with closing(Client(drop, store=store, results=settings.results, owner=owner)) as there:
        return store.get(there.submit(Job(kind="echo", params={"text": text})).run)


@pytest.mark.parametrize("act", [acts.retry, acts.rerun])
def test_a_repetition_is_the_run_of_the_machine_that_asks_for_it(
    store: RunStore, settings: Settings, drop: Path, act: Callable[..., Run]
) -> None:
    """In a database that several machines share, who asks for it brings it home, by the drop's address there."""
    mount = drop.with_name("mounted-elsewhere")
    mount.symlink_to(drop)
    sent_by("ours", mount, store, settings, "another")
    first = cancelled(store, sent_by("theirs", drop, store, settings, "hello"), settings)
    here = settings.model_copy(update={"machine": "ours", "user": "ada"})
    again = act(store, first.id, now=time.time(), settings=here)
    assert (again.machine, again.user, again.drop) == ("ours", "ada", str(mount))
    assert again.id in {run.id for run in store.search.unsettled("ours")}


def test_work_that_a_machine_kept_to_itself_is_not_sent_from_another(
    store: RunStore, drop: Path, settings: Settings
) -> None:
    """Its drop is on that machine's disk: nobody else could ever send it, which is said at once."""
    run = cancelled(store, sent_by("theirs", drop, store, settings, "hello", backend="local"), settings)
    with pytest.raises(UsageError, match="on the machine theirs"):
        acts.retry(store, run.id, now=time.time(), settings=settings)


@pytest.mark.parametrize(("fate", "says"), [("gone", "cannot be read"), ("changed", "is another file now")])
def test_inputs_must_be_what_they_were(
    store: RunStore, sent: Send, tmp_path: Path, settings: Settings, fate: str, says: str
) -> None:
    """A run is not repeated with another file than it had, nor without one."""
    run = sent()
    source = tmp_path / "clip.mp4"
    source.write_bytes(b"film")
    size, sha256 = sha256_of(source)
    file = Artifact(role="input", name="clip.mp4", path=str(source), size=size, sha256=sha256)
    store.attach(run.id, RunExtras(inputs=[file]))
    cancelled(store, run, settings)
    source.unlink() if fate == "gone" else source.write_bytes(b"another")
    with pytest.raises(NotFoundError, match=says):
        acts.retry(store, run.id, now=time.time(), settings=settings)


def test_a_worker_s_answer_to_a_cancelled_run_is_not_taken(
    store: RunStore, gpu: Client, sent: Send, settings: Settings
) -> None:
    """The handle of a process that still waits ends with the cancellation, whoever decided it."""
    run = sent()
    handle = gpu.submit(Job(kind="echo", params={"text": "hello"}))
    cancelled(store, run, settings)
    with pytest.raises(JobCancelled, match="no more"):
        handle.wait(10)
    flush(store, run)
    seen = JobReader(gpu.drop, gpu.drop_id, run.job).look()
    assert seen.cancelled is not None
    assert seen.cancelled.reason == "no more"
