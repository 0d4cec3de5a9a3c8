"""The worker: checks the drop, takes a job that it can do, does it, and repeats; one check per step."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from colab.attach import Attached, announce, parent_is_gone
from colab.attempt import AttemptOutcome, AttemptRun
from colab.bench import Bench, Workbench
from colab.cell import remounted
from colab.config import WorkerSettings
from colab.ending import DRAINED, NOTHING_LEFT, ORPHANED, DrainWatch, Reason, SessionEnding, SessionLimit
from colab.handlers import kinds_of
from colab.job_form import Assignment
from colab.job_memory import JobMemory
from colab.keeper import Keeper
from colab.known_jobs import KnownJobs
from colab.lease import Beater, BeatThread, newest_probe
from colab.models import ModelPlaces
from colab.refusing import Refusals
from colab.rivals import Rivals, further
from colab.taking import FAILED_AGAIN_S, Taker
from protocol.drop import Watch
from protocol.errors import ChannelError, OursError
from protocol.layout import DROP_CARD, PROBES, is_job_id
from protocol.messages import Held, WorkerCard

FAILURES_IN_A_ROW = 3
OWN_FAULT = frozenset({"ENGINE", "INTERNAL", "OUT_OF_MEMORY", "STORAGE"})
KEPT_LOOK_BEATS = 1
"""While a job runs, delivered ones are checked once per heartbeat: their owners may miss files."""

LOOK_AT_ALL_S = 30.0
"""Where events tell what changed, everything is still checked this often: events can be lost."""

log = logging.getLogger(__name__)


class DropFailures:
    """Logs that the drop does not answer: once when that begins or changes, and once when it is over."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._logged: str | None = None

    def failed(self, error: ChannelError) -> None:
        """Log a failed look, unless the one before failed in the same way."""
        text = str(error)
        if text != self._logged:
            end = "" if text.endswith((".", "?", "!")) else "."
            log.warning("%s%s Trying again every %.0f s.%s", text, end, self._every_s, remounted(error))
        self._logged = text

    def succeeded(self) -> None:
        """Log that the drop answers again, if it did not."""
        if self._logged is not None:
            log.info("the drop answers again")
        self._logged = None


