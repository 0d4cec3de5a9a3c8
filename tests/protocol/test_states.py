"""The table of states: a function of what is seen, never of the order of arrival."""

from __future__ import annotations

import itertools

import pytest

from protocol.layout import LAST_ATTEMPT, Attempt
from protocol.messages import Accepted, Cancel, Claim, Done, DoneJob, EngineRecord, Failure, FailureJob, Offer, Request
from protocol.observation import Observation
from protocol.plain import PlainDone, PlainFailure, PlainRequest
from protocol.states import OPEN_TO_CLAIMS, State, judge, next_attempt_number

DROP, JOB, DIGEST, BOOT = "0" * 16, "job", "d" * 64, "b" * 16
A1, A2 = Attempt(1, "1" * 16, "w1"), Attempt(2, "2" * 16, "w2")
ENGINE = EngineRecord(name="e", version="1", provider="cpu", device="cpu", tier="embedded")
PLAIN = PlainRequest(params={})
REQUEST = Request(params={}, job=Offer(drop=DROP, id=JOB, dispatcher="0" * 16, kind="echo", digest=DIGEST))


def who(a: Attempt) -> dict[str, object]:
    """Return the fields that say whose attempt a message is about."""
    return {"drop": DROP, "id": JOB, "attempt": a.n, "nonce": a.nonce, "worker": a.worker, "boot": BOOT}


def claim(a: Attempt) -> Claim:
    """Return a claim."""
    return Claim(**who(a), digest=DIGEST)


def done(a: Attempt) -> Done:
    """Return a done marker without files."""
    return Done(plain=PlainDone(), job=DoneJob(**who(a), digest=DIGEST, files=(), engine=ENGINE, durable="local"))


def failure(a: Attempt) -> Failure:
    """Return an error marker."""
    job = FailureJob(**who(a), digest=DIGEST, code="ENGINE", retryable=True)
    return Failure(plain=PlainFailure(error="no"), job=job)


CASES = [
    ("nothing there", Observation(), {}, State.UNSEEN),
    ("a request", Observation(request=REQUEST), {}, State.OFFERED),
    ("a plain request", Observation(plain_request=PLAIN), {}, State.OFFERED),
    ("claimed", Observation(request=REQUEST, claims={A1: claim(A1)}), {}, State.CLAIMED),
    ("a beat holds it", Observation(request=REQUEST, claims={A1: claim(A1)}), {"beating": {A1.nonce}}, State.RUNNING),
    ("its lease lapsed", Observation(request=REQUEST, claims={A1: claim(A1)}), {"lapsed": {A1.nonce}}, State.STALE),
    ("failed", Observation(request=REQUEST, claims={A1: claim(A1)}, errors={A1: failure(A1)}), {}, State.FAILED),
    ("a marker before its request", Observation(done={A1: done(A1)}), {}, State.DELIVERED),
    ("delivered", Observation(request=REQUEST, claims={A1: claim(A1)}, done={A1: done(A1)}), {}, State.DELIVERED),
    (
        "delivered by a lapsed attempt while another runs",
        Observation(request=REQUEST, claims={A1: claim(A1), A2: claim(A2)}, done={A1: done(A1)}),
        {"lapsed": {A1.nonce}},
        State.DELIVERED,
    ),
    (
        "rejected",
        Observation(request=REQUEST, claims={A1: claim(A1)}, done={A1: done(A1)}, rejected={A1.nonce: "no"}),
        {},
        State.FAILED,
    ),
    (
        "cancelled although delivered",
        Observation(done={A1: done(A1)}, cancelled=Cancel(drop=DROP, id=JOB, k=1, by="x", reason="y")),
        {},
        State.CANCELLED,
    ),
    (
        "accepted although cancelled later",
        Observation(
            accepted=Accepted(drop=DROP, id=JOB, k=1, nonce=A1.nonce, done_seal="5" * 64),
            cancelled=Cancel(drop=DROP, id=JOB, k=1, by="x", reason="y"),
        ),
        {},
        State.ACCEPTED,
    ),
    ("the owner's decision stands", Observation(done={A1: done(A1)}), {"decision": State.EXPIRED}, State.EXPIRED),
]


@pytest.mark.parametrize(("_", "seen", "known", "state"), CASES, ids=[case[0] for case in CASES])
def test_the_table(_: str, seen: Observation, known: dict[str, object], state: State) -> None:
    """Each line of the table of states."""
    assert judge(seen, **known).state is state


def test_the_order_of_arrival_does_not_matter() -> None:
    """However the same messages came to be seen, the state is the same."""
    attempts = (A1, A2)
    states = set()
    for order in itertools.permutations(attempts):
        seen = Observation(request=REQUEST, claims={a: claim(a) for a in order}, errors={a: failure(a) for a in order})
        states.add(judge(seen))
    assert len(states) == 1
    assert states.pop().attempt == A2


def test_only_unheld_jobs_are_open_to_claims() -> None:
    """A job that is delivered, held or over is not taken again."""
    assert {State.OFFERED, State.STALE, State.FAILED} == OPEN_TO_CLAIMS


def test_attempt_numbers_rise_above_anything_seen() -> None:
    """A claim, a marker or a mere turn of an attempt uses its number up."""
    assert next_attempt_number(Observation()) == 1
    assert next_attempt_number(Observation(errors={A1: failure(A1)})) == 2
    assert next_attempt_number(Observation(claims={A1: claim(A1)}, turns=frozenset({4}))) == 5
    assert next_attempt_number(Observation(turns=frozenset({LAST_ATTEMPT - 1}))) == LAST_ATTEMPT
    assert next_attempt_number(Observation(turns=frozenset({LAST_ATTEMPT}))) is None
