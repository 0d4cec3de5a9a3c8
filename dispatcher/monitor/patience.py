"""Runs that something is wrong with: when each is tried again, later and later, and whose turn it is until then."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from dispatcher.runs.leases import Holder
from dispatcher.runs.run_lease import RunLease
from dispatcher.runs.store import RunStore
from protocol.transports.host import Host

FIRST_S, LAST_S = 1.0, 600.0
"""How long to wait after the first failure, and at most: each wait is twice as long as the one before it."""


@dataclass
class _Trouble:
    wait_s: float
    again_at: float


class Patience:
    """What one monitor remembers of runs that it could not attend to, and its turns at those that have ended.

    A turn is kept between two tries, so that others know that somebody sees to the run.
    """

    def __init__(self, store: RunStore, holder: Holder, host: Host) -> None:
        self._store, self._holder, self._host = store, holder, host
        self._troubles: dict[str, _Trouble] = {}
        self._turns: dict[str, RunLease] = {}

    def is_due(self, run_id: str) -> bool:
        """Say whether it is time for a run; of one whose time has not come the turn is kept."""
        trouble = self._troubles.get(run_id)
        if trouble is None or self._host.monotonic() >= trouble.again_at:
            return True
        if run_id in self._turns:
            self._turns[run_id].has_turn()
        return False

    def turn(self, run_id: str) -> RunLease:
        """Return the turn at a run that has ended."""
        if run_id not in self._turns:
            self._turns[run_id] = RunLease(self._store, run_id, self._holder, self._host)
        return self._turns[run_id]

    def failed(self, run_id: str, *, keep: bool = False) -> None:
        """Take note that a run could not be attended to; with `keep` the turn at it is kept until the next try."""
        if keep:
            self.turn(run_id)
        before = self._troubles.get(run_id)
        wait_s = min(LAST_S, 2 * before.wait_s) if before else FIRST_S
        self._troubles[run_id] = _Trouble(wait_s, self._host.monotonic() + wait_s)

    def went_well(self, run_id: str) -> None:
        """Take note that nothing is wrong with a run any more, or for now."""
        self._troubles.pop(run_id, None)
        if turn := self._turns.pop(run_id, None):
            turn.end()

    def only(self, run_ids: Collection[str]) -> None:
        """Forget the runs that are not among these: others have settled or removed them."""
        for gone in self._troubles.keys() - set(run_ids):
            del self._troubles[gone]
            self._turns.pop(gone, None)

    def close(self) -> None:
        """Leave every run to others."""
        for run_id in [*self._turns]:
            self.went_well(run_id)
