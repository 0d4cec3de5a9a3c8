"""Why and when a worker's session ends. The caller decides by the reason what happens to the machine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from colab.attach import Attached
from protocol import codec
from protocol.errors import BadMessage, NameMissing
from protocol.layout import WorkerNames, parse_worker_name
from protocol.messages import Drain

LAST_JOB_S = 300.0
"""In the last minutes of a session no job is started: it would be handed back before it has done much."""


class Reason(Enum):
    """What ended a session."""

    IDLE = "idle"  # no job for as long as it should wait
    DRAINED = "drained"  # a drain request asked this session to end after its job
    STOPPED = "stopped"  # a signal, an interrupt, or the calling program
    SESSION = "session limit"  # the machine is about to be taken away
    ORPHANED = "orphaned"  # the process that started it has ended
    NOTHING_LEFT = "nothing left"  # with `once`: there is no job left to take


@dataclass(frozen=True)
class SessionEnding:
    """A reason, and its text for the log."""

    reason: Reason
    text: str

    @property
    def frees_machine(self) -> bool:
        """Say whether this machine is no longer needed: a person who interrupts may want to start again."""
        return self.reason in (Reason.IDLE, Reason.DRAINED, Reason.SESSION)


NOTHING_LEFT = SessionEnding(Reason.NOTHING_LEFT, "there is no job left to take")
ORPHANED = SessionEnding(Reason.ORPHANED, "the process that started this worker has ended")
DRAINED = SessionEnding(Reason.DRAINED, "it was asked to drain")


class SessionLimit:
    """When this machine will be taken away, where that is known. The session ends by itself a little earlier.

    Without that, a job would be cut off in the middle, and its owner would have to wait until the lease lapses.
    """

    def __init__(self, now: float, session_s: float | None, margin_s: float) -> None:
        self._taken_away_at = math.inf if session_s is None else now + session_s
        self._margin_s = margin_s

    def left_s(self, now: float) -> float | None:
        """Return for how long this session will work, or None where no limit is known."""
        left_s = self._taken_away_at - self._margin_s - now
        return None if math.isinf(left_s) else max(0.0, left_s)

    def ending(self, now: float, *, has_job: bool) -> SessionEnding | None:
        """Return why the session ends now, or None while it goes on.

        A job under way is handed back, with what it has finished, when only the margin is left; another one is not
        started in the minutes before.
        """
        left_s = self._taken_away_at - now
        if left_s > self._margin_s + (0 if has_job else LAST_JOB_S):
            return None
        return SessionEnding(Reason.SESSION, f"the time limit of this session is near ({left_s / 60:.0f} minutes left)")


class DrainWatch:
    """Looks for drain requests for this session: those from before its start were for an earlier one."""

    def __init__(self, at: Attached) -> None:
        self._at, self._names = at, WorkerNames(at.worker)
        self._old: set[int] | None = None

    def asked(self) -> bool:
        """Read the worker's own folder, and say whether there is a new, valid request."""
        there = self._numbers()
        if self._old is None:
            self._old = there
        return any(self._checks(k) for k in sorted(there - self._old))

    def _numbers(self) -> set[int]:
        try:
            entries = self._at.drop.list(self._names.folder)
        except NameMissing:
            return set()
        names = [parse_worker_name(entry.name) for entry in entries if not entry.is_folder]
        return {name.seq for name in names if name is not None and name.role == "drain"}

    def _checks(self, k: int) -> bool:
        try:
            data = self._at.drop.get(self._names.drain(k), limit=codec.MAX_BYTES)
            codec.decode(data, Drain, drop=self._at.drop_id, id=self._at.worker, trust=self._at.identity.trust, k=k)
        except (BadMessage, NameMissing):
            return False  # not there yet (R3)
        return True
