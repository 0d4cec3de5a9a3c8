"""Why a job is where it is, in one line for people, with the cure where something is wrong."""

from __future__ import annotations

from collections.abc import Mapping

from protocol.claims import LeaseWatch
from protocol.messages import Offer, WorkerCard
from protocol.seen import Seen, WorkerSeen
from protocol.states import Standing, State


def explain(
    standing: Standing, seen: Seen, offer: Offer, workers: Mapping[str, WorkerSeen], leases: LeaseWatch, now: float
) -> str:
    """Return what the wait is for."""
    attempt = standing.attempt
    match standing.state:
        case State.CLAIMED if attempt:
            return f"{attempt.worker} has taken the job (attempt {attempt.n})"
        case State.RUNNING if attempt:
            return _running(attempt.nonce, _name(attempt.worker, offer, workers), leases)
        case State.STALE if attempt:
            return f"{attempt.worker} took the job and went silent; waiting for a worker to take it over"
        case State.UNSEEN:
            return "the request is not in the drop yet"
        case State.OFFERED:
            return _untaken(offer, workers, leases, now)
        case State.DELIVERED if attempt:
            return f"{attempt.worker} has delivered; verifying"
        case State.FAILED if attempt:
            return f"attempt {attempt.n} ended without a result; waiting for another worker"
    return str(standing.state)


def _name(worker: str, offer: Offer, workers: Mapping[str, WorkerSeen]) -> str:
    """Return the worker's name with the engine it works with, where its card is known."""
    cards = workers[worker].cards.values() if worker in workers else ()
    engines = [card.engines[offer.kind][0].name for card in cards if card.engines.get(offer.kind)]
    return f"{worker} ({engines[-1]})" if engines else worker


def _running(nonce: str, worker: str, leases: LeaseWatch) -> str:
    held = leases.held(nonce)
    if held is None or not held.total:
        return f"{worker} is at it"
    return f"{worker} is at {held.done} of {held.total}" + (f" ({held.note})" if held.note else "")


def _untaken(offer: Offer, workers: Mapping[str, WorkerSeen], leases: LeaseWatch, now: float) -> str:
    if not workers:
        return "no worker was ever seen on this drop; start the notebook, or: gpudrop worker --drop <this drop>"
    alive = living(workers, leases, now)
    if not alive:
        return f"{len(workers)} worker(s) were here, none of them lately; start the notebook again"
    able = [name for name, card in alive.items() if offer.kind in card.kinds]
    if not able:
        return f"{len(alive)} worker(s) here, none does {offer.kind}; start one that does"
    missing = engine_missing(offer, workers, leases, now)
    who = able[0] if len(able) == 1 else f"one of {len(able)} workers"
    return missing or f"waiting for {who} to take the job"


def engine_missing(offer: Offer, workers: Mapping[str, WorkerSeen], leases: LeaseWatch, now: float) -> str | None:
    """Say that the engine a job insists on is with none of the living workers, or None where that is not so."""
    cards = [card for card in living(workers, leases, now).values() if offer.kind in card.kinds]
    have = {record.name for card in cards for record in card.engines.get(offer.kind, ())}
    wanted = offer.requires.engine
    if wanted is None or not cards or wanted in have:
        return None
    return f"no worker here has the engine {wanted} (they have: {', '.join(sorted(have))}); leave --require-engine out"


def living(workers: Mapping[str, WorkerSeen], leases: LeaseWatch, now: float) -> dict[str, WorkerCard]:
    """Return the cards of the workers that may still be alive, as far as this machine has seen."""
    return {
        name: card
        for name, shown in workers.items()
        for boot, card in shown.cards.items()
        if leases.boot_alive(boot, now, card.beat_s)
    }
