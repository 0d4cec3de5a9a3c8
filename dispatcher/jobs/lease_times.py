"""How long claims settle and leases last on a drop: defaults of its kind, then the measured claim delays."""

from __future__ import annotations

from dispatcher.drops.worker_registry import WorkerRegistry
from dispatcher.jobs.job import Progress
from dispatcher.runs.store import RunStore
from protocol.claims import LEASE_BEATS
from protocol.drop import Capabilities, TimeLimits
from protocol.messages import ClaimTerms

ENOUGH = 3
"""At least this many delays must be known before they are used."""

RECENT = 8
"""The longest of this many most recent delays is used."""

SETTLE_AT_LEAST_S = 2.0
SETTLE_AT_MOST_S = 120.0

LEASE_AT_MOST_S = 1800.0
LEASE_DELAYS = 4
"""A lease lasts at least this many delays: heartbeats arrive as late as claims do."""


class LeaseTimes:
    """Measures the delay from an offer to the sight of its claim, without extra calls to the drop.

    That round trip bounds the delay that matters, from worker to worker. A delay counts if no other run of this
    database was open on the drop and the worker that took the job was idle before; otherwise the job was queued. Only
    the dispatcher's clock is used (FORMAT.md R7). On a disk of this machine claims need not settle: there the delay is
    measured for display only, whether or not the worker was idle.
    """

    def __init__(self, store: RunStore, drop_id: str, capabilities: Capabilities, beat_s: float) -> None:
        self._store, self._drop_id, self._capabilities = store, drop_id, capabilities
        self._lease_s = LEASE_BEATS * beat_s
        self._sent: dict[str, tuple[float, frozenset[str] | None]] = {}  # run → when it was sent, idle sessions

    def terms(self, waits: TimeLimits | None = None) -> ClaimTerms:
        """Return the claim terms of the next job; `waits` are the limits for the workers that may take it."""
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

    def sent(self, run: str, workers: WorkerRegistry, now: float) -> None:
        """Note that the request of a run has just been written to the drop."""
        if self._store.count_open(self._drop_id) > 1:
            return
        if self._capabilities.local:
            self._sent[run] = now, None
            return
        held = workers.held()
        # Only the new run of this database is open, so every other known job has ended.
        ended = self._store.known_jobs(self._drop_id, frozenset().union(*held.values()))
        if idle := frozenset(boot for boot, jobs in held.items() if jobs <= ended):
            self._sent[run] = now, idle

    def looked(self, progress: Progress, now: float) -> None:
        """Note the progress of a run; its first claim ends the delay, which is recorded."""
        if progress.attempt == 0 or (sent := self._sent.pop(progress.run, None)) is None:
            return
        when, idle = sent
        if progress.attempt == 1 and (idle is None or progress.boot in idle):
            self._store.claimed_after(progress.run, now - when)
