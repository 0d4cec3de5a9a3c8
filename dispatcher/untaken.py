"""Why an offer is not taken: the reasons in the order in which they are looked for."""

from __future__ import annotations

from collections.abc import Callable

from dispatcher.jobs import Explanation, Why
from dispatcher.sight import Sight, engine_cure, engine_missing
from dispatcher.wording import clock_time, for_people, in_bytes, listed
from protocol.messages import WorkerCard


def explain_untaken(sight: Sight) -> Explanation:
    """Return the first reason that has something to say."""
    return next(why for reason in _REASONS if (why := reason(sight)) is not None)


def _begun_plainly(sight: Sight) -> Explanation | None:
    if sight.able or not sight.seen.plain_audio:
        return None
    text = "a worker of the simple form has begun to answer; such a worker does not tell how far it is"
    return Explanation(code=Why.PLAIN_ANSWER, text=text, cure=f"If nothing comes, it is gone. {sight.start_one}")


def _no_worker(sight: Sight) -> Explanation | None:
    if any(worker.cards or worker.too_new for worker in sight.workers.values()):
        return None
    return Explanation(code=Why.NO_WORKER_SEEN, text="no worker was ever seen on this drop", cure=sight.start_one)


def _too_new(sight: Sight) -> Explanation | None:
    if sight.here or not (newer := sorted(name for name, shown in sight.workers.items() if shown.too_new)):
        return None
    text = f"{listed(newer)} speaks a newer format than this machine reads"
    return Explanation(code=Why.WORKER_TOO_NEW, text=text, cure="Upgrade gpudrop on this machine")


def _gone(sight: Sight) -> Explanation | None:
    if sight.here:
        return None
    count = len(sight.workers)
    last = max(sight.workers, key=lambda name: sight.workers[name].told_at or 0)
    were = f"{last} was here" if count == 1 else f"{count} workers were here, the last of them {last}"
    ended = all(map(sight.leases.has_ended, sight.workers[last].cards)) and bool(sight.workers[last].cards)
    text = f"{were}, {last_sign(sight, last)}{'; its session has ended' if ended else ''}"
    cure = sight.start_one if ended else f"It seems to be gone. {sight.start_one}"
    return Explanation(code=Why.WORKERS_GONE, text=text, cure=cure)


def _no_kind(sight: Sight) -> Explanation | None:
    if sight.able:
        return None
    does = ", ".join(sorted({kind for card in sight.here.values() for kind in card.kinds})) or "nothing"
    text = f"the request is not taken: {listed(sight.here)} does {does}, not {sight.offer.kind}"
    return Explanation(code=Why.KIND_MISSING, text=text, cure=f"Start a worker that does it. {sight.start_one}")


def _too_old(sight: Sight) -> Explanation | None:
    needed = sight.offer.min_reader
    if any(card.v >= needed for card in sight.able.values()):
        return None
    text = f"the request is not taken: it needs format {needed}, which {listed(sight.able)} does not read"
    cure = f"Bring this version there (gpudrop init --drop {sight.drop}), then restart the notebook"
    return Explanation(code=Why.WORKER_TOO_OLD, text=text, cure=cure)


def _no_engine(sight: Sight) -> Explanation | None:
    missing = engine_missing(sight.offer, sight.workers, sight.leases, sight.now)
    if missing is None:
        return None
    cure = f"Start a worker that has it: {engine_cure(sight.offer, started_here=False)}"
    return Explanation(code=Why.ENGINE_MISSING, text=f"the request is not taken: {missing}", cure=cure)


def _time_passed(sight: Sight) -> Explanation | None:
    until = sight.offer.limits.not_after
    if until is None or sight.wall <= until:
        return None
    text = f"the request is not taken: its time has passed ({clock_time(until, sight.wall)})"
    return Explanation(code=Why.TIME_PASSED, text=text, cure="Submit it again with a later not_after")


def _reserved(sight: Sight) -> Explanation | None:
    prefer = sight.offer.claim.prefer
    if prefer is None or prefer in sight.able:
        return None
    text = f"the request is not taken: it is reserved for {prefer}, which is not here"
    return Explanation(code=Why.RESERVED, text=text, cure=f"Start {prefer}, or submit it without a preference")


def _inputs_late(sight: Sight) -> Explanation | None:
    for name, file in sight.offer.inputs.items():
        there = sight.seen.sizes.get(file.in_, 0)
        if there != file.size:
            text = (
                f"the request is not taken: of its input {name}, {in_bytes(there)} of {in_bytes(file.size)} are there"
            )
            return Explanation(code=Why.UPLOAD_UNFINISHED, text=text, cure="Check that the sync of this machine runs")
    return None


def _busy(sight: Sight) -> Explanation | None:
    busy = {name: held for name, card in sight.able.items() if (held := _other_job(sight, name, card))}
    if len(busy) < len(sight.able):
        return None
    name, (job, done, total, since_s) = next(iter(sorted(busy.items())))
    at = f" ({done} of {total})" if total else ""
    text = f"{name} is busy with job {job}{at}, for at least {for_people(since_s)}"
    more = "" if len(busy) == 1 else f"; so are {len(busy) - 1} more"
    cure = f"It comes next; a second worker would take it at once. {sight.start_one}"
    return Explanation(code=Why.WORKER_BUSY, text=text + more, cure=cure)


def _other_job(sight: Sight, name: str, card: WorkerCard) -> tuple[str, int, int, float] | None:
    """Return the job that a worker is at: (job, done, total, seconds we have seen that)."""
    beat = sight.workers[name].beats.get(card.boot)
    for held in beat.held if beat else ():
        if held.job != sight.job:
            return held.job, held.done, held.total, sight.leases.held_s(held.nonce, sight.now)
    return None


def _ready(sight: Sight) -> Explanation | None:
    return Explanation(code=Why.WORKER_READY, text=f"waiting for {listed(sight.able)} to take the job")


_REASONS: tuple[Callable[[Sight], Explanation | None], ...] = (
    _begun_plainly,
    _no_worker,
    _too_new,
    _gone,
    _no_kind,
    _too_old,
    _no_engine,
    _time_passed,
    _reserved,
    _inputs_late,
    _busy,
    _ready,
)


def signs_of_life(sight: Sight) -> tuple[str, ...]:
    """Return a few words on each worker of the drop: when it last was heard of."""
    return tuple(f"{name}: {last_sign(sight, name)}" for name in sorted(sight.workers))


def last_sign(sight: Sight, name: str) -> str:
    """Return when a worker was last heard of, in a few words."""
    told_at = sight.workers[name].told_at
    if told_at is None:
        return "no beat of it was seen"
    return f"last beat {for_people(max(0.0, sight.wall - told_at))} ago ({clock_time(told_at, sight.wall)})"
