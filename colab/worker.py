"""The worker: looks at the drop, takes what it can do, works, and goes on; one look a step."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from colab.attach import Attached, announce, attach, parent_is_gone
from colab.attempt import Assignment, AttemptRun
from colab.bench import Bench, Workbench
from colab.config import Settings
from colab.handlers import HANDLERS
from colab.lease import Beater, BeatThread, take
from colab.models import ModelPlaces
from colab.publish import clips_of
from protocol import codec
from protocol.claims import LEASE_BEATS, LeaseWatch, elected
from protocol.drop import Watch
from protocol.errors import ChannelError, NameMissing, UsageError
from protocol.layout import Attempt, JobNames, is_job_id
from protocol.messages import ClaimTerms, Limits, Offer, Request, WorkerCard
from protocol.seen import JobReader, Seen, WorkerReader
from protocol.states import OPEN_TO_CLAIMS, TERMINAL, judge, next_attempt_number, open_attempts

FAILED_AGAIN_S = 1800.0
FAILURES_IN_A_ROW = 3
OWN_FAULT = frozenset({"ENGINE", "INTERNAL", "OUT_OF_MEMORY", "STORAGE"})
PLAIN_KIND = "tts"

log = logging.getLogger(__name__)


@dataclass
class _JobMemory:
    """What this worker remembers of a job between two looks."""

    reader: JobReader
    closed: bool = False
    failed_at: float | None = None
    told: set[str] = field(default_factory=set)
    turns: dict[int, float] = field(default_factory=dict)  # turn without a claim → first sight
    clips: tuple[dict[str, int], float] | None = None  # what lies in `audio/`, since when it is so


class Worker:
    """Serves one drop until told to stop. `step` is one look; `serve` repeats it."""

    def __init__(
        self,
        at: Attached,
        settings: Settings,
        *,
        bench: Callable[[tuple[str, ...], ModelPlaces], Workbench] = Bench,
        beats: Callable[[Beater, Attached], AbstractContextManager[Any]] = BeatThread,
    ) -> None:
        self._at, self._settings, self._clock = at, settings, at.host.monotonic
        self._make_bench, self._make_beats = bench, beats
        pace = at.drop.capabilities
        self._poll_s = settings.poll_s or pace.poll_s
        self._beat_s = settings.beat_s or pace.beat_s
        self._jobs: dict[str, _JobMemory] = {}
        self._rivals: dict[str, WorkerReader] = {}
        self._leases = LeaseWatch(self._poll_s)
        self._kinds = _kinds(settings.kinds)
        self._bench: Workbench | None = None
        self._beater = Beater(at, self._beat_s)
        self._failures = 0
        self._rests_until = 0.0
        self._stop: str | None = None
        self._card: WorkerCard | None = None

    def stop(self, why: str = "the worker was asked to stop") -> None:
        """Release the current job, if any, and end after this step. Safe to call from a signal handler."""
        self._stop = why

    def serve(self) -> None:
        """Serve until stopped, idle for too long, or (with `once`) until nothing is left to take."""
        self._bench = self._make_bench(self._kinds, self._settings.model_places())
        watch = self._at.drop.watch()
        try:
            self._card = announce(self._at, self._bench.abilities(), self._beat_s)
            log.info("worker %s serves %s", self._at.worker, _engines_text(self._card))
            with self._make_beats(self._beater, self._at):
                self._repeat(watch)
        finally:
            watch.close()
            self._bench.kill()

    def _repeat(self, watch: Watch) -> None:
        idle_since = self._clock()
        while not self._should_end(idle_since):
            if self._safe_step():
                idle_since = self._clock()
            elif self._settings.once:
                return
            else:
                watch.wait(self._poll_s)

    def _should_end(self, idle_since: float) -> bool:
        if self._stop is None and parent_is_gone(self._settings.exit_with_parent):
            self._stop = "the process that started this worker is gone"
        limit = self._settings.idle_exit_s
        if self._stop is None and limit is not None and self._clock() - idle_since > limit:
            self._stop = f"no job for {limit:.0f} s"
        if self._stop is not None:
            log.info("worker %s ends: %s", self._at.worker, self._stop)
        return self._stop is not None

    def _safe_step(self) -> bool:
        try:
            return self.step(self._clock())
        except ChannelError as error:
            log.warning("the drop did not answer: %s", error)
            return False

    def step(self, now: float) -> bool:
        """Look at the drop once, and work on the first job that can be taken. Return whether there was one."""
        names = [entry.name for entry in self._at.drop.list("") if entry.is_folder and is_job_id(entry.name)]
        self._leases.looked(now)
        for job in sorted(names):
            if self._stop is None and self._safe_try(job, now):
                return True
        for gone in set(self._jobs) - set(names):
            del self._jobs[gone]
        return False

    def _safe_try(self, job: str, now: float) -> bool:
        """Try a job; one folder that cannot be read must not keep the worker from the others."""
        try:
            return self._try(job, now)
        except ChannelError as error:
            log.warning("job %s cannot be read now: %s", job, error)
            return False

    def _try(self, job: str, now: float) -> bool:
        """Take a job and work on it, if it is open and this worker can do it."""
        memory = self._jobs.setdefault(
            job, _JobMemory(JobReader(self._at.drop, self._at.drop_id, job, self._at.identity.trust))
        )
        if memory.closed:
            return False
        try:
            seen = memory.reader.look()
        except NameMissing:
            return False
        if seen.request is None:
            self._tell_once(memory, job, seen.too_new)
            return False
        terms, limits = self._terms(seen.request)
        lapsed = self._lapsed(seen, terms, limits, now)
        standing = judge(seen, lapsed=lapsed)
        # Plain markers beside a full request are an old worker's, and prove nothing (FORMAT.md, the simple form).
        answered = seen.request.job is None and (seen.plain_done or seen.plain_error)
        if standing.state in TERMINAL or answered:
            memory.closed = True
            return False
        if standing.state not in OPEN_TO_CLAIMS or self._turn_is_taken(seen, memory, terms.lease_s, now):
            return False
        if not self._wants(job, seen, memory, now):
            return False
        assignment = self._claim(job, seen, memory, terms, limits)
        if assignment is None:
            return False
        assert self._bench is not None  # serve made it
        self._finish(memory, AttemptRun(self._at, self._bench, self._beater, assignment, self._why_stop(memory)).run())
        return True

    def _terms(self, request: Request) -> tuple[ClaimTerms, Limits]:
        if request.job is not None:
            return request.job.claim, request.job.limits
        pace = self._at.drop.capabilities
        return ClaimTerms(settle_s=pace.settle_s, lease_s=pace.beat_s * LEASE_BEATS), Limits()

    def _lapsed(self, seen: Seen, terms: ClaimTerms, limits: Limits, now: float) -> frozenset[str]:
        for attempt in open_attempts(seen):
            self._leases.saw_claim(seen.claims[attempt], now)
            reader = self._rivals.setdefault(
                attempt.worker,
                WorkerReader(self._at.drop, self._at.drop_id, attempt.worker, self._at.identity.trust),
            )
            for beat in reader.look().beats.values():
                self._leases.saw_beat(beat, now)
        return self._leases.lapsed(seen, terms, limits, now)

    def _turn_is_taken(self, seen: Seen, memory: _JobMemory, lease_s: float, now: float) -> bool:
        """Say whether another worker has taken its turn and may be about to write its claim."""
        claimed = max((attempt.n for attempt in seen.claims), default=0)
        pending = [turn for turn in seen.turns if turn > claimed]
        return any(now - memory.turns.setdefault(turn, now) <= lease_s for turn in pending)

    def _wants(self, job: str, seen: Seen, memory: _JobMemory, now: float) -> bool:
        """Say whether this worker should take an open job."""
        assert seen.request is not None  # _try looked
        if now < self._rests_until:
            return False
        if memory.failed_at is not None and now - memory.failed_at < FAILED_AGAIN_S:
            return False
        offer = seen.request.job
        if offer is None:
            asked = PLAIN_KIND in self._offered() and "steps" in seen.request.params
            return asked and self._is_left_alone(job, seen, memory, now)
        problem = self._cannot(offer, seen)
        self._tell_once(memory, job, problem)
        return problem is None

    def _is_left_alone(self, job: str, seen: Seen, memory: _JobMemory, now: float) -> bool:
        """Say whether nobody of the simple form is answering: there is no `audio/`, or nothing changes in there."""
        if not seen.plain_audio:
            return True
        clips = clips_of(self._at, JobNames(job))
        if memory.clips is None or memory.clips[0] != clips:
            memory.clips = clips, now
        self._tell_once(memory, job, "somebody is answering it plainly")
        return now - memory.clips[1] > self._beat_s * LEASE_BEATS

    def _offered(self) -> tuple[str, ...]:
        return self._card.kinds if self._card else ()

    def _cannot(self, offer: Offer, seen: Seen) -> str | None:
        """Return why this worker cannot do a job, or None."""
        if offer.kind not in self._offered():
            return f"kind {offer.kind} is not done here"
        engines = [record.name for record in self._card.engines[offer.kind]] if self._card else []
        if offer.requires.engine and offer.requires.engine not in engines:
            return f"engine {offer.requires.engine} is not here (here: {', '.join(engines)})"
        if offer.claim.prefer and offer.claim.prefer != self._at.worker:
            return f"reserved for worker {offer.claim.prefer}"
        if offer.limits.not_after is not None and self._at.host.wall() > offer.limits.not_after:
            return "its time (not_after) has passed by this clock; if it was sent just now, one of the clocks is wrong"
        late = [name for name, file in offer.inputs.items() if seen.sizes.get(file.in_) != file.size]
        return f"input {late[0]} is not all there yet" if late else None

    def _tell_once(self, memory: _JobMemory, job: str, problem: str | None) -> None:
        if problem and problem not in memory.told:
            memory.told.add(problem)
            log.info("job %s is not taken: %s", job, problem)

    def _claim(self, job: str, seen: Seen, memory: _JobMemory, terms: ClaimTerms, limits: Limits) -> Assignment | None:
        """Claim an open job and settle who does it; None when another worker does."""
        request = seen.request
        assert request is not None  # _try looked
        offer = request.job
        digest = offer.digest if offer else codec.digest(PLAIN_KIND, request.params, {}, {})
        taken = take(self._at, job, next_attempt_number(seen), digest)
        if taken is None:
            return None
        attempt, _ = taken
        assignment = Assignment(
            job=job,
            kind=offer.kind if offer else PLAIN_KIND,
            request=request,
            attempt=attempt,
            digest=digest,
            limits=limits,
            lease_s=terms.lease_s,
            leftover=memory.clips[0] if memory.clips else {},
        )
        return assignment if self._settled(attempt, memory, terms, limits) else None

    def _settled(self, attempt: Attempt, memory: _JobMemory, terms: ClaimTerms, limits: Limits) -> bool:
        """Wait until rival claims can be seen, look twice, and say whether this claim won."""
        if self._at.drop.capabilities.local or terms.mode == "single":
            return True  # the turn was taken exclusively
        for _ in range(2):
            self._at.host.sleep(terms.settle_s / 2)
            seen = memory.reader.look()
            if not elected(attempt, seen, self._lapsed(seen, terms, limits, self._clock())):
                log.info("another worker does attempt %d", attempt.n)
                return False
        return True

    def _why_stop(self, memory: _JobMemory) -> Callable[[], str | None]:
        """Return the question an attempt asks now and then: should this end, and why?"""

        def ask() -> str | None:
            if self._stop is None and parent_is_gone(self._settings.exit_with_parent):
                self._stop = "the process that started this worker is gone"
            if self._stop is not None:
                return self._stop
            try:
                seen = memory.reader.look()
            except NameMissing:
                return None  # absence is no evidence (R12)
            return "cancelled" if seen.cancelled or seen.accepted else None

        return ask

    def _finish(self, memory: _JobMemory, code: str | None) -> None:
        """Remember how an attempt ended; a worker that fails everything stops taking jobs from the others."""
        if code is None:
            self._failures = 0
            return
        if code != "RELEASED":
            memory.failed_at = self._clock()
        self._failures = self._failures + 1 if code in OWN_FAULT else 0
        if self._failures >= FAILURES_IN_A_ROW:
            self._failures = 0
            self._rests_until = self._clock() + FAILED_AGAIN_S
            log.error("%d jobs in a row failed here: this worker takes no job for %.0f minutes", 3, FAILED_AGAIN_S / 60)


def _kinds(wanted: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := [kind for kind in wanted if kind not in HANDLERS]:
        raise UsageError(f"no handler for {', '.join(unknown)}; there are: {', '.join(sorted(HANDLERS))}")
    return wanted or tuple(HANDLERS)


def _engines_text(card: WorkerCard) -> str:
    return ", ".join(f"{kind} ({'/'.join(e.name for e in engines)})" for kind, engines in card.engines.items())


def serve_until_signalled(worker: Worker) -> None:
    """Serve; SIGTERM and Ctrl-C release the current job and end the worker. Handlers are put back afterwards."""

    def stop(number: int, _: object) -> None:
        worker.stop(f"stopped by {signal.Signals(number).name}")

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        worker.serve()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def make_worker(settings: Settings) -> Worker:
    """Attach to the drop that the settings name and make a worker for it."""
    return Worker(attach(settings.drop, settings.name, identity=settings.identity()), settings)
