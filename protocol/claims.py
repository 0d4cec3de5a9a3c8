"""Which worker may work on a job now: leases judged by observed change, and the election among rival claims.

No clock is compared across machines (FORMAT.md R7): `now` is always the observer's own monotonic clock, and a lease
lapses when this observer has seen no change for long enough while it was watching.
"""

from __future__ import annotations

from collections.abc import Collection

from protocol.drop import Capabilities, TimeLimits
from protocol.layout import Attempt
from protocol.messages import Beat, Claim, ClaimTerms, Held, Limits, WorkerCard
from protocol.neighbours import Neighbours
from protocol.observation import Observation
from protocol.states import open_attempts

LEASE_BEATS = 8
"""A lease is this many heartbeats long: one late or lost upload must not cost a night's work."""

IDLE_FACTOR = 4
"""A worker without a job sends heartbeats this many times less often."""

GAP_POLLS = 4
MIN_GAP_S = 2.0


ELSEWHERE = Neighbours(Capabilities(local=False, settle_s=0, poll_s=0, beat_s=0), "", None)
"""For an observer without a folder: all other parties are elsewhere, and the request's terms apply."""


class LeaseWatch:
    """Watches the heartbeats of every worker it is shown, on the observer's own clock.

    The caller reports each successful reading of a worker's folder with `looked`: silence counts only up to the last
    one, and after a gap of the observer's own (sleep, outage) the timers of that worker restart. A worker that has not
    proved to be on this machine gets the longer leases of a remote one.
    """

    def __init__(self, look_s: float, neighbours: Neighbours = ELSEWHERE) -> None:
        self._gap_s = max(GAP_POLLS * look_s, MIN_GAP_S)
        self._neighbours = neighbours
        self._here: dict[str, bool] = {}  # boot → whether its card proves that it is on this machine
        self._looked: dict[str, float] = {}  # worker → last fresh reading of its folder
        self._alive: dict[str, tuple[int, float]] = {}  # boot → highest seq, when it rose
        self._ended: set[str] = set()  # boots whose last heartbeat has arrived
        self._risen: set[str] = set()  # boots of which a heartbeat arrived while this observer watched
        self._claimed: dict[str, float] = {}  # nonce → when the claim was first seen
        self._boot_of: dict[str, str] = {}  # nonce → boot of its claim
        self._worker_of: dict[str, str] = {}  # boot → its worker
        self._first_held: dict[str, float] = {}  # nonce → when a heartbeat first mentioned it
        self._progress: dict[str, tuple[Held, float]] = {}  # nonce → its last progress, and when that advanced

    def looked(self, worker: str, now: float) -> None:
        """Record that a worker's folder was read successfully."""
        before = self._looked.get(worker)
        if before is not None and now - before > self._gap_s:
            boots = {boot for boot, whose in self._worker_of.items() if whose == worker}
            for boot in boots & self._alive.keys():
                self._alive[boot] = self._alive[boot][0], now
            for nonce in [nonce for nonce, boot in self._boot_of.items() if boot in boots]:
                self._restart(nonce, now)
        self._looked[worker] = now

    def _restart(self, nonce: str, now: float) -> None:
        self._claimed[nonce] = now
        if nonce in self._progress:
            self._progress[nonce] = self._progress[nonce][0], now

    def saw_claim(self, claim: Claim, now: float) -> None:
        """Start the timer of a claim when it is first seen."""
        self._claimed.setdefault(claim.nonce, now)
        self._boot_of[claim.nonce] = claim.boot
        self._worker_of[claim.boot] = claim.worker

    def saw_card(self, card: WorkerCard, now: float) -> None:
        """Start the timer of a worker when its card is first seen."""
        self._alive.setdefault(card.boot, (0, now))
        self._worker_of[card.boot] = card.worker
        self._here[card.boot] = self._neighbours.is_here(card.where)

    def saw_growth(self, boot: str, now: float) -> None:
        """Record that data of a boot is arriving: its heartbeats may be queued behind it."""
        if boot in self._alive:
            self._alive[boot] = self._alive[boot][0], now

    def saw_beat(self, beat: Beat, now: float) -> None:
        """Record a heartbeat; a sequence number that is not higher than the last is ignored."""
        self._worker_of[beat.boot] = beat.worker
        known = self._alive.get(beat.boot, (0, 0.0))[0]
        if beat.last:
            self._ended.add(beat.boot)
        if beat.seq > known:
            self._alive[beat.boot] = (beat.seq, now)
            if known:
                self._risen.add(beat.boot)
        for held in beat.held:
            self._first_held.setdefault(held.nonce, now)
            before, rose = self._progress.get(held.nonce, (held, now))
            if held.done > before.done:
                self._progress[held.nonce] = (held, now)
            elif held.done == before.done and beat.seq > known:  # a new note is not progress
                self._progress[held.nonce] = (held, rose)

    def beating(self) -> frozenset[str]:
        """Return the nonces of the attempts that some heartbeat mentions."""
        return frozenset(self._progress)

    def held(self, nonce: str) -> Held | None:
        """Return an attempt's progress by the heartbeats."""
        return self._progress[nonce][0] if nonce in self._progress else None

    def held_s(self, nonce: str, now: float) -> float:
        """Return for how long this observer has known that an attempt is held."""
        return now - min(self._claimed.get(nonce, now), self._first_held.get(nonce, now))

    def boot_of(self, nonce: str) -> str | None:
        """Return the boot that claimed an attempt."""
        return self._boot_of.get(nonce)

    def waits(self, boot: str | None) -> TimeLimits:
        """Return the time limits for a boot: the short ones only if it is known to be on this machine."""
        is_here = self._here.get(boot, False) if boot is not None else False
        return self._neighbours.limits(is_here=is_here)

    def beat_s(self, boot: str, beat_s: float) -> float:
        """Return how often heartbeats of a boot are expected to arrive; it sends one every `beat_s` seconds."""
        return max(beat_s, self.waits(boot).lease_s / LEASE_BEATS)

    def lease_s(self, boot: str, terms: ClaimTerms) -> float:
        """Return how long that boot may be silent while it has a job under these terms."""
        return max(terms.lease_s, self.waits(boot).lease_s)

    def boot_alive(self, boot: str, now: float, beat_s: float) -> bool:
        """Say whether a worker that sends a heartbeat every `beat_s` seconds at work may still be alive."""
        silent = self.silence_s(boot, now)
        return silent is not None and silent <= LEASE_BEATS * IDLE_FACTOR * self.beat_s(boot, beat_s)

    def has_beaten(self, boot: str) -> bool:
        """Say whether a heartbeat of that boot arrived while this observer watched, rather than before."""
        return boot in self._risen

    def has_ended(self, boot: str) -> bool:
        """Say whether that boot announced the end of its session. Its claims still lapse only by silence (R7)."""
        return boot in self._ended

    def silence_s(self, boot: str, now: float) -> float | None:
        """Return how long that boot has been silent, or None if it was never seen."""
        return now - self._alive[boot][1] if boot in self._alive else None

    def lapse(self, claim: Claim, terms: ClaimTerms, limits: Limits, now: float) -> str | None:
        """Return why the claim no longer holds, or None while it does."""
        claimed = self._claimed.get(claim.nonce, now)
        alive = max(claimed, self._alive.get(claim.boot, (0, claimed))[1])
        silent_s = self._looked.get(claim.worker, alive) - alive
        if silent_s > self.lease_s(claim.boot, terms):
            return f"no heartbeat from {claim.worker} for {silent_s:.0f} s"
        progressed = max(claimed, self._progress[claim.nonce][1] if claim.nonce in self._progress else claimed)
        if now - progressed > limits.stall_s:
            return f"{claim.worker} is alive, but has made no progress for {now - progressed:.0f} s"
        if now - claimed > limits.wall_s:
            return f"{claim.worker} took longer than the {limits.wall_s:.0f} s allowed"
        return None

    def lapsed(self, seen: Observation, terms: ClaimTerms, limits: Limits, now: float) -> frozenset[str]:
        """Return the nonces of the open attempts whose claim no longer holds."""
        return frozenset(a.nonce for a in open_attempts(seen) if self.lapse(seen.claims[a], terms, limits, now))


def elected(own: Attempt, seen: Observation, lapsed: Collection[str]) -> bool:
    """Say whether `own` wins: of the open claims of its number that have not lapsed, its nonce is the lowest."""
    rivals = [a.nonce for a in open_attempts(seen) if a.n == own.n and a.nonce not in lapsed]
    return own.nonce <= min([own.nonce, *rivals])
