"""This process's turn to act for a run: taken when it is free, kept by saying so now and then."""

from __future__ import annotations

from dispatcher.runs.leases import HOLD_S, Holder
from dispatcher.runs.store import RunStore
from protocol.transports.host import Host

RENEWALS = 3
"""A lease is renewed so many times before it would end."""


class RunLease:
    """The turn at one run."""

    def __init__(self, store: RunStore, run_id: str, holder: Holder, host: Host) -> None:
        self._store, self._run, self._holder, self._host = store, run_id, holder, host
        self._held_since: float | None = None

    def has_turn(self) -> bool:
        """Say whether this process is the one that acts now; take the turn if it is free."""
        now = self._host.monotonic()
        if self._held_since is not None and 0 <= now - self._held_since < HOLD_S / RENEWALS:
            return True
        taken = self._take() or self._take(self._store.get(self._run).monitor)
        self._held_since = now if taken else None
        return taken

    def _take(self, held_by: str | None = None) -> bool:
        return self._store.leases.take(self._run, self._holder, now=self._host.wall(), held_by=held_by)

    def end(self) -> None:
        """Leave the run to others."""
        if self._held_since is not None:
            self._store.leases.let_go(self._run, self._holder)
            self._held_since = None
