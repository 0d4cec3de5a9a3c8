"""Explaining what a job is waiting for: a code, one line for people, and a hint if something is wrong.

Everything here is a function of a snapshot. The clocks of two machines are compared only for display, never for a
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
"""The total that handlers report when the work has no natural units."""


def explain(snapshot: JobSnapshot) -> Explanation:
    """Return what the job is waiting for."""
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
    """Return the outputs in the last part of an attempt, without checkpoints for another attempt."""
    parts = snapshot.seen.parts.get(attempt)
    return [file for file in parts[-1].files if not file.path.startswith(CHECKPOINTS)] if parts else []


def _held(snapshot: JobSnapshot, attempt: Attempt) -> Explanation:
    """Explain a job that a worker has claimed."""
    silent_s = _silence_s(snapshot, attempt)
    step = _step(snapshot, attempt)
    lease_s = snapshot.leases.lease_s(snapshot.seen.claims[attempt].boot, snapshot.offer.claim)
    if silent_s > QUIET_BEATS * lease_s / LEASE_BEATS:
        left = max(0.0, lease_s - silent_s)
        since = f", since {step}" if step else ""
        text = f"{_name(snapshot, attempt)} took the job and has been silent for {rough_time(silent_s)}{since}"
        hint = f"If that worker is gone, another can take over in {rough_time(left)}. {_others(snapshot, attempt)}"
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
    why = snapshot.leases.lapse(claim, terms, limits, snapshot.now) or "its lease has expired"
    at = f" at {step}" if (step := _step(snapshot, attempt)) else ""
    text = f"{attempt.worker} took the job and fell silent{at}: {why}"
    return Explanation(code=Why.WORKER_SILENT, text=text, hint=_others(snapshot, attempt))


def _failed(snapshot: JobSnapshot, attempt: Attempt) -> Explanation:
    failure = snapshot.seen.errors.get(attempt)
    if failure is None:
        why = rejection(snapshot.seen.rejected.get(attempt.nonce, "for an unknown reason"))
        text = f"the result of {attempt.worker} (attempt {attempt.n}) {why}"
        job = snapshot.seen.done[attempt].job if attempt in snapshot.seen.done else None
        text += _uploading(snapshot, job.files) if job else ""
        return Explanation(code=Why.RESULTS_REJECTED, text=text, hint=_again(snapshot, attempt))
    at = f" at step {failure.plain.step}" if failure.plain.step else ""
    text = f"attempt {attempt.n} by {attempt.worker} ended{at} with {failure.job.code}: {failure.plain.error}"
    return Explanation(code=Why.ATTEMPT_FAILED, text=text.rstrip("."), hint=_others(snapshot, attempt))


def _others(snapshot: JobSnapshot, attempt: Attempt) -> str:
    """Say which workers can take over a job; its own worker too, if that was restarted."""
    failure = snapshot.seen.errors.get(attempt)
    said = snapshot.seen.claims.get(attempt) or (failure.job if failure else None)
    others = sorted(
        name for name, card in snapshot.able.items() if name != attempt.worker or (said and card.boot != said.boot)
    )
    return f"{listed(others)} can take it over" if others else f"No other worker is here. {snapshot.start_one}"


def _again(snapshot: JobSnapshot, attempt: Attempt) -> str:
    """Say which worker can retry a job after its result was rejected; its own worker too."""
    able = sorted(snapshot.able, key=lambda name: name == attempt.worker)
    return f"{able[0]} can try again" if able else f"No worker is here now. {snapshot.start_one}"


def _uploading(snapshot: JobSnapshot, files: Iterable[OutputFile]) -> str:
    """Return how much of some outputs has arrived, while they are incomplete."""
    here, total = on_the_way(snapshot.seen, files)
    return f"; uploading: {partial_size(here, total)} seen" if here < total else ""


def _unsent(snapshot: JobSnapshot) -> Explanation:
    torn = snapshot.seen.unchecked.get(f"{snapshot.job}/request.json")
    how = f"is incomplete: {torn}" if torn else "is not in the drop yet"
    hint = "Check that the sync tool of this machine is running; if it is, run the same command again"
    return Explanation(code=Why.UPLOAD_UNFINISHED, text=f"the request {how}", hint=hint)


def _silence_s(snapshot: JobSnapshot, attempt: Attempt) -> float:
    boot = snapshot.leases.boot_of(attempt.nonce)
    silent = snapshot.leases.silence_s(boot, snapshot.now) if boot else None
    return snapshot.leases.held_s(attempt.nonce, snapshot.now) if silent is None else silent


def _step(snapshot: JobSnapshot, attempt: Attempt) -> str:
    """Return the progress in an attempt's last heartbeat; "" before there is any."""
    held = snapshot.leases.held(attempt.nonce)
    if held is None or not held.total:
        return ""
    progress = f"{held.done // 10} %" if held.total == PER_MILLE else f"{held.done} of {held.total}"
    engine = _engine(snapshot, attempt)
    note = held.note.removeprefix(f"{engine}: ") if engine else held.note
    return progress + (f" ({note})" if note else "")


