"""How a run ends: decided once, in the run database, and then written to the drop (FORMAT.md R6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from dispatcher.jobs import accept, simple_form
from dispatcher.jobs.job import Result
from dispatcher.jobs.outbox import Outbox
from dispatcher.jobs.recording import attempts_of
from dispatcher.jobs.snapshot import JobSnapshot
from dispatcher.runs.record import NOTHING_MORE, AttemptRecord, Ended, ResultRecord, Run, Status
from dispatcher.runs.store import RunStore
from protocol.errors import JobCancelled, JobExpired, JobFailed
from protocol.messages import EngineRecord


class RunFinisher:
    """Ends one run. When several processes decide at once, the first commit wins and the others adopt it."""

    def __init__(self, store: RunStore, run: Run, outbox: Outbox, wall: Callable[[], float]) -> None:
        self._store, self._run, self._outbox, self._wall = store, run, outbox, wall
        self.result: Result | None = None
        self.has_moved = False  # the run was offered again as another job, which replaces this one

    def load_end(self) -> bool:
        """Return True once the run is completed and its result loaded; raise the error of any other end."""
        run = self._store.get(self._run.id)
        self.has_moved = run.job != self._run.job
        if run.status == "completed" and run.results_dir is not None:
            verified = run.verified or "full"
            load = simple_form.load if verified == "legacy" else accept.load
            self.result = load(run.id, Path(run.results_dir), verified)
            self._outbox.committed()
            return True
        if run.status in ("failed", "crashed", "cancelled", "expired"):
            _raise(run)
        return False

    def accept(
        self, nonce: str, folder: Path, engine: EngineRecord | None, seal: str, verified: str, ended: Ended
    ) -> None:
        """Accept a result once: the compare-and-set in the run database commits it; the message to the drop follows."""
        mirror = self._outbox.accepted(nonce, seal)
        self._store.commit(
            self._run.id,
            "completed",
            at=self._wall(),
            result=ResultRecord(
                nonce=nonce,
                results_dir=str(folder),
                engine=engine.model_dump(mode="json") if engine else None,
                verified=verified,
                checksum=seal,
            ),
            mirror=mirror,
            ended=ended,
        )
        self.load_end()

    def cancel(self, reason: str) -> bool:
        """Commit the cancellation and write it to the drop; False when the job had ended before."""
        mirror = self._outbox.cancelled(reason)
        if not self._store.commit(self._run.id, "cancelled", error_text=reason, at=self._wall(), mirror=mirror):
            return False
        self._outbox.committed()
        return True

    def fail(
        self, status: Status, code: str, text: str, error: type[Exception], snapshot: JobSnapshot | None, **more: Any
    ) -> NoReturn:
        """Commit an end without a result and raise it; if another process committed first, raise that end."""
        mirror = self._outbox.cancelled(f"{code}: {text}")
        if not self._store.commit(
            self._run.id,
            status,
            error_code=code,
            error_text=text,
            at=self._wall(),
            mirror=mirror,
            ended=Ended(attempts=self.attempts(snapshot)) if snapshot else NOTHING_MORE,
        ):
            _raise(self._store.get(self._run.id))
        self._outbox.committed()
        raise error(text, code=code, **more) if error is JobFailed else error(text)

    def attempts(self, snapshot: JobSnapshot, accepted: str | None = None) -> list[AttemptRecord]:
        """Return the attempts of a snapshot; the one with the nonce `accepted` has that status."""
        return [
            replace(each, status="accepted", ended_at=self._wall()) if each.nonce == accepted else each
            for each in attempts_of(replace(snapshot, wall=self._wall()))
        ]


def _raise(run: Run) -> NoReturn:
    text = run.error_text or run.status
    if run.status == "cancelled":
        raise JobCancelled(text)
    if run.status == "expired":
        raise JobExpired(text)
    raise JobFailed(text, code=run.error_code or "INTERNAL")
