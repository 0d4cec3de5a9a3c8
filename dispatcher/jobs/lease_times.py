"""How long claims settle and leases last on a drop: by its kind at first, then by how soon claims were seen there."""

from __future__ import annotations

from dispatcher.drops.worker_registry import WorkerRegistry
from dispatcher.jobs.job import Progress
from dispatcher.runs.store import RunStore
from protocol.claims import LEASE_BEATS
from protocol.drop import Capabilities, TimeLimits
from protocol.messages import ClaimTerms

ENOUGH = 3
"""So many delays must be known before they count."""

RECENT = 8
"""So many of the last delays are looked at; the longest of them counts."""

SETTLE_AT_LEAST_S = 2.0
SETTLE_AT_MOST_S = 120.0

LEASE_AT_MOST_S = 1800.0
LEASE_DELAYS = 4
"""A lease is at least so many delays long: beats come as late as claims do."""


class Pace:
    """Measures, at no cost in calls, how soon an offer is seen by a worker and its claim is seen here.

    The two ways together bound the one that matters, from worker to worker. A delay counts when no other run of this
    database was open on the drop and the worker that took the job was seen idle before: else it is a queue's. The
    dispatcher's own clock measures all of it (FORMAT.md R7). On a disk of this machine, where claims need not settle,
    it is measured for people to see only, and whether a worker is idle is not looked for.
    """

    def __init__(self, store: RunStore, drop_id: str, capabilities: Capabilities, beat_s: float) -> None:
        self._store, self._drop_id, self._capabilities = store, drop_id, capabilities
        self._lease_s = LEASE_BEATS * beat_s
        self._sent: dict[str, tuple[float, frozenset[str] | None]] = {}  # run → when it was sent, the boots idle then

    def terms(self, waits: TimeLimits | None = None) -> ClaimTerms:
        """Return how workers shall agree on who works at the next job, given where they are (`waits`)."""
        waits = waits or self._capabilities.limits
        settle_s = max(self._capabilities.settle_s, waits.settle_s)
        lease_s = max(self._lease_s, waits.lease_s)
        if self._capabilities.local:
            return ClaimTerms(settle_s=settle_s, lease_s=lease_s)
        delays = self._store.claim_delays(self._drop_id, limit=RECENT)
        if len(delays) >= ENOUGH:
            longest = max(delays)
            settle_s = min(max(longest, SETTLE_AT_LEAST_S), SETTLE_AT_MOST_S)
            lease_s = max(lease_s, min(LEASE_DELAYS * longest, LEASE_AT_MOST_S))
        return ClaimTerms(settle_s=settle_s, lease_s=lease_s)

    def sent(self, run: str, workforce: WorkerRegistry, now: float) -> None:
        """Say that the request of a run has just gone into the drop."""
        if self._store.count_open(self._drop_id) > 1:
            return
        if self._capabilities.local:
            self._sent[run] = now, None
            return
        held = workforce.held()
        ended = self._store.known_jobs(self._drop_id, frozenset().union(*held.values()))  # of ours only this is open
        if idle := frozenset(boot for boot, jobs in held.items() if jobs <= ended):
            self._sent[run] = now, idle

    def looked(self, progress: Progress, now: float) -> None:
        """Say what a look at a run showed: with its first claim its delay is known and kept."""
        if progress.attempt == 0 or (sent := self._sent.pop(progress.run, None)) is None:
            return
        when, idle = sent
        if progress.attempt == 1 and (idle is None or progress.boot in idle):
            self._store.claimed_after(progress.run, now - when)
