"""Recording what a look at a job showed in the run database: status, progress, attempts and a history of changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dispatcher.jobs.job import Explanation
from dispatcher.jobs.snapshot import JobSnapshot
from dispatcher.runs.record import Artifact, AttemptRecord, AttemptStatus, Run, Status
from dispatcher.runs.store import RunStore
from protocol.layout import Attempt
from protocol.messages import Done
from protocol.states import Standing, State

SOON_S = 0.5
"""A job that has waited for less than this is not recorded as waiting."""

LARGE_BYTES = 8 << 20
"""Fetching and verifying a result of this size, or one from another machine, takes a while."""

PROGRESS_EVERY_S = 1.0
"""The shortest time between two records of progress alone."""

_STATUS: Mapping[State, Status] = {
    State.OFFERED: "queued",
    State.FAILED: "queued",  # another attempt may follow
    State.CLAIMED: "running",
    State.RUNNING: "running",
    State.STALE: "running",
    State.DELIVERED: "verifying",
}
"""The status recorded for each state of an open job; other states change nothing."""


class RunRecorder:
    """Records the state of one run as rarely as possible: only changes are written."""

    def __init__(self, store: RunStore, run: Run) -> None:
        self._store, self._run = store, run
        self._recorded: tuple[State, str, list[tuple[str, str]]] | None = None
        self._units: tuple[int, int, str] | None = None
        self._last = float("-inf")
        self._verified: Attempt | None = None

    def look(self, snapshot: JobSnapshot, why: Explanation) -> None:
        """Record what a look showed, if it is new."""
        standing, attempts = snapshot.standing, attempts_of(snapshot)
        if standing.state == State.OFFERED and not attempts and snapshot.wall - self._run.created_at < SOON_S:
            return
        held = snapshot.leases.held(standing.attempt.nonce) if standing.attempt else None
        units = (held.done, held.total, held.note) if held else None
        news = (standing.state, str(why.code), [(each.nonce, str(each.status)) for each in attempts])
        is_news = news != self._recorded
        if not is_news and (units == self._units or snapshot.now - self._last < PROGRESS_EVERY_S):
            return
        has_text = self._recorded is None or news[1:] != self._recorded[1:]
        self._recorded, self._units, self._last = news, units, snapshot.now
        self._store.progress(
            self._run.id,
            at=snapshot.wall,
            status=None if self._run.status == "pending" else _STATUS.get(standing.state),
            done=units[0] if units else None,
            total=units[1] if units else None,
            note=units[2] if units else None,
            worker=standing.attempt.worker if standing.attempt else None,
            why=why.code,
            text=str(why) if has_text else None,
            attempts=attempts if is_news else (),
        )

    def verifying(self, attempt: Attempt, *, at: float) -> None:
        """Record, once for each attempt, that its result is being downloaded and verified; `at` is Unix time."""
        if attempt == self._verified:
            return
        self._verified = attempt
        text = f"the result of {attempt.worker} is being downloaded and verified"
        self._store.progress(self._run.id, at=at, status="verifying", worker=attempt.worker, text=text)


def attempts_of(snapshot: JobSnapshot) -> list[AttemptRecord]:
    """Return the attempts of a snapshot, each with its status."""
    return [_attempt(attempt, snapshot) for attempt in sorted(snapshot.seen.claims)]


def _attempt(attempt: Attempt, snapshot: JobSnapshot) -> AttemptRecord:
    failure = snapshot.seen.errors.get(attempt)
    status = _status_of(attempt, snapshot)
    code, text = (failure.job.code, failure.plain.error) if failure and failure.job else (None, None)
    if status == "lapsed":
        code, text = "TIMEOUT", _lapse(attempt, snapshot)
    return AttemptRecord(
        nonce=attempt.nonce,
        n=attempt.n,
        worker=attempt.worker,
        status=status,
        seen_at=snapshot.wall,
        ended_at=None if status in ("claimed", "running", "delivered") else snapshot.wall,
        error_code=code,
        error_text=text,
    )


def _status_of(attempt: Attempt, snapshot: JobSnapshot) -> AttemptStatus:
    seen, failure = snapshot.seen, snapshot.seen.errors.get(attempt)
    if seen.accepted and seen.accepted.nonce == attempt.nonce:
        return "accepted"
    if failure is not None:
        return "released" if failure.job.code == "RELEASED" else "failed"
    if attempt in seen.done:
        return "rejected" if attempt.nonce in seen.rejected else "delivered"
    if _lapse(attempt, snapshot):
        return "lapsed"
    return "running" if snapshot.standing == Standing(State.RUNNING, attempt) else "claimed"


def _lapse(attempt: Attempt, snapshot: JobSnapshot) -> str | None:
    return snapshot.leases.lapse(
        snapshot.seen.claims[attempt], snapshot.offer.claim, snapshot.offer.limits, snapshot.now
    )


def outputs_of(done: Done, folder: Path, facts: Mapping[str, Mapping[str, Any]]) -> list[Artifact]:
    """Return the files of an accepted result in `folder`; `facts` maps each path to its media facts."""
    return [
        Artifact(
            role="output",
            name=file.path,
            path=str(folder / file.path),
            size=file.size,
            sha256=file.sha256,
            media=facts.get(file.path),
        )
        for file in done.job.files
    ]


def size_of(done: Done) -> int:
    """Return the size of a result in bytes."""
    return sum(file.size for file in done.job.files) if done.job else 0
