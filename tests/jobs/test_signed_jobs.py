"""A dispatcher that demands signatures: what it sends, what it believes, and what it takes for not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.layout import JobNames
from protocol.messages import Cancel, DropCard
from protocol.observation import JobReader
from protocol.signing import Identity, Mode, new_key, trusting
from protocol.transports import memory
from tests.support import answers

DROP_ID = "d" * 16
ECHO = Job(kind="echo", params={"text": "hi"})
GOOD = {"echo.txt": b"hi"}
OURS, THEIRS = new_key("dispatcher"), new_key("worker")


class Place:
    """A drop in memory and clients of several minds on it."""

    def __init__(self, tmp_path: Path, name: str) -> None:
        self.drop = memory.MemoryDrop(memory.named_store(name))
        self.drop.put("_drop.json", codec.encode(DropCard(drop=DROP_ID, id=DROP_ID)))
        self.runs = RunStore.open(f"sqlite:///{tmp_path / 'runs.sqlite3'}")
        self.name, self.results = name, tmp_path / "results"

    def client(self, mode: Mode | None) -> Client:
        """Return a client with a key that trusts ours and theirs; None is one without a key."""
        me = Identity(key=OURS, trust=trusting(mode, (THEIRS.public,), OURS)) if mode else Identity()
        return Client(f"memory:{self.name}", store=self.runs, results=self.results, identity=me)


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A fresh drop."""
    made = Place(tmp_path, request.node.name)
    yield made
    made.runs.close()


def test_only_a_signed_answer_is_accepted(place: Place) -> None:
    """An unsigned result with the right content is not there; the same signed is taken, and the acceptance signed."""
    handle = place.client("require").submit(ECHO)
    job = place.runs.get(handle.run).job
    answers.deliver(place.drop, job, answers.attempt(1), GOOD)
    handle._lifecycle.step(0, 0)
    assert handle._lifecycle.result is None
    answers.deliver(place.drop, job, answers.attempt(2), GOOD, key=new_key("worker"))
    handle._lifecycle.step(1, 1)
    assert handle._lifecycle.result is None
    answers.deliver(place.drop, job, answers.attempt(3), GOOD, key=THEIRS)
    handle._lifecycle.step(2, 2)
    assert handle._lifecycle.result is not None
    seen = JobReader(place.drop, DROP_ID, job, trusting("require", (OURS.public,), None)).look()
    assert seen.accepted is not None
    assert seen.accepted.nonce == answers.attempt(3).nonce


def test_a_forged_cancellation_ends_nothing(place: Place) -> None:
    """Neither an unsigned cancellation nor one by a stranger's key is there; the result is still taken."""
    handle = place.client("require").submit(ECHO)
    job = place.runs.get(handle.run).job
    for forged in (None, new_key("dispatcher")):
        place.drop.delete(JobNames(job).cancel(1))
        body = Cancel(drop=DROP_ID, id=job, k=1, by="somebody", reason="x")
        place.drop.put(JobNames(job).cancel(1), codec.encode(body, forged))
        handle._lifecycle.step(0, 0)
    answers.deliver(place.drop, job, answers.attempt(1), GOOD, key=THEIRS)
    handle._lifecycle.step(1, 1)
    assert handle._lifecycle.result is not None


def test_a_request_is_signed_until_it_ends(place: Place) -> None:
    """A signed request tells until when it may be taken: as long as its sender waits for it at most."""
    run = place.client("off").submit(ECHO).run
    data = place.drop.get(JobNames(place.runs.get(run).job).request, limit=codec.MAX_BYTES)
    trust = trusting("require", (OURS.public,), None)
    offer = codec.decode_request(data, drop=DROP_ID, job=place.runs.get(run).job, trust=trust).job
    assert offer is not None
    made = place.runs.get(run).created_at
    assert offer.limits.not_after == pytest.approx(made + offer.limits.queue_s + offer.limits.wall_s)


def test_a_job_from_before_the_key_is_offered_again_signed(place: Place) -> None:
    """The same submission under require does not wait for an offer that no worker believes."""
    before = place.client(None).submit(ECHO)
    before.leave()
    old = place.runs.get(before.run).job
    again = place.client("require").submit(ECHO)
    again.leave()
    new = place.runs.get(again.run).job
    assert (again.run, new != old) == (before.run, True)
    seen = JobReader(place.drop, DROP_ID, new, trusting("require", (OURS.public,), None)).look()
    assert seen.request is not None
    assert place.runs.get(place.client("require").submit(ECHO).run).job == new


def test_what_is_told_to_the_drop_holds_no_secret(place: Place) -> None:
    """A reason with a token, an address and a home folder in it goes out without them."""
    handle = place.client("require").submit(ECHO)
    handle.cancel("hf_abcdefghijklmnop of jane@example.com in /home/jane/x")
    written = place.drop.get(JobNames(place.runs.get(handle.run).job).cancel(1), limit=codec.MAX_BYTES)
    assert b"hf_abc" not in written
    assert b"jane" not in written
