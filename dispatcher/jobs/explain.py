"""Why a job is where it is: one code, one line for people, and the hint where something is wrong.

Everything here is a function of what was seen. Clocks of two machines are compared only for the words, never for a
decision (FORMAT.md R7).
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path

from dispatcher.formatting import clock_time, file_size, listed, partial_size, rough_time
from dispatcher.jobs.arrivals import on_the_way
from dispatcher.jobs.attempt_endings import rejection
from dispatcher.jobs.explain_untaken import explain_untaken
from dispatcher.jobs.job import Explanation, Why
from dispatcher.jobs.snapshot import QUIET_BEATS, JobSnapshot, arrived
from protocol.claims import LEASE_BEATS
from protocol.errors import ChannelError, EnvironmentNotReady, NameMissing, StorageFull, VerificationError
from protocol.kinds.kind import CHECKPOINTS
from protocol.layout import DROP_CARD, Attempt
from protocol.messages import OutputFile
from protocol.states import State

_HUNG = ("ENOTCONN", "EIO", "ESTALE", "ENODEV", "ETIMEDOUT", "EHOSTDOWN", "ECONNABORTED", "ECONNRESET")
_MISSING = ("ENOENT", "ENOTDIR")
_DENIED = ("EACCES", "EPERM", "EROFS")

PER_MILLE = 1000
"""A total that handlers count to where the work has no units of its own."""


def explain(snapshot: JobSnapshot) -> Explanation:
    """Return what the wait is for."""
    match snapshot.standing.state, snapshot.standing.attempt:
        case ((State.CLAIMED | State.RUNNING), Attempt() as attempt):
            return _held(snapshot, attempt)
        case State.STALE, Attempt() as attempt:
            return _stale(snapshot, attempt)
        case State.FAILED, Attempt() as attempt:
            return _failed(snapshot, attempt)
        case State.DELIVERED, Attempt() as attempt:
            text = f"{attempt.worker} has delivered; the result is being verified"
            return Explanation(code=Why.RESULTS_ARRIVING, text=text)
        case State.UNSEEN, _:
            return _unsent(snapshot)
        case State.OFFERED, _:
            return explain_untaken(snapshot)
    return Explanation(code=Why.FINISHED, text=str(snapshot.standing.state))


def _outputs(snapshot: JobSnapshot, attempt: Attempt) -> list[OutputFile]:
    """Return what the last part of an attempt tells of; what was left for another attempt is no output."""
    parts = snapshot.seen.parts.get(attempt)
    return [file for file in parts[-1].files if not file.path.startswith(CHECKPOINTS)] if parts else []


def _held(snapshot: JobSnapshot, attempt: Attempt) -> Explanation:
    """Explain a job that a worker has."""
    silent_s = _silence_s(snapshot, attempt)
    step = _step(snapshot, attempt)
    lease_s = snapshot.leases.lease_s(snapshot.seen.claims[attempt].boot, snapshot.offer.claim)
    if silent_s > QUIET_BEATS * lease_s / LEASE_BEATS:
        left = max(0.0, lease_s - silent_s)
        since = f", since {step}" if step else ""
        text = f"{_name(snapshot, attempt)} took the job and has been silent for {rough_time(silent_s)}{since}"
        hint = f"If that worker is gone, another one takes over in {rough_time(left)}. {_others(snapshot, attempt)}"
        return Explanation(code=Why.WORKER_SILENT, text=text, hint=hint)
    working = f"{_name(snapshot, attempt)} is working{f': {step}' if step else ''}"
    if outputs := _outputs(snapshot, attempt):
        files, size = arrived(snapshot.seen, outputs)
        here = f"{files} of {snapshot.outputs} files are here ({file_size(size)})"
        here += _uploading(snapshot, outputs)
        return Explanation(code=Why.RESULTS_ARRIVING, text=f"{working}; {here}")
    if snapshot.standing.state is State.RUNNING:
        return Explanation(code=Why.WORKING, text=working)
    return Explanation(code=Why.TAKEN, text=f"{_name(snapshot, attempt)} has taken the job (attempt {attempt.n})")


def _stale(snapshot: JobSnapshot, attempt: Attempt) -> Explanation:
    claim, terms, limits = snapshot.seen.claims[attempt], snapshot.offer.claim, snapshot.offer.limits
    why = snapshot.leases.lapse(claim, terms, limits, snapshot.now) or "its lease is over"
    at = f" at {step}" if (step := _step(snapshot, attempt)) else ""
    text = f"{attempt.worker} took the job and fell silent{at}: {why}"
    return Explanation(code=Why.WORKER_SILENT, text=text, hint=_others(snapshot, attempt))


def _failed(snapshot: JobSnapshot, attempt: Attempt) -> Explanation:
    failure = snapshot.seen.errors.get(attempt)
    if failure is None or failure.job is None:
        why = rejection(snapshot.seen.rejected.get(attempt.nonce, "no reason is known"))
        text = f"the result of {attempt.worker} (attempt {attempt.n}) {why}"
        job = snapshot.seen.done[attempt].job if attempt in snapshot.seen.done else None
        text += _uploading(snapshot, job.files) if job else ""
        return Explanation(code=Why.RESULTS_REJECTED, text=text, hint=_again(snapshot, attempt))
    at = f" at step {failure.plain.step}" if failure.plain.step else ""
    text = f"attempt {attempt.n} by {attempt.worker} ended{at} with {failure.job.code}: {failure.plain.error}"
    return Explanation(code=Why.ATTEMPT_FAILED, text=text.rstrip("."), hint=_others(snapshot, attempt))


def _others(snapshot: JobSnapshot, attempt: Attempt) -> str:
    """Say who can go on with a job that its worker does not bring to an end; that worker, too, if it was restarted."""
    failure = snapshot.seen.errors.get(attempt)
    said = snapshot.seen.claims.get(attempt) or (failure.job if failure else None)
    others = sorted(
        name for name, card in snapshot.able.items() if name != attempt.worker or (said and card.boot != said.boot)
    )
    return f"{listed(others)} can take it over" if others else f"No other worker is here. {snapshot.start_one}"


def _again(snapshot: JobSnapshot, attempt: Attempt) -> str:
    """Say who can try a job again whose result was rejected: its worker is among them."""
    able = sorted(snapshot.able, key=lambda name: name == attempt.worker)
    return f"{able[0]} can try again" if able else f"No worker is here now. {snapshot.start_one}"


def _uploading(snapshot: JobSnapshot, files: Iterable[OutputFile]) -> str:
    """Say how much of some outputs is here, while they are not whole."""
    here, total = on_the_way(snapshot.seen, files)
    return f"; uploading: {partial_size(here, total)} seen" if here < total else ""


def _unsent(snapshot: JobSnapshot) -> Explanation:
    torn = snapshot.seen.unchecked.get(f"{snapshot.job}/request.json")
    how = f"is there and not whole: {torn}" if torn else "is not in the drop yet"
    hint = "Check that the sync of this machine is running; if it is, run the same command again"
    return Explanation(code=Why.UPLOAD_UNFINISHED, text=f"the request {how}", hint=hint)


def _silence_s(snapshot: JobSnapshot, attempt: Attempt) -> float:
    boot = snapshot.leases.boot_of(attempt.nonce)
    silent = snapshot.leases.silence_s(boot, snapshot.now) if boot else None
    return snapshot.leases.held_s(attempt.nonce, snapshot.now) if silent is None else silent


def _step(snapshot: JobSnapshot, attempt: Attempt) -> str:
    """Return how far an attempt is, as its beats told; "" before they did."""
    held = snapshot.leases.held(attempt.nonce)
    if held is None or not held.total:
        return ""
    far = f"{held.done // 10} %" if held.total == PER_MILLE else f"{held.done} of {held.total}"
    engine = _engine(snapshot, attempt)
    note = held.note.removeprefix(f"{engine}: ") if engine else held.note
    return far + (f" ({note})" if note else "")


def _name(snapshot: JobSnapshot, attempt: Attempt) -> str:
    """Return the worker's name with the engine that it works with, as far as that is known."""
    engine = _engine(snapshot, attempt)
    return f"{attempt.worker} ({engine})" if engine else attempt.worker


