"""The protocol as a machine: messages come, go, tear and double in any order, and every observer keeps its promises.

One folder is the truth; two observers look at it through weather of their own, each with its own clock. No transport,
no dispatcher and no worker: what is tested is `seen`, `states` and `claims` alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocol import codec
from protocol import messages as m
from protocol.claims import GAP_POLLS, MIN_GAP_S, LeaseWatch, elected
from protocol.drop import Entry
from protocol.layout import Attempt, JobNames, WorkerNames
from protocol.observation import JobReader, Observation, WorkerReader
from protocol.plain import PlainDone, PlainFailure
from protocol.states import (
    OPEN_TO_CLAIMS,
    TERMINAL,
    Standing,
    State,
    delivered,
    judge,
    next_attempt_number,
    open_attempts,
)
from protocol.transports.memory import MemoryDrop, MemoryStore
from protocol.transports.weather import Weather

DROP, JOB, DIGEST = "d" * 16, "job", "a" * 64
NAMES = JobNames(JOB)
WORKERS = ("w1", "w2", "w3")
ENGINE = m.EngineRecord(name="e", version="1", provider="p", device="cpu", tier="embedded")
LIMITS, TERMS, POLL_S = m.Limits(stall_s=300, wall_s=1000), m.ClaimTerms(settle_s=0, lease_s=16), 1.0
GAP_S = max(GAP_POLLS * POLL_S, MIN_GAP_S)
FOREIGN = ("request (1).json", "done (conflicted copy).marker", "claim.json~", "desktop.ini")

numbers = st.integers(0, 2**16)  # which of what there is, by the remainder


class Shuffled:
    """A drop that lists in an order of its own."""

    def __init__(self, drop: MemoryDrop, seed: int) -> None:
        self._drop, self._seed = drop, seed

    def list(self, folder: str) -> tuple[Entry, ...]:
        """Return what there is, in any order."""
        entries = [*self._drop.list(folder)]
        random.Random(self._seed).shuffle(entries)
        return tuple(entries)

    def get(self, path: str, *, limit: int, copy: int = 0) -> bytes:
        """Return a file."""
        return self._drop.get(path, limit=limit, copy=copy)


@dataclass
class Observer:
    """One side that looks: its weather, its clock, what it remembers, and what a model says of its leases."""

    drop: MemoryDrop
    hidden: set[str] = field(default_factory=set)
    torn: dict[str, int] = field(default_factory=dict)
    now: float = 0.0
    looked: float | None = None
    seen: Observation = field(default_factory=Observation)
    watch: LeaseWatch = field(default_factory=lambda: LeaseWatch(POLL_S))
    shown: dict[str, int] = field(default_factory=dict)  # boot → sequence number that its reader showed last
    highest: dict[str, int] = field(default_factory=dict)  # boot → highest sequence number it ever saw
    life: dict[str, float] = field(default_factory=dict)  # boot → its last sign of life
    claimed: dict[str, float] = field(default_factory=dict)  # nonce → the first sight of its claim

    def __post_init__(self) -> None:
        self.drop.weather = Weather(
            hides=lambda path: path in self.hidden,
            shows=lambda path, data: data[: self.torn[path] % (len(data) or 1)] if path in self.torn else data,
        )
        self.reader = JobReader(self.drop, DROP, JOB)
        self.workers = {worker: WorkerReader(self.drop, DROP, worker) for worker in WORKERS}

    def look(self) -> None:
        """Look once at everything, as both sides do."""
        self.seen = self.reader.look()
        for worker in WORKERS:
            self.watch.looked(worker, self.now)
        if self.looked is not None and self.now - self.looked > GAP_S:
            self.life = dict.fromkeys(self.life, self.now)
            self.claimed = dict.fromkeys(self.claimed, self.now)
        self.looked = self.now
        for claim in self.seen.claims.values():
            self.watch.saw_claim(claim, self.now)
            self.claimed.setdefault(claim.nonce, self.now)
        for reader in self.workers.values():
            for beat in reader.look().beats.values():
                assert beat.seq >= self.shown.get(beat.boot, 0), "a lower beat is never shown after a higher one"
                self.shown[beat.boot] = beat.seq
                self.saw(beat)

    def saw(self, beat: m.Beat) -> None:
        """See one beat."""
        self.watch.saw_beat(beat, self.now)
        if beat.seq > self.highest.get(beat.boot, 0):
            self.highest[beat.boot], self.life[beat.boot] = beat.seq, self.now

    def standing(self) -> Standing:
        """Return where the job stands for this observer."""
        return judge(self.seen, lapsed=self.lapsed(), beating=self.watch.beating())

    def lapsed(self) -> frozenset[str]:
        """Return the attempts that this observer has given up."""
        return self.watch.lapsed(self.seen, TERMS, LIMITS, self.now)


class Protocol(RuleBasedStateMachine):
    """Writers that keep R1 and R2, a channel that keeps nothing, and the promises after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.truth = MemoryDrop(self.store)
        self.truth.make_folder(JOB)
        for worker in WORKERS:
            self.truth.make_folder(WorkerNames(worker).folder)
        self.observers = [Observer(MemoryDrop(self.store)) for _ in range(2)]
        self.claims: dict[Attempt, m.Claim] = {}
        self.written: dict[str, m.Message | m.Done | m.Failure | m.Request] = {}
        self.seqs: dict[str, int] = {}
        self.decided: State | None = None

    # What the two sides write.

    @initialize()
    def offer(self) -> None:
        """The job is offered."""
        digest = codec.digest("echo", {}, {}, {})
        offer = m.Offer(drop=DROP, id=JOB, dispatcher="c" * 16, kind="echo", digest=digest, claim=TERMS, limits=LIMITS)
        self.put(NAMES.request, m.Request(params={}, job=offer))

    @rule(which=numbers, worker=st.sampled_from(WORKERS), nonce=st.integers(0, 2**64 - 1), lost=st.booleans())
    def claim(self, which: int, worker: str, nonce: int, lost: bool) -> None:
        """A worker takes the next attempt, or in the same moment as a rival that one; a claim may never arrive."""
        n = next_attempt_number(self.observers[which % 2].seen)
        tried = Attempt(max(1, n - which % 3 // 2), f"{nonce:016x}", worker)
        if n < 100 and tried.nonce not in {attempt.nonce for attempt in self.claims}:
            self.claims[tried] = m.Claim(**self.who(tried), digest=DIGEST)
            if not lost or which % 2:
                self.put(NAMES.claim(tried), self.claims[tried])

    @rule(n=st.integers(1, 5))
    def turn(self, n: int) -> None:
        """A worker takes its turn on one machine."""
        self.put_bytes(NAMES.turn(n), b"x")

    @precondition(lambda self: self.claims)
    @rule(which=numbers, k=st.integers(1, 3))
    def part(self, which: int, k: int) -> None:
        """An attempt says what it has published."""
        tried = self.one(self.claims, which)
        self.put(NAMES.part(tried, k), m.Part(**self.who(tried), k=k, files=()))

    @precondition(lambda self: self.claims)
    @rule(which=numbers)
    def done(self, which: int) -> None:
        """An attempt delivers, even one that was given up long ago."""
        tried = self.one(self.claims, which)
        job = m.DoneJob(**self.who(tried), digest=DIGEST, files=(), engine=ENGINE, durable="local")
        self.put(NAMES.done(tried), m.Done(plain=PlainDone(), job=job))

    @precondition(lambda self: self.claims)
    @rule(which=numbers, code=st.sampled_from(["ENGINE", "RELEASED", "BAD_REQUEST"]))
    def error(self, which: int, code: str) -> None:
        """An attempt fails."""
        tried = self.one(self.claims, which)
        job = m.FailureJob(**self.who(tried), digest=DIGEST, code=code, retryable=True)  # type: ignore[arg-type]
        self.put(NAMES.error(tried), m.Failure(plain=PlainFailure(error="no"), job=job))

    @precondition(lambda self: self.claims)
    @rule(which=numbers, worker=st.sampled_from(WORKERS), at=st.sampled_from([0.0, 9e8, 9e10]), skip=st.integers(1, 3))
    def beat(self, which: int, worker: str, at: float, skip: int) -> None:
        """A worker beats, by whatever its own clock says; some beats never arrive."""
        self.seqs[worker] = seq = self.seqs.get(worker, 0) + skip
        held = [a for a in self.claims if a.worker == worker]
        what = m.Held(job=JOB, nonce=self.one(held, which).nonce, done=which % 7, total=7) if held else None
        beat = m.Beat(
            drop=DROP, id=worker, worker=worker, boot=boot(worker), seq=seq, at=at, held=(what,) if what else ()
        )
        self.put(WorkerNames(worker).beat(boot(worker), seq), beat)

    @precondition(lambda self: self.claims)
    @rule(which=numbers)
    def reject(self, which: int) -> None:
        """The owner takes no result of an attempt."""
        nonce = self.one(self.claims, which).nonce
        self.put(NAMES.reject(nonce), m.Reject(drop=DROP, id=JOB, nonce=nonce, reason="no"))

    @precondition(lambda self: self.decided is None and any(path.endswith("done.marker") for path in self.written))
    @rule(which=numbers)
    def accept(self, which: int) -> None:
        """The owner commits a result and mirrors it."""
        taken = self.one([a for a in self.claims if NAMES.done(a) in self.written], which)
        self.decided = State.ACCEPTED
        self.put(NAMES.accepted(1), m.Accepted(drop=DROP, id=JOB, k=1, nonce=taken.nonce, done_seal=DIGEST))

    @precondition(lambda self: self.decided is None)
    @rule()
    def cancel(self) -> None:
        """The owner commits an end without a result and mirrors it."""
        self.decided = State.CANCELLED
        self.put(NAMES.cancel(1), m.Cancel(drop=DROP, id=JOB, k=1, by="dispatcher", reason="no"))

    # What the channel does.

    @rule(who=numbers, which=numbers, cut=st.none() | st.integers(0, 400))
    def spoil(self, who: int, which: int, cut: int | None) -> None:
        """A stale listing lacks a file, or a part of its bytes is seen; later everything is seen whole."""
        observer = self.observers[who % 2]
        path = self.one(self.store.files, which)
        if cut is None:
            observer.hidden.add(path)
        else:
            observer.torn[path] = cut
        self.look(who, 0.1)

    @rule(name=st.sampled_from(FOREIGN))
    def conflict(self, name: str) -> None:
        """A sync tool leaves a file of its own."""
        self.put_bytes(NAMES.file(name), b"{}")

    @precondition(lambda self: self.written)
    @rule(which=numbers, first=st.booleans(), cut=st.integers(0, 400))
    def double(self, which: int, first: bool, cut: int) -> None:
        """A message gets a second file of its name, torn, before or after the whole one."""
        path = self.one(self.written, which)
        if path not in self.store.doubles:
            whole = self.store.files[path]
            other = whole[: cut % len(whole)]
            copies = [other, whole] if first else [whole, other]
            self.store.files[path], self.store.doubles[path] = copies[0], copies[1:]

    @precondition(lambda self: self.claims)
    @rule(who=numbers, looks=st.integers(1, 6), after=st.sampled_from([0.1, 1.0, 3.9, 4.1, 7200.0]), which=numbers)
    def watch(self, who: int, looks: int, after: float, which: int) -> None:
        """An observer looks several times; a listing of long ago may show it a beat of long ago."""
        for _ in range(looks):
            self.look(who, after)
        beats = [beat for beat in self.written.values() if isinstance(beat, m.Beat)]
        if beats and which % 2:
            self.observers[who % 2].saw(self.one(beats, which))
            self.check_leases(self.observers[who % 2])

    @rule(who=numbers, seed=numbers)
    def calm(self, who: int, seed: int) -> None:
        """After the weather, whoever saw whatever in whatever order before sees what a newcomer sees."""
        observer = self.observers[who % 2]
        observer.hidden.clear()
        observer.torn.clear()
        self.look(who, 1.0)
        newcomer = JobReader(Shuffled(self.truth, seed), DROP, JOB).look()  # type: ignore[arg-type]
        assert replace(observer.seen, sizes={}, unchecked={}) == replace(newcomer, sizes={}, unchecked={})
        facts = {"lapsed": observer.lapsed(), "beating": observer.watch.beating()}
        assert judge(newcomer, **facts) == observer.standing()
        if self.decided:
            assert observer.standing().state == self.decided

    def look(self, who: int, after: float) -> None:
        """Let an observer look; what it may do next is checked."""
        observer = self.observers[who % 2]
        observer.now += after
        observer.look()
        self.check_genuine(observer.seen)
        self.check_leases(observer)
        self.check_election(observer)

    # What holds after every step.

    @invariant()
    def the_order_of_arrival_is_nothing(self) -> None:
        """Any permutation of what is seen gives the same standing, whatever has lapsed."""
        for observer in self.observers:
            turned = reversed_order(observer.seen)
            for lapsed in ((), observer.lapsed(), {a.nonce for a in observer.seen.claims}):
                for beating in ((), observer.watch.beating()):
                    facts = {"lapsed": lapsed, "beating": beating}
                    assert judge(turned, **facts) == judge(observer.seen, **facts)
            assert next_attempt_number(turned) == next_attempt_number(observer.seen)

    @invariant()
    def a_decision_is_an_end(self) -> None:
        """Nothing that arrives changes what the owner has committed, and nobody may take such a job."""
        for observer in self.observers:
            for decision in TERMINAL:
                assert judge(observer.seen, decision=decision) == Standing(decision)
            if observer.seen.accepted or observer.seen.cancelled:
                assert observer.standing().state in TERMINAL

    @invariant()
    def the_next_number_is_above_everything_seen(self) -> None:
        """Nobody takes a number again of which anything at all was seen."""
        for observer in self.observers:
            seen = observer.seen
            numbers_seen = {a.n for group in (seen.claims, seen.parts, seen.done, seen.errors) for a in group}
            assert next_attempt_number(seen) > max(numbers_seen | seen.turns | {0})

    @invariant()
    def what_is_held_is_not_taken(self) -> None:
        """A delivered result, or an attempt that has not lapsed, keeps a job from being taken."""
        for observer in self.observers:
            open_now = {a.nonce for a in open_attempts(observer.seen)} - observer.lapsed()
            if delivered(observer.seen) or open_now:
                assert observer.standing().state not in OPEN_TO_CLAIMS

    @invariant()
    def the_newest_attempt_counts(self) -> None:
        """A standing is about the highest attempt of its kind, then the lowest nonce; a rejected one is over."""
        for observer in self.observers:
            seen, standing, lapsed = observer.seen, observer.standing(), observer.lapsed()
            live = [a for a in open_attempts(seen) if a.nonce not in lapsed]
            groups = {State.DELIVERED: delivered(seen), State.STALE: open_attempts(seen), State.CLAIMED: live}
            if standing.state in groups:
                assert standing.attempt == sorted(groups[standing.state], key=lambda a: (-a.n, a.nonce))[0]
            assert not seen.rejected.keys() & {a.nonce for a in (*open_attempts(seen), *delivered(seen))}

    def check_genuine(self, seen: Observation) -> None:
        """Nothing is seen that was not written, whatever was torn or doubled."""
        for attempt, claim in seen.claims.items():
            assert claim == self.written[NAMES.claim(attempt)]
        for attempt, done in seen.done.items():
            assert done == self.written[NAMES.done(attempt)]
        for attempt, error in seen.errors.items():
            assert error == self.written[NAMES.error(attempt)]
        for attempt, parts in seen.parts.items():
            assert set(parts) <= {self.written.get(NAMES.part(attempt, k)) for k in range(1, 4)}
            assert [part.k for part in parts] == sorted(part.k for part in parts)
        assert seen.request in (None, self.written[NAMES.request])
        assert seen.accepted in (None, self.written.get(NAMES.accepted(1)))
        assert seen.cancelled in (None, self.written.get(NAMES.cancel(1)))
        assert all(NAMES.reject(nonce) in self.written for nonce in seen.rejected)
        assert seen.ignored <= len(FOREIGN)

    def check_leases(self, observer: Observer) -> None:
        """Only the observer's own time since the last sign of life that it saw itself makes a lease lapse."""
        for attempt, claim in observer.seen.claims.items():
            alive = max(observer.claimed[claim.nonce], observer.life.get(claim.boot, 0.0))
            why = observer.watch.lapse(claim, TERMS, LIMITS, observer.now)
            if observer.now - alive > TERMS.lease_s:
                assert why == f"no heartbeat from {attempt.worker} for {observer.now - alive:.0f} s"
            else:
                assert why is None or "no heartbeat" not in why
            silence = observer.watch.silence_s(claim.boot, observer.now)
            assert silence is None or silence == observer.now - observer.life[claim.boot]
            assert why is None or observer.now - observer.claimed[claim.nonce] > min(TERMS.lease_s, LIMITS.stall_s)

    def check_election(self, observer: Observer) -> None:
        """Of those who see one set of claims at most one wins an attempt: the lowest nonce that is open."""
        seen = observer.seen
        for lapsed in (observer.lapsed(), *({attempt.nonce} for attempt in seen.claims)):
            for n in {attempt.n for attempt in seen.claims}:
                rivals = [a for a in open_attempts(seen) if a.n == n and a.nonce not in lapsed]
                winners = [a for a in rivals if elected(a, seen, lapsed)]
                assert winners == sorted(rivals, key=lambda a: a.nonce)[:1]
                for own in rivals:
                    without = replace(seen, claims={a: c for a, c in seen.claims.items() if a != own})
                    assert elected(own, without, lapsed) == (own in winners)

    def who(self, a: Attempt) -> dict[str, object]:
        """Return the fields that say whose attempt a message is about."""
        identity = {"drop": DROP, "id": JOB, "boot": boot(a.worker)}
        return {**identity, "attempt": a.n, "nonce": a.nonce, "worker": a.worker}

    def put(self, path: str, message: m.Message | m.Done | m.Failure | m.Request) -> None:
        """Write a message once."""
        if path not in self.store.files:
            self.put_bytes(path, codec.encode(message))
            self.written[path] = message

    def put_bytes(self, path: str, data: bytes) -> None:
        """Write a file once."""
        if path not in self.store.files:
            self.truth.put(path, data)

    def one(self, things: Collection[object], which: int) -> Any:
        """Return one of several things."""
        return [*things][which % len(things)]


def boot(worker: str) -> str:
    """Return the boot of a worker; each boots once."""
    return f"{WORKERS.index(worker):016x}"


def reversed_order(seen: Observation) -> Observation:
    """Return what is seen as if it had come in the opposite order."""
    turn: Callable[[dict], dict] = lambda mapping: dict(reversed(list(mapping.items())))  # noqa: E731
    return replace(
        seen,
        claims=turn(dict(seen.claims)),
        parts=turn(dict(seen.parts)),
        done=turn(dict(seen.done)),
        errors=turn(dict(seen.errors)),
        sizes=turn(dict(seen.sizes)),
    )


TestProtocol = pytest.mark.timeout(600)(Protocol.TestCase)  # to make a failing case small takes minutes
TestProtocol.settings = settings(
    max_examples=200,
    stateful_step_count=50,
    derandomize=True,
    print_blob=True,  # what is generated depends on the modules that other tests have loaded
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
