"""Leases by observed change, and the election."""

from __future__ import annotations

import pytest

from protocol.claims import LeaseWatch, elected
from protocol.layout import Attempt
from protocol.messages import Beat, Claim, ClaimTerms, Held, Limits
from protocol.observation import Observation

DROP, JOB, BOOT = "0" * 16, "job", "b" * 16
TERMS, LIMITS = ClaimTerms(settle_s=0, lease_s=16), Limits(stall_s=100, wall_s=1000)
A, B = Attempt(1, "a" * 16, "w1"), Attempt(1, "b" * 16, "w2")


def claim(a: Attempt = A) -> Claim:
    """Return a claim."""
    return Claim(drop=DROP, id=JOB, attempt=a.n, nonce=a.nonce, worker=a.worker, boot=BOOT, digest="d" * 64)


def beat(seq: int, done: int = 0, at: float = 0) -> Beat:
    """Return a beat that holds attempt A."""
    held = (Held(job=JOB, nonce=A.nonce, done=done, total=10),)
    return Beat(drop=DROP, id="w1", worker="w1", boot=BOOT, seq=seq, at=at, held=held)


def watching(until: float, watch: LeaseWatch, step: float = 1.0, start: float = 0.0) -> None:
    """Let an observer look every `step` seconds."""
    at = start
    while at <= until:
        watch.looked("w1", at)
        at += step


def test_a_silent_claim_lapses_after_its_lease() -> None:
    """The first sight of a claim starts the timer; silence ends it."""
    watch = LeaseWatch(1.0)
    watch.looked("w1", 0)
    watch.saw_claim(claim(), 0)
    watching(16, watch, start=1)
    assert watch.lapse(claim(), TERMS, LIMITS, 16.0) is None
    watching(16.1, watch, start=16.1)
    assert "no heartbeat from w1" in (watch.lapse(claim(), TERMS, LIMITS, 16.1) or "")


def test_only_a_rising_sequence_is_life() -> None:
    """The same or a lower beat again, as a stale listing shows it, does not prolong a lease."""
    watch = LeaseWatch(1.0)
    watch.saw_claim(claim(), 0)
    watch.saw_beat(beat(5), 10)
    watch.saw_beat(beat(5), 20)
    watch.saw_beat(beat(4), 25)
    watching(26.0, watch)
    assert watch.lapse(claim(), TERMS, LIMITS, 26.0) is None
    watching(26.5, watch, start=26.5)
    assert watch.lapse(claim(), TERMS, LIMITS, 26.5)


@pytest.mark.fault("clock-skew")
def test_the_workers_clock_is_never_read() -> None:
    """A beat that says it is of yesterday or of next year counts the same."""
    for at in (0.0, 9e8):
        watch = LeaseWatch(1.0)
        watch.saw_claim(claim(), 0)
        watch.saw_beat(beat(1, at=at), 10)
        assert watch.lapse(claim(), TERMS, LIMITS, 25.0) is None


@pytest.mark.fault("dispatcher-asleep")
def test_a_sleeping_observer_sees_no_lapse() -> None:
    """A gap of the observer's own restarts the timer: two hours asleep are no proof of anything."""
    watch = LeaseWatch(1.0)
    watch.looked("w1", 0)
    watch.saw_claim(claim(), 0)
    watch.looked("w1", 7200)
    assert watch.lapse(claim(), TERMS, LIMITS, 7200.0) is None
    watching(7217, watch, start=7201)
    assert watch.lapse(claim(), TERMS, LIMITS, 7217.0)


def test_only_fresh_looks_count() -> None:
    """While the worker's folder cannot be read its silence proves nothing, however long that takes."""
    watch = LeaseWatch(1.0)
    watch.saw_claim(claim(), 0)
    watching(10, watch)
    assert watch.lapse(claim(), TERMS, LIMITS, 90.0) is None


def test_life_without_progress_is_a_lapse_too() -> None:
    """A worker that beats and does nothing loses the job after stall_s, and after wall_s whatever it does."""
    watch = LeaseWatch(1.0)
    watch.saw_claim(claim(), 0)
    for second in range(0, 1100, 10):
        watch.saw_beat(beat(second + 1, done=second), second)
    assert "longer than" in (watch.lapse(claim(), TERMS, LIMITS, 1001.0) or "")
    stalled = LeaseWatch(1.0)
    stalled.saw_claim(claim(), 0)
    for second in range(0, 110, 10):
        stalled.saw_beat(beat(second + 1, done=3), second)
    assert "no progress" in (stalled.lapse(claim(), TERMS, LIMITS, 101.0) or "")


def test_the_lowest_nonce_is_elected_among_open_claims() -> None:
    """Both claimants come to the same answer; a lapsed rival does not count, one's own claim always does."""
    seen = Observation(claims={A: claim(A), B: claim(B)})
    assert elected(A, seen, ())
    assert not elected(B, seen, ())
    assert elected(B, seen, {A.nonce})
    assert elected(B, Observation(), ())