def _name(snapshot: JobSnapshot, attempt: Attempt) -> str:
    """Return the worker's name, with its engine where that is known."""
    engine = _engine(snapshot, attempt)
    return f"{attempt.worker} ({engine})" if engine else attempt.worker


def _engine(snapshot: JobSnapshot, attempt: Attempt) -> str | None:
    """Return the engine that a worker's note begins with, or the only one on its card."""
    shown = snapshot.workers.get(attempt.worker)
    cards = shown.cards.values() if shown else ()
    engines = [record.name for card in cards for record in card.engines.get(snapshot.offer.kind, ())]
    held = snapshot.leases.held(attempt.nonce)
    note = held.note if held else ""
    told = next((name for name in engines if note.startswith(f"{name}: ")), None)
    return told or (engines[0] if len(set(engines)) == 1 else None)


def not_sent(*, sent: bool) -> Explanation:
    """Explain a job that could not be written to the drop, or was written and never seen there."""
    text = "the job was sent but is not visible in the drop" if sent else "the job could not be written to the drop yet"
    return Explanation(code=Why.UPLOAD_UNFINISHED, text=text, hint="Every command that waits for it retries")


def not_whole_yet(snapshot: JobSnapshot, error: VerificationError, left_s: float) -> Explanation:
    """Explain a result whose marker arrived before its data, or does not match it."""
    attempt = snapshot.standing.attempt
    assert attempt is not None  # a delivered result has one
    job = snapshot.seen.done[attempt].job
    files, _ = arrived(snapshot.seen, job.files if job else ())
    if job and files < len(job.files):
        here, total = on_the_way(snapshot.seen, job.files)
        text = f"uploading: {partial_size(here, total)} seen, {files} of {len(job.files)} files complete"
        text += f" ({error.missing[0]} is missing)" if error.missing else ""
        text += f"; {attempt.worker} has finished, but its marker arrived before its data"
        hint = f"Nothing to do. The attempt is rejected after {rough_time(left_s)} without new data"
        return Explanation(code=Why.RESULTS_ARRIVING, text=text, hint=hint)
    text = f"the result of {attempt.worker} does not verify: {error}"
    hint = f"The rest may still arrive; in {rough_time(left_s)} the attempt is rejected and another follows"
    return Explanation(code=Why.RESULTS_UNVERIFIED, text=text, hint=hint)


def no_room(error: StorageFull, results: Path) -> Explanation:
    """Explain a complete result that does not fit on this machine's disk."""
    cause = error.__cause__
    why = f"{results}: {cause.strerror}" if isinstance(cause, OSError) and cause.strerror else str(error).rstrip(".")
    text = f"the result is in the drop, but the disk of this machine is full: {why}"
    hint = f"Free some space on the disk of {results}; until then the result stays in the drop"
    return Explanation(code=Why.NO_ROOM_HERE, text=text, hint=hint)


def unreachable(error: ChannelError, drop: str, since_s: float, wall: float) -> Explanation:
    """Explain an unreachable drop by the error of the system."""
    cause = error.__cause__
    name = errno.errorcode.get(cause.errno or 0, "") if isinstance(cause, OSError) else ""
    why = (cause.strerror or str(cause)) if isinstance(cause, OSError) else str(error).rstrip(".")
    since = f"since {clock_time(wall - since_s, wall)}, {rough_time(since_s)}"
    return Explanation(
        code=Why.DROP_UNREACHABLE, text=f"the drop {drop} cannot be reached ({since}): {why}", hint=_reach(name, drop)
    )


def _reach(name: str, drop: str) -> str:
    if name in _HUNG:
        return f"The mount does not answer: remount it (fusermount -uz {drop}, mount it again). The job continues then"
    if name in _MISSING:
        return "Mount the drive again, or put the folder back. The job continues then"
    if name in _DENIED:
        return "Allow this user to read and write there. The job continues then"
    return "The job continues when the drop is back"


def not_a_drop(error: EnvironmentNotReady, drop: str) -> Explanation:
    """Explain a folder that exists but is not a drop now, such as an unmounted mount point."""
    torn = not isinstance(error.__cause__, NameMissing)
    text = (
        f"{drop}/{DROP_CARD} cannot be used: {error.__cause__}"
        if torn
        else f"{drop} exists but is not a drop now: it has no {DROP_CARD}"
    )
    hint = "Check that the drive is mounted and its sync complete. The job continues when the drop is back"
    return Explanation(code=Why.DROP_EMPTY, text=text, hint=hint)


def another_drop(found: str, expected: str, drop: str) -> Explanation:
    """Explain a folder that is a drop, but not the one with the job."""
    text = f"{drop} is a different drop than before (its id is {found}, the job is in {expected})"
    hint = "Mount the drive that the job was sent to, or run the same command to send the job to this one"
    return Explanation(code=Why.DROP_CHANGED, text=text, hint=hint)
