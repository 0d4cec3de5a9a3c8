"""What the owner of a job knows about it: one look at the drop, and what earlier looks showed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from protocol.claims import IDLE_FACTOR, LeaseWatch
from protocol.kinds import KINDS
from protocol.messages import Offer, OutputFile, WorkerCard
from protocol.observation import Observation, WorkerObservation
from protocol.states import Standing
from usertext import installing

QUIET_BEATS = 3
"""After this many missed heartbeats a worker is reported as silent; a lease lasts longer."""


@dataclass(frozen=True, kw_only=True)
class JobSnapshot:
    """Everything that an explanation may depend on: what one look showed, and what earlier looks showed."""

    standing: Standing
    seen: Observation
    offer: Offer
    workers: Mapping[str, WorkerObservation]
    leases: LeaseWatch
    outputs: int  # how many files the result must have
    drop: str  # its address
    job: str
    now: float  # monotonic clock of this machine
    wall: float  # Unix time, for display

    @property
    def here(self) -> dict[str, WorkerCard]:
        """The workers that seem alive: a heartbeat came while we watched, or their last file is recent."""
        return {
            name: card
            for name, card in live_cards(self.workers, self.leases, self.now).items()
            if self._is_fresh(self.workers[name], card)
        }

    @property
    def able(self) -> dict[str, WorkerCard]:
        """The workers that seem alive and do this kind of work."""
        return {name: card for name, card in self.here.items() if self.offer.kind in card.kinds}

    @property
    def start_one(self) -> str:
        """How to start a worker."""
        return f"Start the notebook on Colab, or here: gpudrop worker --drop {self.drop}"

    def _is_fresh(self, worker: WorkerObservation, card: WorkerCard) -> bool:
        if self.leases.has_ended(card.boot):
            return False
        quiet_s = QUIET_BEATS * IDLE_FACTOR * self.leases.beat_s(card.boot, card.beat_s)
        if self.leases.has_beaten(card.boot):
            return (self.leases.silence_s(card.boot, self.now) or 0) <= quiet_s
        return worker.told_at is None or self.wall - worker.told_at <= quiet_s


def engine_missing(
    offer: Offer, workers: Mapping[str, WorkerObservation], leases: LeaseWatch, now: float
) -> str | None:
    """Return why no live worker has the engine that a job requires; None if one has, or none is required."""
    cards = [card for card in live_cards(workers, leases, now).values() if offer.kind in card.kinds]
    have = {record.name for card in cards for record in card.engines.get(offer.kind, ())}
    wanted = offer.requires.engine
    if wanted is None or not cards or wanted in have:
        return None
    return f"no worker here has the engine {wanted} (they have: {', '.join(sorted(have))})"


def engine_hint(offer: Offer, *, started_here: bool) -> str:
    """Return how to get the engine that a job requires; `started_here`: the workers run in this interpreter."""
    kind, leave = KINDS.get(offer.kind), "leave --require-engine out"
    extra = kind.extras.get(offer.requires.engine or "") if kind else None
    return f"install what it needs ({installing.with_extra(extra, here=started_here)}), or {leave}" if extra else leave


def live_cards(workers: Mapping[str, WorkerObservation], leases: LeaseWatch, now: float) -> dict[str, WorkerCard]:
    """Return the cards of the workers that may still be alive, as far as this machine has seen.

    A worker with several sessions is represented by the one not known to have ended that was heard of last.
    """

    def likeliest_last(boot: str) -> tuple[bool, float]:
        return not leases.has_ended(boot), -(leases.silence_s(boot, now) or 0.0)

    return {
        name: shown.cards[boot]
        for name, shown in workers.items()
        for boot in sorted(shown.cards, key=likeliest_last)
        if leases.boot_alive(boot, now, shown.cards[boot].beat_s)
    }


def arrived(seen: Observation, files: Iterable[OutputFile]) -> tuple[int, int]:
    """Return how many files of a manifest have arrived at their size, and their total size in bytes."""
    there = [file for file in files if (file.at or 0) + file.size <= seen.sizes.get(file.in_, -1)]
    return len(there), sum(file.size for file in there)
