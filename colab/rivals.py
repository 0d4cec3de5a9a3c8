"""What a worker knows about the others on its drop: who is alive, their progress, which claims still hold."""

from __future__ import annotations

from colab.attach import Attached
from protocol.claims import LeaseWatch
from protocol.layout import Attempt
from protocol.messages import ClaimTerms, Held, Limits
from protocol.observation import Observation, WorkerReader
from protocol.states import open_attempts


class Rivals:
    """Reads the heartbeats of workers with claims; on a remote drop only twice per interval, for listings are slow."""

    def __init__(self, at: Attached, poll_s: float) -> None:
        self._at = at
        self._every_s = at.drop.capabilities.workers_every_s(poll_s)
        self._leases = LeaseWatch(max(poll_s, self._every_s), at.neighbours)
        self._readers: dict[str, WorkerReader] = {}
        self._read_at: dict[str, float] = {}

    def lapsed(self, seen: Observation, terms: ClaimTerms, limits: Limits, now: float) -> frozenset[str]:
        """Return the nonces of the open attempts whose claim no longer holds, after reading their workers' folders."""
        for attempt in open_attempts(seen):
            self._leases.saw_claim(seen.claims[attempt], now)
            self._read(attempt.worker, now)
        return self._leases.lapsed(seen, terms, limits, now)

    def ahead(self, own: Attempt, done: int, seen: Observation, lapsed: frozenset[str]) -> Attempt | None:
        """Return a live rival at the same job whose heartbeat shows more units done than `done` (R14), or None."""
        for attempt in open_attempts(seen):
            held = self._leases.held(attempt.nonce)
            if attempt != own and attempt.nonce not in lapsed and held is not None and held.done > done:
                return attempt
        return None

    def _read(self, worker: str, now: float) -> None:
        if (before := self._read_at.get(worker)) is not None and now - before <= self._every_s:
            return
        at = self._at
        reader = self._readers.setdefault(worker, WorkerReader(at.drop, at.drop_id, worker, at.identity.trust))
        shown = reader.look()
        for card in shown.cards.values():
            self._leases.saw_card(card, now)
        for beat in shown.beats.values():
            self._leases.saw_beat(beat, now)
        self._leases.looked(worker, now)
        self._read_at[worker] = now


def further(rival: Attempt, held: Held) -> str:
    """Return why an attempt yields to a rival's."""
    return f"{rival.worker} is ahead with attempt {rival.n}; only {held.done} of {held.total} units are done here"