class Worker:
    """Serves one drop until it is stopped. `step` is one check; `serve` repeats it."""

    def __init__(
        self,
        at: Attached,
        settings: WorkerSettings,
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
        self._rivals, self._failing = Rivals(at, self._poll_s), DropFailures(self._poll_s)
        self._keeper, self._drains = Keeper(at.host), DrainWatch(at)
        self._jobs = jobs(at, self._keeper)
        self._refusals = Refusals(at)
        self._taker = Taker(at, self._rivals, self._keeper, self._refusals, self._beat_s)
        self._session = SessionLimit(self._clock(), settings.session_s, settings.session_margin_s)
        self._drain_checked_at: float | None = None
        self._looks_all_at = -math.inf
        self._kinds = kinds_of(settings.kinds)
        self._bench: Workbench | None = None
        self._beater, self._failures = Beater(at, self._beat_s), 0
        self._rests_until: float | None = None
        self._ending: SessionEnding | None = None
        self._card: WorkerCard | None = None

    def stop(self, why: str = "the worker was asked to stop") -> None:
        """Release the current job, if any, and end after this step. Safe to call from a signal handler."""
        self._end_for(SessionEnding(Reason.STOPPED, why))

    def serve(self) -> SessionEnding:
        """Serve until stopped, idle for too long, or (with `once`) out of jobs; return why it ended.

        The drop and the workbench are closed then.
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
        """Start the bench and write the worker card; from now on `step` takes jobs."""
        self._bench = self._make_bench(self._kinds, self._settings.model_places())
        self._card = announce(self._at, self._bench.abilities(), self._beat_s, self._session.left_s(self._clock()))

    def end(self) -> None:
        """Close the bench and delete the results kept here."""
        if self._bench is not None:
            self._bench.close()
        self._keeper.close()

    def _repeat(self, watch: Watch) -> SessionEnding:
        idle_since = self._clock()
        while (ending := self._why_end(idle_since)) is None:
            if self._safe_step(watch.changed()):
                idle_since = self._clock()
            elif self._settings.once:
                return self._ending or NOTHING_LEFT
            else:
                watch.wait(self._poll_s)
        return ending

    def _end_for(self, ending: SessionEnding | None) -> None:
        """End after this step if there is a reason; the first one counts."""
        self._ending = self._ending or ending

    def _why_end(self, idle_since: float) -> SessionEnding | None:
        if parent_is_gone(self._settings.exit_with_parent):
            self._end_for(ORPHANED)
        limit = self._settings.idle_exit_s
        if limit is not None and self._clock() - idle_since > limit:
            self._end_for(SessionEnding(Reason.IDLE, f"no job for {limit:.0f} s"))
        return self._ending

    def _safe_step(self, changed: frozenset[str] | None = None) -> bool:
        try:
            worked = self.step(self._clock(), changed)
        except ChannelError as error:
            self._failing.failed(error)
            return False
        self._failing.succeeded()
        return worked

    def step(self, now: float, changed: frozenset[str] | None = None) -> bool:
        """Check the drop once, and do the jobs that can be taken. Return whether there were any.

        With `changed`, the names under which something changed since the last step, the others are checked only now and
        then: there may be very many finished jobs.
        """
        worked = False
        for job in self._where_to_look(now, changed):
            self._look_for_end(self._clock())
            if self._ending is not None:
                break
            worked |= self._safe_try(job, self._clock())
        return worked

    def _where_to_look(self, now: float, changed: frozenset[str] | None) -> list[str]:
        """Return the jobs to check: all of them, or those that changed and those that are not over."""
        self._look_for_end(now)
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
        """Try a job; an error of the channel, this disk or a bug must not keep the worker from the other jobs."""
        try:
            return self._try(job, now)
        except ChannelError as error:
            log.warning("job %s cannot be read now: %s", job, error)
        except (OursError, OSError) as error:
            log.warning("job %s cannot be done here now: %s", job, error)
        except Exception as error:
            self._jobs.leave_alone(job, error, now)
        return False

    def _look_for_end(self, now: float) -> None:
        """End after this step if the session's time is nearly over, or if a drain request asks for it."""
        self._end_for(self._session.ending(now, has_job=False))
        if self._drain_checked_at is not None and now - self._drain_checked_at < self._beat_s:
            return
        asked, self._drain_checked_at = self._drains.asked(), now
        if asked:
            self._end_for(DRAINED)

    def _try(self, job: str, now: float) -> bool:
        """Take a job and work on it, if it is open and this worker can do it."""
        memory = self._jobs.memory(job)
        card = None if self._rests_until is not None and now < self._rests_until else self._card
        assignment = self._taker.take(memory, card, now)
        if assignment is None:
            return False
        assert self._bench is not None  # begin made it
        ask = self._why_stop(memory, assignment)
        outcome = AttemptRun(self._at, self._bench, self._beater, assignment, ask).run()
        self._finish(memory, assignment.attempt.nonce, outcome)
        return True

    def _why_stop(self, memory: JobMemory, assignment: Assignment) -> Callable[[Held], str | None]:
        """Return what an attempt asks now and then, with its progress: should it stop, and why?"""
        attempt, form = assignment.attempt, assignment.form
        looked_at_kept = self._clock()

        def ask(held: Held) -> str | None:
            nonlocal looked_at_kept
            now = self._clock()
            if parent_is_gone(self._settings.exit_with_parent):
                self._end_for(ORPHANED)
            self._end_for(self._session.ending(now, has_job=True))
            if self._ending is not None:
                return self._ending.text
            try:
                if now - looked_at_kept >= KEPT_LOOK_BEATS * self._beat_s:
                    looked_at_kept = now
                    self._jobs.serve_kept(now)
                seen = memory.reader.look()
                lapsed = self._rivals.lapsed(seen, form.terms, form.limits, now)
            except ChannelError:
                return None  # neither absence nor an error proves anything (R12)
            if seen.cancelled or seen.accepted or attempt.nonce in seen.rejected:
                return "cancelled"
            rival = self._rivals.ahead(attempt, held.done, seen, lapsed)
            return further(rival, held) if rival else None

        return ask

    def _finish(self, memory: JobMemory, nonce: str, outcome: AttemptOutcome) -> None:
        """Record how an attempt ended; a worker that keeps failing stops taking jobs away from the others."""
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
            log.error(
                "%d jobs in a row failed here: this worker takes no jobs for %.0f minutes",
                FAILURES_IN_A_ROW,
                FAILED_AGAIN_S / 60,
            )
