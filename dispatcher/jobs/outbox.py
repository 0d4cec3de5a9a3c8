"""What the owner of a job says to the drop: fixed in the run database first, then written, each name once (R1)."""

from __future__ import annotations

import logging
from typing import Any

from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.drop import Drop
from protocol.errors import ChannelError, NameMissing, NameTaken
from protocol.fields import Message
from protocol.layout import Attempt, JobNames
from protocol.messages import Accepted, Cancel, Need, Reject
from protocol.observation import Observation
from protocol.signing import Key
from protocol.transports.host import Host
from usertext.redaction import redact

log = logging.getLogger(__name__)


def cancellation(run: Run, reason: str, key: Key | None) -> tuple[str, bytes]:
    """Return the message (path, bytes) that tells the drop that a run is over: no worker takes it any more."""
    message = Cancel(drop=run.drop_id, id=run.job, k=1, by="dispatcher", reason=redact(reason)[:4000])
    return JobNames(run.job).cancel(1), codec.encode(message, key)


class Outbox:
    """The control messages of one run."""

    def __init__(self, drop: Drop, store: RunStore, run: Run, host: Host, key: Key | None = None) -> None:
        self._drop, self._store, self._run, self._wall, self._key = drop, store, run, host.wall, key
        self._names = JobNames(run.job)
        self._again_s = drop.capabilities.limits.again_s
        self._rejected: dict[str, tuple[int, float]] = {}  # nonce → how often it was said, when last
        self._unsaid = True  # an earlier process may have left something

    def accepted(self, nonce: str, seal: str) -> tuple[str, bytes]:
        """Return the mirror of an acceptance, for the transaction that commits it."""
        return self._names.accepted(1), self._control(Accepted, k=1, nonce=nonce, done_seal=seal)

    def cancelled(self, reason: str) -> tuple[str, bytes]:
        """Return what tells the drop that the job is over, so that no worker takes it any more."""
        return cancellation(self._run, reason, self._key)

    def reject(self, attempt: Attempt, reason: str, now: float) -> None:
        """Say that a result will not be taken: to be called as long as that cannot be seen in the drop.

        A rejection that was lost or torn on the way is said again, for nobody would ever take the job.
        """
        said, last = self._rejected.get(attempt.nonce, (0, now))
        if said and now - last < self._again_s:
            return
        self._rejected[attempt.nonce] = said + 1, now
        log.warning("attempt %d of %s is rejected: %s", attempt.n, attempt.worker, reason)
        body = self._control(Reject, nonce=attempt.nonce, reason=redact(reason)[:4000])
        self._say(self._names.reject(attempt.nonce, said + 1), body)

    def need(self, attempt: Attempt, seen: Observation, missing: tuple[str, ...]) -> None:
        """Ask the worker to publish these outputs again (R10)."""
        k = 1 + max((need.k for need in seen.needs if need.nonce == attempt.nonce), default=0)
        self._say(self._names.need(attempt.nonce, k), self._control(Need, nonce=attempt.nonce, k=k, missing=missing))

    @property
    def has_rest(self) -> bool:
        """Say whether something may not have been said yet."""
        return self._unsaid

    def committed(self) -> None:
        """Say the mirror of what was just committed."""
        self._unsaid = True
        self.flush()

    def flush(self) -> None:
        """Write what was fixed and is not in the drop yet; what does not get through is said at the next call."""
        if not self._unsaid:
            return
        self._unsaid = False
        for name, data in self._store.unsaid(self._run.id):
            try:
                self._put(name, data)
            except NameTaken:
                log.debug("%s was said before", name)
            except ChannelError as error:
                log.warning("%s is said later: %s", name, error)
                self._unsaid = True
                continue
            self._store.said(self._run.id, name, at=self._wall())

    def _put(self, name: str, data: bytes) -> None:
        """Write a message; of a job that was not sent yet the folder is made, for another process may be sending it."""
        try:
            self._drop.put(name, data)
        except NameMissing:
            if self._run.queued_at is not None:
                raise
            self._drop.make_folder(self._run.job)
            self._drop.put(name, data)

    def _say(self, name: str, data: bytes) -> None:
        self._store.say(self._run.id, name, data)
        self._unsaid = True
        self.flush()

    def _control(self, kind: type[Message], **body: Any) -> bytes:
        return codec.encode(
            kind(drop=self._run.drop_id, id=self._run.job, type=kind.model_fields["type"].default, **body),
            self._key,
        )
