"""How the attempts at a job ended, and which workers failed it: pure functions of one look, for the owner (R13)."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.claims import LeaseWatch
from protocol.layout import Attempt
from protocol.messages import Offer
from protocol.observation import Observation

NEVER_CAME = "never arrived whole"
DAMAGED = "arrived damaged"
UNUSABLE = "did not verify"
"""How the reason of a rejection begins: what was wrong with the result."""


@dataclass(frozen=True)
class Ending:
    """Why an attempt has no result."""

    code: str
    reason: str
    step: str | None = None
    is_crash: bool = False  # the worker fell silent without reporting an error


def endings(seen: Observation, leases: LeaseWatch, offer: Offer, now: float) -> list[Ending]:
    """Return the attempts that ended without a result and count: failed, rejected, or lapsed with newer activity.

    A released attempt does not count, nor does one that left an output that no earlier one had left (R11).
    """
    useful = _useful(seen)
    newest = max((attempt.n for attempt in seen.claims), default=0)
    found = {
        attempt: Ending(failure.job.code, failure.plain.error, failure.plain.step)
        for attempt, failure in seen.errors.items()
        if failure.job and failure.job.code != "RELEASED"
    }
    for attempt in seen.done:
        if attempt.nonce in seen.rejected:
            found[attempt] = _rejected(attempt, seen.rejected[attempt.nonce])
    for attempt, claim in seen.claims.items():
        ended = attempt in seen.errors or attempt in seen.done
        if attempt.n < newest and not ended and (why := leases.lapse(claim, offer.claim, offer.limits, now)):
            found[attempt] = Ending("TIMEOUT", why, is_crash=True)
    return [ending for attempt, ending in sorted(found.items()) if attempt not in useful]


def _rejected(attempt: Attempt, why: str) -> Ending:
    """Return how an attempt with a rejected result ended, by the reason of the rejection."""
    code = "TIMEOUT" if why.startswith(NEVER_CAME) else "ENGINE"
    return Ending(code, f"the result of {attempt.worker} {rejection(why)}")


def rejection(why: str) -> str:
    """Return the reason of a rejection as the predicate of a sentence about the result."""
    text = why.rstrip(".")
    return text if text.startswith((NEVER_CAME, DAMAGED, UNUSABLE)) else f"was rejected: {text}"


def failed_workers(seen: Observation) -> set[str]:
    """Return the workers that reported an error at this job."""
    return {attempt.worker for attempt, f in seen.errors.items() if f.job and f.job.code != "RELEASED"}


def _useful(seen: Observation) -> set[Attempt]:
    """Return the attempts that left an output, complete by its size, that no earlier one had left."""
    known: set[str] = set()
    useful = set()
    for attempt, parts in sorted(seen.parts.items()):
        files = [file for part in parts for file in part.files if file.from_ is None]
        new = {f.path for f in files if (f.at or 0) + f.size <= seen.sizes.get(f.in_, -1)} - known
        known |= new
        useful |= {attempt} if new else set()
    return useful
