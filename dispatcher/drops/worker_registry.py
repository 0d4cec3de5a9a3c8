"""What this machine sees of the workers of a drop: looked at once for all jobs that are waited for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from protocol.claims import LeaseWatch
from protocol.drop import Drop, TimeLimits
from protocol.errors import NameMissing
from protocol.layout import WORKERS, is_worker_id
from protocol.messages import WorkerCard
from protocol.neighbours import Neighbours
from protocol.observation import WorkerObservation, WorkerReader
from protocol.signing import OFF, Trust
from protocol.transports.host import SYSTEM, Host

LOOKS_A_BEAT = 2


class WorkerRegistry:
    """The workers of one drop, and the leases that follow from their beats.

    A listing is the dearest call of a remote drop: there the workers are looked at twice a beat, however often and by
    however many waits they are asked for. On one machine every look is a fresh one.
    """

    def __init__(self, drop: Drop, drop_id: str, poll_s: float, trust: Trust = OFF, host: Host = SYSTEM) -> None:
        pace = drop.capabilities
        self._every_s = 0.0 if pace.local else max(poll_s, pace.beat_s / LOOKS_A_BEAT)
        self._drop, self._drop_id, self._trust = drop, drop_id, trust
        self._readers: dict[str, WorkerReader] = {}
        self._looked: float | None = None
        self._seen: dict[str, WorkerObservation] = {}
        self.neighbours = Neighbours(pace, drop_id, host.system())
        self.leases = LeaseWatch(max(poll_s, self._every_s), self.neighbours)

    @property
    def seen(self) -> Mapping[str, WorkerObservation]:
        """What the last look showed, by worker."""
        return self._seen

    def look(self, now: float, claimants: Iterable[str] = ()) -> None:
        """Look at every worker there is, and at those of whom only a claim tells, unless that was done a moment ago."""
        if self._looked is not None and 0 <= now - self._looked < self._every_s:
            return
        for worker in sorted({*self._names(), *claimants}):
            if worker not in self._readers:
                self._readers[worker] = WorkerReader(self._drop, self._drop_id, worker, self._trust)
            self._seen[worker] = shown = self._readers[worker].look()
            for card in shown.cards.values():
                self.leases.saw_card(card, now)
            for beat in shown.beats.values():
                self.leases.saw_beat(beat, now)
            self.leases.looked(worker, now)
        self._looked = now

    def waits(self, claimed: Iterable[str] = ()) -> TimeLimits:
        """Return how long to wait for what may come from anybody who lives here or has made one of these claims.

        The longest applies: one worker that has not proved to be on this machine makes the folder a shared one.
        """
        now = self._looked or 0.0
        alive = {boot for boot, card in self.cards().items() if self.leases.boot_alive(boot, now, card.beat_s)}
        everybody = [self._drop.capabilities.limits, *(self.leases.waits(boot) for boot in alive.union(claimed))]
        return max(everybody, key=lambda limits: limits.data_s)

    def cards(self) -> dict[str, WorkerCard]:
        """Return the card of every boot of every worker that was ever here; whether they live, only beats tell."""
        return {boot: card for shown in self._seen.values() for boot, card in shown.cards.items()}

    def held(self) -> dict[str, frozenset[str]]:
        """Return the jobs that each boot held when it last beat; one that ended since is still among them."""
        held = {boot: beat.held for shown in self._seen.values() for boot, beat in shown.beats.items()}
        return {boot: frozenset(it.job for it in held.get(boot, ())) for boot in self.cards()}

    def _names(self) -> list[str]:
        try:
            return [entry.name for entry in self._drop.list(WORKERS) if entry.is_folder and is_worker_id(entry.name)]
        except NameMissing:
            return []
