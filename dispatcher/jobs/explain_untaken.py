"""Why no worker takes an offer: the reasons, in the order in which they are checked."""

from __future__ import annotations

from collections.abc import Callable

from dispatcher.formatting import clock_time, file_size, listed, rough_time
from dispatcher.jobs.job import Explanation, Why
from dispatcher.jobs.snapshot import JobSnapshot, engine_hint, engine_missing
from protocol.messages import WorkerCard


def explain_untaken(snapshot: JobSnapshot) -> Explanation:
    """Return the first reason that applies."""
    return next(why for reason in _REASONS if (why := reason(snapshot)) is not None)


def _begun_plainly(snapshot: JobSnapshot) -> Explanation | None:
    if snapshot.able or not snapshot.seen.plain_audio:
        return None
    text = "a worker of the simple form has begun to answer; such a worker reports no progress"
    return Explanation(code=Why.PLAIN_ANSWER, text=text, hint=f"If nothing arrives, it is gone. {snapshot.start_one}")


def _no_worker(snapshot: JobSnapshot) -> Explanation | None:
    if any(worker.cards or worker.too_new for worker in snapshot.workers.values()):
        return None
    return Explanation(code=Why.NO_WORKER_SEEN, text="no worker was ever seen on this drop", hint=snapshot.start_one)


def _too_new(snapshot: JobSnapshot) -> Explanation | None:
    if snapshot.here or not (newer := sorted(name for name, shown in snapshot.workers.items() if shown.too_new)):
        return None
    text = f"{listed(newer)} uses a newer format than this machine reads"
    return Explanation(code=Why.WORKER_TOO_NEW, text=text, hint="Upgrade gpudrop on this machine")


def _gone(snapshot: JobSnapshot) -> Explanation | None:
    if snapshot.here:
        return None
    count = len(snapshot.workers)
    last = max(snapshot.workers, key=lambda name: snapshot.workers[name].told_at or 0)
    were = f"{last} was here" if count == 1 else f"{count} workers were here, most recently {last}"
    ended = all(map(snapshot.leases.has_ended, snapshot.workers[last].cards)) and bool(snapshot.workers[last].cards)
    text = f"{were}, {last_sign(snapshot, last)}{'; its session has ended' if ended else ''}"
    hint = snapshot.start_one if ended else f"It seems to have stopped. {snapshot.start_one}"
    return Explanation(code=Why.WORKERS_GONE, text=text, hint=hint)


def _no_kind(snapshot: JobSnapshot) -> Explanation | None:
    if snapshot.able:
        return None
    does = ", ".join(sorted({kind for card in snapshot.here.values() for kind in card.kinds})) or "nothing"
    text = f"no worker takes the request: {listed(snapshot.here)} does {does}, not {snapshot.offer.kind}"
    return Explanation(code=Why.KIND_MISSING, text=text, hint=f"Start a worker for it. {snapshot.start_one}")


def _too_old(snapshot: JobSnapshot) -> Explanation | None:
    needed = snapshot.offer.min_reader
    if any(card.v >= needed for card in snapshot.able.values()):
        return None
    text = f"no worker takes the request: it needs format {needed}, which {listed(snapshot.able)} does not read"
    hint = f"Install this version there (gpudrop init --drop {snapshot.drop}), then restart the notebook"
    return Explanation(code=Why.WORKER_TOO_OLD, text=text, hint=hint)


def _no_engine(snapshot: JobSnapshot) -> Explanation | None:
    missing = engine_missing(snapshot.offer, snapshot.workers, snapshot.leases, snapshot.now)
    if missing is None:
        return None
    hint = f"Start a worker that has it: {engine_hint(snapshot.offer, started_here=False)}"
    return Explanation(code=Why.ENGINE_MISSING, text=f"no worker takes the request: {missing}", hint=hint)


def _time_passed(snapshot: JobSnapshot) -> Explanation | None:
    until = snapshot.offer.limits.not_after
    if until is None or snapshot.wall <= until:
        return None
    text = f"no worker takes the request: it expired at {clock_time(until, snapshot.wall)}"
    return Explanation(code=Why.TIME_PASSED, text=text, hint="Submit it again with a later not_after")


def _reserved(snapshot: JobSnapshot) -> Explanation | None:
    prefer = snapshot.offer.claim.prefer
    if prefer is None or prefer in snapshot.able:
        return None
    text = f"no worker takes the request: it is reserved for {prefer}, which is not here"
    return Explanation(code=Why.RESERVED, text=text, hint=f"Start {prefer}, or submit it without a preference")


def _inputs_late(snapshot: JobSnapshot) -> Explanation | None:
    for name, file in snapshot.offer.inputs.items():
        there = snapshot.seen.sizes.get(file.in_, 0)
        if there != file.size:
            arrived = f"{file_size(there)} of {file_size(file.size)}"
            text = f"no worker takes the request: {arrived} of its input {name} have arrived"
            hint = "Check that the sync tool of this machine is running"
            return Explanation(code=Why.UPLOAD_UNFINISHED, text=text, hint=hint)
    return None


def _busy(snapshot: JobSnapshot) -> Explanation | None:
    busy = {name: held for name, card in snapshot.able.items() if (held := _other_job(snapshot, name, card))}
    if len(busy) < len(snapshot.able):
        return None
    name, (job, done, total, since_s) = next(iter(sorted(busy.items())))
    at = f" ({done} of {total})" if total else ""
    text = f"{name} is busy with job {job}{at}, for at least {rough_time(since_s)}"
    more = "" if len(busy) == 1 else f"; {len(busy) - 1} more are busy too"
    hint = f"The job is next; a second worker would take it at once. {snapshot.start_one}"
    return Explanation(code=Why.WORKER_BUSY, text=text + more, hint=hint)


def _other_job(snapshot: JobSnapshot, name: str, card: WorkerCard) -> tuple[str, int, int, float] | None:
    """Return the other job of a worker: (job, done, total, how many seconds we have seen it hold that job)."""
    beat = snapshot.workers[name].beats.get(card.boot)
    for held in beat.held if beat else ():
        if held.job != snapshot.job:
            return held.job, held.done, held.total, snapshot.leases.held_s(held.nonce, snapshot.now)
    return None


def _ready(snapshot: JobSnapshot) -> Explanation | None:
    return Explanation(code=Why.WORKER_READY, text=f"waiting for {listed(snapshot.able)} to take the job")


_REASONS: tuple[Callable[[JobSnapshot], Explanation | None], ...] = (
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


def signs_of_life(snapshot: JobSnapshot) -> tuple[str, ...]:
    """Return, for each worker of the drop, when it was last heard of."""
    return tuple(f"{name}: {last_sign(snapshot, name)}" for name in sorted(snapshot.workers))


def last_sign(snapshot: JobSnapshot, name: str) -> str:
    """Return when a worker was last heard of, in a few words."""
    told_at = snapshot.workers[name].told_at
    if told_at is None:
        return "no heartbeat was seen"
    return f"last heartbeat {rough_time(max(0.0, snapshot.wall - told_at))} ago ({clock_time(told_at, snapshot.wall)})"