def _engine(snapshot: JobSnapshot, attempt: Attempt) -> str | None:
    """Return the engine of its card that a worker's note begins with, or the only one that its card has."""
    shown = snapshot.workers.get(attempt.worker)
    cards = shown.cards.values() if shown else ()
    engines = [record.name for card in cards for record in card.engines.get(snapshot.offer.kind, ())]
    held = snapshot.leases.held(attempt.nonce)
    note = held.note if held else ""
    told = next((name for name in engines if note.startswith(f"{name}: ")), None)
    return told or (engines[0] if len(set(engines)) == 1 else None)


def not_sent(*, sent: bool) -> Explanation:
    """Explain a job that has not got through to the drop, or was sent and never seen there."""
    text = (
        "the job was sent and is not to be seen in the drop" if sent else "the job could not be put into the drop yet"
    )
    return Explanation(code=Why.UPLOAD_UNFINISHED, text=text, hint="Every command that waits for it sends it again")


def not_whole_yet(snapshot: JobSnapshot, error: VerificationError, left_s: float) -> Explanation:
    """Explain a result whose marker is here before its data, or with other data than it speaks of."""
    attempt = snapshot.standing.attempt
    assert attempt is not None  # a delivered result has one
    job = snapshot.seen.done[attempt].job
    files, _ = arrived(snapshot.seen, job.files if job else ())
    if job and files < len(job.files):
        here, total = on_the_way(snapshot.seen, job.files)
        text = f"uploading: {partial_size(here, total)} seen, {files} of {len(job.files)} files whole"
        text += f" (not {error.missing[0]})" if error.missing else ""
        text += f"; {attempt.worker} has finished, its marker is here before its data"
        hint = f"Nothing to do: data is waited for. After {rough_time(left_s)} without any the attempt is rejected"
        return Explanation(code=Why.RESULTS_ARRIVING, text=text, hint=hint)
    text = f"the result of {attempt.worker} does not verify: {error}"
    hint = f"The channel may still bring the rest; in {rough_time(left_s)} the attempt is rejected and another follows"
    return Explanation(code=Why.RESULTS_UNVERIFIED, text=text, hint=hint)


