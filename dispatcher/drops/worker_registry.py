"""The workers of a drop as this machine sees them; one look serves all jobs that are followed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dispatcher.drops.session import DropSession
from protocol.claims import LeaseWatch
from protocol.drop import TimeLimits
from protocol.errors import NameMissing
from protocol.layout import WORKERS, is_worker_id
from protocol.messages import WorkerCard
from protocol.neighbours import Neighbours
from protocol.observation import WorkerObservation, WorkerReader
from protocol.transports.host import SYSTEM, Host


class WorkerRegistry:
    """The workers of one drop, and the leases derived from their heartbeats.

    Listing a folder is the most expensive call of a remote drop, so there the workers are read at most twice a
    heartbeat, however often `look` is called. On one machine every look reads them.
    """

    def __init__(self, session: DropSession, poll_s: float | None = None, host: Host = SYSTEM) -> None:
        pace = session.drop.capabilities
        poll_s = poll_s or pace.poll_s
        self._every_s = pace.workers_every_s(poll_s)
        self._session = session
        self._readers: dict[str, WorkerReader] = {}
        self._looked: float | None = None
        self._seen: dict[str, WorkerObservation] = {}
        self.neighbours = Neighbours(pace, session.drop_id, host.system())
        self.leases = LeaseWatch(max(poll_s, self._every_s), self.neighbours)

    @property
    def seen(self) -> Mapping[str, WorkerObservation]:
        """What the last look showed, by worker name."""
        return self._seen

    def look(self, now: float, claimants: Iterable[str] = ()) -> None:
        """Read every worker, and the `claimants` that only a claim names, unless that was done a moment ago."""
        if self._looked is not None and 0 <= now - self._looked < self._every_s:
            return
        for worker in sorted({*self._names(), *claimants}):
            if worker not in self._readers:
                trust = self._session.identity.trust
                self._readers[worker] = WorkerReader(self._session.drop, self._session.drop_id, worker, trust)
            self._seen[worker] = shown = self._readers[worker].look()
            for card in shown.cards.values():
                self.leases.saw_card(card, now)
            for beat in shown.beats.values():
                self.leases.saw_beat(beat, now)
            self.leases.looked(worker, now)
        self._looked = now

    def waits(self, claimed: Iterable[str] = ()) -> TimeLimits:
        """Return the time limits for all live workers and the sessions that made these claims: the longest of them.

        One worker that has not proved to be on this machine makes the folder a shared one.
        """
        now = self._looked or 0.0
        alive = {boot for boot, card in self.cards().items() if self.leases.boot_alive(boot, now, card.beat_s)}
        limits = [self._session.drop.capabilities.limits, *(self.leases.waits(boot) for boot in alive.union(claimed))]
        return max(limits, key=lambda limits: limits.data_s)

    def cards(self) -> dict[str, WorkerCard]:
        """Return the card of each session of every worker ever seen; only heartbeats tell whether it is alive."""
        return {boot: card for shown in self._seen.values() for boot, card in shown.cards.items()}

    def held(self) -> dict[str, frozenset[str]]:
        """Return the jobs that each session held at its last heartbeat, including those that have ended since."""
        held = {boot: beat.held for shown in self._seen.values() for boot, beat in shown.beats.items()}
        return {boot: frozenset(it.job for it in held.get(boot, ())) for boot in self.cards()}

    def _names(self) -> list[str]:
        try:
            entries = self._session.drop.list(WORKERS)
        except NameMissing:
            return []
        return [entry.name for entry in entries if entry.is_folder and is_worker_id(entry.name)]
