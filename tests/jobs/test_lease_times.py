"""Settle and lease follow from how soon claims were seen on a drop, measured at no cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from dispatcher.jobs.job import Job, Progress
from dispatcher.jobs.lease_times import ENOUGH, LEASE_AT_MOST_S, RECENT, SETTLE_AT_MOST_S
from protocol import codec
from protocol.claims import LEASE_BEATS
from protocol.errors import JobTimeout
from protocol.layout import WorkerNames
from protocol.messages import ClaimTerms, Held, WorkerCard
from protocol.states import State
from tests.support import answers
from tests.support.scene import SLOW, Scene
from tests.support.workers import DROP_ID

DEFAULT = ClaimTerms(settle_s=SLOW.settle_s, lease_s=LEASE_BEATS * SLOW.beat_s)
WORKER, BOOT = "rival", answers.BOOT


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made, names = Scene(tmp_path), WorkerNames(WORKER)
    card = WorkerCard(drop=DROP_ID, id=WORKER, worker=WORKER, boot=BOOT, kinds=("echo",), engines={})
    made.side().make_folder(names.folder)
    made.side().put(names.hello(BOOT), codec.encode(card))
    return made


def one(scene: Scene, number: int, after_s: float, *, boot: str = BOOT, attempt: int = 1) -> None:
    """Submit a job, see its claim some seconds later, and let it end."""
    run = scene.client.submit(Job(kind="echo", params={"text": f"job {number}"})).run
    scene.clock.now += after_s
    shown = Progress(run=run, state=State.CLAIMED, waited_s=after_s, attempt=attempt, worker=WORKER, boot=boot)
    scene.client.lease_times.looked(shown, scene.clock.now)
    scene.runs.commit(run, "cancelled", at=1.0)
    scene.clock.now += SLOW.beat_s  # the next submission looks at the workers again


def test_a_new_drop_has_the_pace_of_its_kind(scene: Scene) -> None:
    """Until enough delays are known, nothing changes."""
    for number in range(ENOUGH - 1):
        one(scene, number, 3)
    assert scene.client.lease_times.terms() == DEFAULT


def test_a_quick_drop_settles_sooner_and_keeps_its_lease(scene: Scene) -> None:
    """The longest of the last delays is waited for, and the next request says so."""
    for number, after_s in enumerate((3, 7, 4)):
        one(scene, number, after_s)
    assert scene.client.lease_times.terms() == ClaimTerms(settle_s=7, lease_s=DEFAULT.lease_s)
    handle = scene.client.submit(Job(kind="echo", params={"text": "next"}))
    request = scene.look(handle).request
    assert request is not None
    assert request.job.claim.settle_s == 7


def test_a_slow_drop_settles_later_and_holds_claims_longer(scene: Scene) -> None:
    """Beats come as late as claims: a lease of the usual length would end the attempts of living workers."""
    for number in range(ENOUGH):
        one(scene, number, 100)
    assert scene.client.lease_times.terms() == ClaimTerms(settle_s=100, lease_s=400)


def test_what_is_measured_has_bounds(scene: Scene) -> None:
    """A drop that is away for hours makes nobody wait for hours."""
    for number in range(ENOUGH):
        one(scene, number, 50_000)
    assert scene.client.lease_times.terms() == ClaimTerms(settle_s=SETTLE_AT_MOST_S, lease_s=LEASE_AT_MOST_S)


def test_old_delays_are_forgotten(scene: Scene) -> None:
    """A bad hour does not slow a drop down for ever."""
    one(scene, 0, 100)
    for number in range(RECENT):
        one(scene, 1 + number, 5)
    assert scene.client.lease_times.terms().settle_s == 5


def test_a_queue_is_no_delay(scene: Scene) -> None:
    """What was offered beside another open job, or was taken by a worker that was busy or not there, tells nothing."""
    other = scene.client.submit(Job(kind="echo", params={"text": "before"}))
    for number in range(ENOUGH):
        one(scene, number, 3)
    scene.runs.commit(other.run, "cancelled", at=1.0)
    for number in range(ENOUGH):
        one(scene, 10 + number, 3, boot="9" * 16)
        one(scene, 20 + number, 3, attempt=2)
    scene.beat(WORKER, 1, Held(job="elsewhere", nonce="7" * 16, done=0, total=1))
    for number in range(ENOUGH):
        one(scene, 30 + number, 3)
    assert scene.client.lease_times.terms() == DEFAULT


def test_the_job_before_is_no_queue(scene: Scene) -> None:
    """An idle worker beats rarely: what its last beat holds may have ended, and does not count when it was ours."""
    for number in range(ENOUGH):
        one(scene, number, 6)
        last = scene.runs.recent(1)[0].job
        scene.beat(WORKER, 1 + number, Held(job=last, nonce=f"{number:016x}", done=1, total=1))
    assert scene.client.lease_times.terms().settle_s == 6


def test_waiting_measures(scene: Scene) -> None:
    """A wait takes note of its own job's delay: from the request to the look that shows the first claim, once."""
    handle = scene.client.submit(Job(kind="echo", params={"text": "waited for"}))
    scene.claim(handle, "1" * 16)
    for _ in range(2):
        scene.clock.now += 6
        with pytest.raises(JobTimeout):
            handle.wait(0)
    assert scene.runs.claim_delays(scene.client.drop_id, limit=9) == [6]
