"""The state of a job, derived from an observation by one table; the order of arrival does not matter.

The state is a function of the valid messages, the lapses this observer has noticed and the decision that the owner
has committed. Both sides use the same function; only the owner ever has a decision.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from protocol.layout import LAST_ATTEMPT, Attempt
from protocol.messages import Part
from protocol.observation import Observation


class State(StrEnum):
    """The state of a job. The last four are terminal, and a job ends in exactly one of them.

    `judge` never returns CHANNEL_LOST: it is the state for an observer that cannot read the drop.
    """

    UNSEEN = "unseen"
    CHANNEL_LOST = "channel_lost"
    OFFERED = "offered"
    CLAIMED = "claimed"
    RUNNING = "running"
    DELIVERED = "delivered"
    STALE = "stale"
    FAILED = "failed"
    ACCEPTED = "accepted"
    DEAD = "dead"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


TERMINAL = frozenset({State.ACCEPTED, State.DEAD, State.CANCELLED, State.EXPIRED})
OPEN_TO_CLAIMS = frozenset({State.OFFERED, State.STALE, State.FAILED})


@dataclass(frozen=True)
class Standing:
    """A state, and the attempt it is about where there is one."""

    state: State
    attempt: Attempt | None = None


def judge(
    seen: Observation,
    *,
    lapsed: Collection[str] = (),
    beating: Collection[str] = (),
    decision: State | None = None,
) -> Standing:
    """Return the job's state. `lapsed` and `beating` hold the nonces of attempts that lapsed, or have a heartbeat.

    The first line that applies decides; of several attempts, the one with the highest number, then the lowest nonce.
    """
    if decision in TERMINAL:
        return Standing(decision)
    if seen.accepted:
        return Standing(State.ACCEPTED)
    if seen.cancelled:
        return Standing(State.CANCELLED)
    live = [a for a in open_attempts(seen) if a.nonce not in lapsed]
    working = [a for a in live if a.nonce in beating or a in seen.parts]
    failed = [*seen.errors, *(a for a in (*seen.claims, *seen.done) if a.nonce in seen.rejected)]
    for state, attempts in (
        (State.DELIVERED, delivered(seen)),
        (State.RUNNING, working),
        (State.CLAIMED, live),
        (State.STALE, open_attempts(seen)),
        (State.FAILED, failed),
    ):
        if attempts:
            return Standing(state, min(attempts, key=lambda a: (-a.n, a.nonce)))
    return Standing(State.OFFERED if seen.is_requested else State.UNSEEN)


def delivered(seen: Observation) -> list[Attempt]:
    """Return the attempts whose result is there and was not rejected, in the order in which to check them."""
    return sorted(a for a in seen.done if a.nonce not in seen.rejected)


def open_attempts(seen: Observation) -> list[Attempt]:
    """Return the attempts that were claimed and have not ended."""
    return sorted(
        a for a in seen.claims if a not in seen.done and a not in seen.errors and a.nonce not in seen.rejected
    )


def ended_parts(seen: Observation, lapsed: Collection[str] = ()) -> dict[Attempt, tuple[Part, ...]]:
    """Return what the attempts that have ended had published: failed, rejected or lapsed ones (R11)."""
    live = {a for a in open_attempts(seen) if a.nonce not in lapsed}
    return {a: parts for a, parts in seen.parts.items() if a not in live and a not in delivered(seen)}


def next_attempt_number(seen: Observation) -> int | None:
    """Return 1 + the highest attempt number that left any trace; None when that was the last possible one."""
    numbers = [a.n for group in (seen.claims, seen.parts, seen.done, seen.errors) for a in group]
    highest = max([0, *numbers, *seen.turns])
    return highest + 1 if highest < LAST_ATTEMPT else None
