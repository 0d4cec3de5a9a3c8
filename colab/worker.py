"""The worker: looks at the drop, takes what it can do, works, and goes on; one look a step."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from colab.attach import Attached, announce, parent_is_gone
from colab.attempt import Assignment, AttemptRun, Outcome
from colab.bench import Bench, Workbench
from colab.config import Settings
from colab.drain import DrainWatch
from colab.ending import DRAINED, NOTHING_LEFT, ORPHANED, Ending, Reason
from colab.handlers import kinds_of
from colab.keeper import Keeper
from colab.known_jobs import KnownJobs
from colab.lease import Beater, BeatThread, give_up, take
from colab.models import ModelPlaces
from colab.offers import FAILED_AGAIN_S, PLAIN_KIND, JobMemory, wants
from colab.persist import persist
from colab.probes import newest_probe
from colab.refusing import Refusals
from colab.rivals import Rivals, further
from colab.trouble import Trouble
from protocol import codec
from protocol.claims import LEASE_BEATS, elected
from protocol.drop import Watch
from protocol.errors import ChannelError, NameMissing, OursError
from protocol.layout import DROP_CARD, LAST_ATTEMPT, PROBES, Attempt, is_job_id
from protocol.messages import ClaimTerms, Held, Limits, Request, WorkerCard
from protocol.seen import Observation
from protocol.states import OPEN_TO_CLAIMS, TERMINAL, ended_parts, judge, next_attempt_number, open_attempts

FAILURES_IN_A_ROW = 3
OWN_FAULT = frozenset({"ENGINE", "INTERNAL", "OUT_OF_MEMORY", "STORAGE"})
KEPT_LOOK_BEATS = 1
"""While a job runs, delivered ones are looked at once a beat: their owners may miss something."""

LOOK_AT_ALL_S = 30.0
"""Where events tell what changed, everything is looked at so often all the same: an event can be lost."""

log = logging.getLogger(__name__)


class Worker:
    """Serves one drop until told to stop. `step` is one look; `serve` repeats it."""

    def __init__(
        self,
        at: Attached,
        settings: Settings,
        *,
        bench: Callable[[tuple[str, ...], ModelPlaces], Workbench] = Bench,
        beats: Callable[[Beater, Attached], AbstractContextManager[Any]] = BeatThread,
        jobs: Callable[[Attached, Keeper], KnownJobs] = KnownJobs,
    ) -> None:
        self._at, self._settings, self._clock = at, settings, at.host.monotonic
        self._make_bench, self._make_beats = bench, beats
        pace = at.drop.capabilities
        self._poll_s = settings.poll_s or pace.poll_s
        self._beat_s = settings.beat_s or pace.beat_s
        self._rivals, self._trouble = Rivals(at, self._poll_s), Trouble(self._poll_s)
        self._keeper, self._drains = Keeper(at.host), DrainWatch(at)
        self._jobs = jobs(at, self._keeper)
        self._refusals = Refusals(at)
        self._looked_at_own: float | None = None
        self._looks_all_at = -math.inf
        self._kinds = kinds_of(settings.kinds)
        self._bench: Workbench | None = None
        self._beater, self._failures = Beater(at, self._beat_s), 0
        self._rests_until: float | None = None
        self._ending: Ending | None = None
        self._card: WorkerCard | None = None

    def stop(self, why: str = "the worker was asked to stop") -> None:
        """Release the current job, if any, and end after this step. Safe to call from a signal handler."""
        self._end_for(Ending(Reason.STOPPED, why))

    def serve(self) -> Ending:
        """Serve until stopped, idle for too long, or (with `once`) until nothing is left; return why it ended.

        The drop is closed then, and the workbench let go.
        """
        with contextlib.ExitStack() as at_the_end:
            at_the_end.callback(self._at.drop.close)
            at_the_end.callback(self.end)
            watch = self._at.drop.watch()
            at_the_end.callback(watch.close)
            self.begin()
            with self._make_beats(self._beater, self._at):
                ending = self._repeat(watch)
            log.info("worker %s ends: %s", self._at.worker, ending.text)
            self._beater.say_last()
        return ending

    def begin(self) -> None:
        """Start the bench and announce what can be done here; from now on `step` takes jobs."""
        self._bench = self._make_bench(self._kinds, self._settings.model_places())
        self._card = announce(self._at, self._bench.abilities(), self._beat_s, self._settings.session_s)

    def end(self) -> None:
        """Let go of the bench and of what is kept."""
        if self._bench is not None:
            self._bench.close()
        self._keeper.close()

    def _repeat(self, watch: Watch) -> Ending:
        idle_since = self._clock()
        while (ending := self._why_end(idle_since)) is None:
            if self._safe_step(watch.changed()):
                idle_since = self._clock()
            elif self._settings.once:
                return self._ending or NOTHING_LEFT
            else:
                watch.wait(self._poll_s)
        return ending

    def _end_for(self, ending: Ending) -> None:
        """End after this step; the first reason holds."""
        self._ending = self._ending or ending

    def _why_end(self, idle_since: float) -> Ending | None:
        if parent_is_gone(self._settings.exit_with_parent):
            self._end_for(ORPHANED)
        limit = self._settings.idle_exit_s
        if limit is not None and self._clock() - idle_since > limit:
            self._end_for(Ending(Reason.IDLE, f"no job for {limit:.0f} s"))
        return self._ending

    def _safe_step(self, changed: frozenset[str] | None = None) -> bool:
        try:
            worked = self.step(self._clock(), changed)
        except ChannelError as error:
            self._trouble.met(error)
            return False
        self._trouble.over()
        return worked

    def step(self, now: float, changed: frozenset[str] | None = None) -> bool:
        """Look at the drop once, and work on what can be taken. Return whether there was anything.

        With `changed`, the names under which something changed since the last step, the others are looked at only now
        and then: those of jobs that are over may be very many.
        """
        worked = False
        for job in self._where_to_look(now, changed):
            self._look_for_drain(self._clock())
            if self._ending is not None:
                break
            worked |= self._safe_try(job, self._clock())
        return worked

    def _where_to_look(self, now: float, changed: frozenset[str] | None) -> list[str]:
        """Return the jobs that may have news: all of them, or those that changed and those that are not over."""
        self._look_for_drain(now)
        if changed is not None and PROBES not in changed and now < self._looks_all_at:
            return sorted(self._jobs.not_over | {name for name in changed if is_job_id(name)})
        root = self._at.drop.list("")
        self._looks_all_at = now + LOOK_AT_ALL_S
        self._beater.echo(newest_probe(self._at, root))
        self._refusals.refuse_misnamed(root)
        names = [entry.name for entry in root if entry.is_folder and is_job_id(entry.name)]
        if any(entry.name == DROP_CARD for entry in root):
            self._jobs.forget_removed(names, now)
        return sorted(names)

    def _safe_try(self, job: str, now: float) -> bool:
        """Try a job; one that the channel, this disk or a mistake of ours is against keeps it from no other."""
        try:
            return self._try(job, now)
        except ChannelError as error:
            log.warning("job %s cannot be read now: %s", job, error)
        except (OursError, OSError) as error:
            log.warning("job %s cannot be worked on here now: %s", job, error)
        except Exception as error:
            self._jobs.leave_alone(job, error, now)
        return False

    def _look_for_drain(self, now: float) -> None:
        """End after this step when somebody asks this session to; older requests were for another one."""
        if self._looked_at_own is not None and now - self._looked_at_own < self._beat_s:
            return
        asked, self._looked_at_own = self._drains.asked(), now
        if asked:
            self._end_for(DRAINED)

    def _try(self, job: str, now: float) -> bool:
        """Take a job and work on it, if it is open and this worker can do it."""
        memory = self._jobs.memory(job)
        if memory.closed:
            return False
        try:
            seen = memory.reader.look()
        except NameMissing:
            return False
        self._keeper.serve(job, seen)
        if self._refusals.refuse(memory, seen, self._beat_s * LEASE_BEATS, now):
            return False
        if seen.request is None:
            memory.tell_once(seen.too_new)
            return False
        # Plain markers beside a full request are an old worker's, and prove nothing (FORMAT.md, the simple form).
        if seen.request.job is None and (seen.plain_done or seen.plain_error):
            memory.closed = True
            return False
        memory.waits = self._at.waits(seen.request.job)
        terms, limits = self._terms(seen.request)
        lapsed = self._rivals.lapsed(seen, terms, limits, now) | self._end_own(memory, seen)
        standing = judge(seen, lapsed=lapsed)
        if standing.state in TERMINAL:
            memory.closed = True
            return False
        if standing.state not in OPEN_TO_CLAIMS or memory.turn_is_taken(seen, terms.lease_s, now):
            return False
        if not self._wants(memory, seen, now):
            return False
        assignment = self._claim(memory, seen, terms, limits, lapsed)
        if assignment is None:
            return False
        assert self._bench is not None  # begin made it
        ask = self._why_stop(memory, assignment, terms)
        outcome = AttemptRun(self._at, self._bench, self._beater, assignment, ask).run()
        self._finish(memory, assignment.attempt.nonce, outcome)
        return True

    def _end_own(self, memory: JobMemory, seen: Observation) -> frozenset[str]:
        """End the open attempts of this very session: it is at none of them, or it would not be looking."""
        if memory.job in self._keeper.jobs:
            return frozenset()  # delivered; the marker is not to be seen yet
        own = [attempt for attempt in open_attempts(seen) if seen.claims[attempt].boot == self._at.boot]
        for attempt in own:
            if attempt.nonce not in memory.given_up:
                self._say_end(memory, attempt, seen.claims[attempt].digest)
        return frozenset(attempt.nonce for attempt in own)

    def _say_end(self, memory: JobMemory, attempt: Attempt, digest: str) -> None:
        """Write why an attempt ended, or that it is not worked on; what cannot be said now is tried at each look."""
        say_why = memory.unsaid.get(attempt.nonce)
        try:
            say_why() if say_why else give_up(self._at, memory.job, attempt, digest)
        except ChannelError as error:
            memory.warn_once(f"the end of attempt {attempt.n} cannot be said, and is tried again: {error}")
            return
        memory.given_up.add(attempt.nonce)
        memory.unsaid.pop(attempt.nonce, None)

    def _terms(self, request: Request) -> tuple[ClaimTerms, Limits]:
        if (offer := request.job) is not None:
            # Who claims under a longer lease than these terms say, for being elsewhere, is known to the leases.
            settle_s = max(offer.claim.settle_s, self._at.waits(offer).settle_s)
            if self._at.drop.capabilities.local and offer.where is None:
                settle_s = 0  # turns are taken exclusively here, and nobody says that anybody is elsewhere
            return offer.claim.model_copy(update={"settle_s": settle_s}), offer.limits
        pace = self._at.drop.capabilities
        return ClaimTerms(settle_s=pace.settle_s, lease_s=pace.beat_s * LEASE_BEATS), Limits()

    def _wants(self, memory: JobMemory, seen: Observation, now: float) -> bool:
        rests = self._rests_until is not None and now < self._rests_until
        if rests or self._card is None:
            return False
        quiet_s = max(self._beat_s * LEASE_BEATS, memory.waits.lease_s)
        return wants(self._at, self._card, memory, seen, quiet_s, now)

    def _claim(
        self, memory: JobMemory, seen: Observation, terms: ClaimTerms, limits: Limits, lapsed: frozenset[str]
    ) -> Assignment | None:
        """Claim an open job and settle who does it; None when another worker does, or nobody can any more."""
        request, n = seen.request, next_attempt_number(seen)
        assert request is not None  # _try looked
        if n is None:
            memory.tell_once(f"its attempt numbers are used up: the highest, {LAST_ATTEMPT}, was seen")
            memory.closed = True
            return None
        offer = request.job
        digest = offer.digest if offer else codec.digest(PLAIN_KIND, request.params, {}, {})
        attempt = take(self._at, memory.job, n, digest)
        if attempt is None:
            return None
        assignment = Assignment(
            job=memory.job,
            kind=offer.kind if offer else PLAIN_KIND,
            request=request,
            attempt=attempt,
            digest=digest,
            limits=limits,
            lease_s=terms.lease_s,
            leftover=memory.leftover,
            ended=ended_parts(seen, lapsed),
        )
        if self._settled(attempt, memory, terms, limits):
            return assignment
        log.info("another worker does attempt %d at %s", attempt.n, memory.job)
        give_up(self._at, memory.job, attempt, digest)
        return None

    def _settled(self, attempt: Attempt, memory: JobMemory, terms: ClaimTerms, limits: Limits) -> bool:
        """Wait until rival claims can be seen, look twice, and say whether this claim won."""
        if terms.mode == "single" or (self._at.drop.capabilities.local and not terms.settle_s):
            return True  # there is nobody else, or the turn was taken exclusively
        if terms.mode == "prefer" and terms.prefer == self._at.worker and attempt.n == 1:
            return True  # the others leave it the first attempt
        for _ in range(2):
            self._at.host.sleep(terms.settle_s / 2)
            seen = persist(self._at.host, f"the claims of {memory.job}", memory.reader.look, for_s=terms.lease_s / 2)
            if not elected(attempt, seen, self._rivals.lapsed(seen, terms, limits, self._clock())):
                return False
        return True

    def _why_stop(self, memory: JobMemory, assignment: Assignment, terms: ClaimTerms) -> Callable[[Held], str | None]:
        """Return the question an attempt asks now and then, telling how far it is: should this end, and why?"""
        attempt, limits = assignment.attempt, assignment.limits
        looked_at_kept = self._clock()

        def ask(held: Held) -> str | None:
            nonlocal looked_at_kept
            if parent_is_gone(self._settings.exit_with_parent):
                self._end_for(ORPHANED)
            if self._ending is not None:
                return self._ending.text
            now = self._clock()
            try:
                if now - looked_at_kept >= KEPT_LOOK_BEATS * self._beat_s:
                    looked_at_kept = now
                    self._jobs.serve_kept(now)
                seen = memory.reader.look()
                lapsed = self._rivals.lapsed(seen, terms, limits, now)
            except ChannelError:
                return None  # absence is no evidence, and an error is none either (R12)
            if seen.cancelled or seen.accepted or attempt.nonce in seen.rejected:
                return "cancelled"
            rival = self._rivals.ahead(attempt, held.done, seen, lapsed)
            return further(rival, held) if rival else None

        return ask

    def _finish(self, memory: JobMemory, nonce: str, outcome: Outcome) -> None:
        """Remember how an attempt ended; a worker that fails everything stops taking jobs from the others."""
        code = outcome.code
        if outcome.delivered is not None:
            self._keeper.keep(memory.job, outcome.delivered)
        if outcome.unsaid is not None:
            memory.unsaid[nonce] = outcome.unsaid
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
