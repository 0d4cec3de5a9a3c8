"""Messages of a job's owner to the drop: stored in the run database first, then written, each name once (R1)."""

from __future__ import annotations

import logging
from typing import Any

from dispatcher.drops.session import DropSession
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.errors import ChannelError, NameMissing, NameTaken
from protocol.fields import Message
from protocol.layout import Attempt, JobNames
from protocol.messages import Accepted, Cancel, Need, Reject
from protocol.observation import Observation
from protocol.signing import Key
from protocol.transports.host import SYSTEM, Host
from usertext.redaction import redact

log = logging.getLogger(__name__)


def cancellation(run: Run, reason: str, key: Key | None) -> tuple[str, bytes]:
    """Return the message (path, bytes) that ends a job in the drop: no worker claims it any more."""
    message = Cancel(drop=run.drop_id, id=run.job, k=1, by="dispatcher", reason=redact(reason)[:4000])
    return JobNames(run.job).cancel(1), codec.encode(message, key)


class Outbox:
    """The control messages of one run."""

    def __init__(self, session: DropSession, store: RunStore, run: Run, host: Host = SYSTEM) -> None:
        self._drop, self._key = session.drop, session.identity.key
        self._store, self._run, self._wall = store, run, host.wall
        self._names = JobNames(run.job)
        self._again_s = self._drop.capabilities.limits.again_s
        self._rejected: dict[str, tuple[int, float]] = {}  # nonce → how many times it was written, and when last
        self._unwritten = True  # an earlier process may have left messages

    def accepted(self, nonce: str, seal: str) -> tuple[str, bytes]:
        """Return the message of an acceptance, for the transaction that commits it."""
        return self._names.accepted(1), self._control(Accepted, k=1, nonce=nonce, done_seal=seal)

    def cancelled(self, reason: str) -> tuple[str, bytes]:
        """Return the message that ends the job in the drop."""
        return cancellation(self._run, reason, self._key)

    def reject(self, attempt: Attempt, reason: str, now: float) -> None:
        """Reject a result. Call it as long as the rejection is not visible in the drop.

        A rejection that was lost or torn on the way is written again: without it no worker would retry the job.
        """
        written, last = self._rejected.get(attempt.nonce, (0, now))
        if written and now - last < self._again_s:
            return
        self._rejected[attempt.nonce] = written + 1, now
        log.warning("attempt %d by %s rejected: %s", attempt.n, attempt.worker, reason)
        body = self._control(Reject, nonce=attempt.nonce, reason=redact(reason)[:4000])
        self._say(self._names.reject(attempt.nonce, written + 1), body)

    def need(self, attempt: Attempt, seen: Observation, missing: tuple[str, ...]) -> None:
        """Ask the worker to publish these outputs again (R10)."""
        k = 1 + max((need.k for need in seen.needs if need.nonce == attempt.nonce), default=0)
        self._say(self._names.need(attempt.nonce, k), self._control(Need, nonce=attempt.nonce, k=k, missing=missing))

    @property
    def has_unwritten(self) -> bool:
        """Say whether a message may not have been written yet."""
        return self._unwritten

    def committed(self) -> None:
        """Write the message of what was just committed."""
        self._unwritten = True
        self.flush()

    def flush(self) -> None:
        """Write the stored messages that are not in the drop yet; a failed one is retried at the next call."""
        if not self._unwritten:
            return
        self._unwritten = False
        for name, data in self._store.unsaid(self._run.id):
            try:
                self._put(name, data)
            except NameTaken:
                log.debug("%s was written before", name)
            except ChannelError as error:
                log.warning("%s could not be written and will be retried: %s", name, error)
                self._unwritten = True
                continue
            self._store.said(self._run.id, name, at=self._wall())

    def _put(self, name: str, data: bytes) -> None:
        """Write a message; make the folder of a job that is not sent yet, which another process may be sending."""
        try:
            self._drop.put(name, data)
        except NameMissing:
            if self._run.queued_at is not None:
                raise
            self._drop.make_folder(self._run.job)
            self._drop.put(name, data)

    def _say(self, name: str, data: bytes) -> None:
        self._store.say(self._run.id, name, data)
        self._unwritten = True
        self.flush()

    def _control(self, kind: type[Message], **body: Any) -> bytes:
        return codec.encode(
            kind(drop=self._run.drop_id, id=self._run.job, type=kind.model_fields["type"].default, **body),
            self._key,
        )