def no_room(error: StorageFull, results: Path) -> Explanation:
    """Explain a result that is whole in the drop, and that this machine has no room for."""
    cause = error.__cause__
    why = f"{results}: {cause.strerror}" if isinstance(cause, OSError) and cause.strerror else str(error).rstrip(".")
    text = f"the result is in the drop, and this machine has no room for it: {why}"
    hint = f"Free some space on the disk of {results}: the result is kept in the drop, and brought home then"
    return Explanation(code=Why.NO_ROOM_HERE, text=text, hint=hint)


def unreachable(error: ChannelError, drop: str, since_s: float, wall: float) -> Explanation:
    """Explain a drop whose channel fails, by what the system said."""
    cause = error.__cause__
    name = errno.errorcode.get(cause.errno or 0, "") if isinstance(cause, OSError) else ""
    why = (cause.strerror or str(cause)) if isinstance(cause, OSError) else str(error).rstrip(".")
    since = f"since {clock_time(wall - since_s, wall)}, {rough_time(since_s)}"
    return Explanation(
        code=Why.DROP_UNREACHABLE, text=f"the drop {drop} cannot be reached ({since}): {why}", hint=_reach(name, drop)
    )


def _reach(name: str, drop: str) -> str:
    if name in _HUNG:
        return f"The mount does not answer: remount it (fusermount -uz {drop}, then mount it again); the job goes on"
    if name in _MISSING:
        return "Mount the drive again, or put the folder back; the job goes on when it is there"
    if name in _DENIED:
        return "Give this user the right to read and write there; the job goes on then"
    return "The job goes on when the drop is back"


def not_a_drop(error: EnvironmentNotReady, drop: str) -> Explanation:
    """Explain a folder that is there without what makes it a drop: an unmounted mount looks like this."""
    torn = not isinstance(error.__cause__, NameMissing)
    text = (
        f"{drop}/{DROP_CARD} cannot be used: {error.__cause__}"
        if torn
        else f"{drop} is there, but it is no drop now: it holds no {DROP_CARD}"
    )
    hint = "Is the drive mounted, and its sync complete? The job goes on when the drop is back"
    return Explanation(code=Why.DROP_EMPTY, text=text, hint=hint)


def another_drop(found: str, expected: str, drop: str) -> Explanation:
    """Explain a folder that holds a drop, but not the one the job is in."""
    text = f"{drop} is another drop than before (its id is {found}, the job is in {expected})"
    hint = "Mount the drive that the job was sent to, or send the job again to this one: run the same command"
    return Explanation(code=Why.DROP_CHANGED, text=text, hint=hint)
