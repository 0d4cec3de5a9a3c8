"""When a job without an active worker fails, and when it can still succeed (FORMAT.md R13)."""

from __future__ import annotations

from dispatcher.drops.worker_registry import WorkerRegistry
from dispatcher.formatting import listed, rough_time
from dispatcher.jobs import simple_form
from dispatcher.jobs.arrivals import Arrivals
from dispatcher.jobs.attempt_endings import Ending, endings, failed_workers
from dispatcher.jobs.finish import RunFinisher
from dispatcher.jobs.job import FINISHED, Explanation, Why
from dispatcher.jobs.snapshot import JobSnapshot, engine_hint, engine_missing, live_cards
from dispatcher.runs.record import Run, Status
from protocol.drop import TimeLimits
from protocol.errors import JobExpired, JobFailed
from protocol.layout import LAST_ATTEMPT
from protocol.states import next_attempt_number

RUNAWAY = 3
"""A job with an active worker is given up once this many times the allowed attempts have ended."""


class FailurePolicy:
    """Decides about one job at every look, and remembers how long each of its problems has lasted."""

    def __init__(
        self,
        run: Run,
        plain: simple_form.SimpleFormReader,
        finisher: RunFinisher,
        workers: WorkerRegistry,
        arrivals: Arrivals,
        *,
        started_here: bool = False,
    ) -> None:
        self._started_here = started_here  # the workers run in this interpreter
        self._run, self._plain, self._finisher = run, plain, finisher
        self._workers, self._arrivals = workers, arrivals
        self._since: dict[str, float] = {}  # problem → when it began
        self.is_lost = False  # a torn plain answer or the last attempt number blocks the folder: offer the job again

    def job_taken(self) -> None:
        """Note that a worker has the job: it is not waiting in the queue."""
        self._since.pop("idle", None)

    def check_idle(self, snapshot: JobSnapshot) -> Explanation | None:
        """Decide whether a job without an active worker can still succeed."""
        seen, offer = snapshot.seen, snapshot.offer
        answer = self._plain.look(seen, snapshot.now)
        if answer is not None and answer.ended:
            return self._take_plain(answer, snapshot)
        fatal = [f for f in seen.errors.values() if f.job and not f.job.retryable and f.job.code != "CANCELLED"]
        if fatal and fatal[0].job:
            told = fatal[0].plain
            self._finisher.fail("failed", fatal[0].job.code, told.error, JobFailed, snapshot, step=told.step)
        self._give_up_on_engine(snapshot)
        ended = endings(seen, snapshot.leases, offer, snapshot.now)
        if ended and (len(ended) >= offer.limits.attempts or _all_failed(snapshot)):
            return self._dead(ended, snapshot)
        self._since.pop("dead", None)  # another worker is here; if it fails too, late results get their time
        if answer is not None:
            return self._wait_for_plain(answer, snapshot)
        self._since.pop("plain", None)
        return self._expire(snapshot) or self._unclaimable(snapshot)

    def check_working(self, snapshot: JobSnapshot) -> Explanation | None:
        """End a job with an active worker if far more attempts have failed than were allowed."""
        ended = endings(snapshot.seen, snapshot.leases, snapshot.offer, snapshot.now)
        return self._dead(ended, snapshot) if len(ended) >= RUNAWAY * snapshot.offer.limits.attempts else None

    def _expire(self, snapshot: JobSnapshot) -> Explanation | None:
        """End a job that no worker claimed in time, one lease after announcing it: a claim may be on its way."""
        queue_s, now = snapshot.offer.limits.queue_s, snapshot.now
        untaken = not snapshot.seen.claims and snapshot.wall - self._run.created_at > queue_s
        if not untaken and now - self._since.setdefault("idle", now) <= queue_s:
            self._since.pop("expired", None)
            return None
        lease_s = max(snapshot.offer.claim.lease_s, self._waits(snapshot).lease_s)
        left = lease_s - (now - self._since.setdefault("expired", now))
        if left <= 0:
            self._finisher.fail("expired", "EXPIRED", f"no worker took it within {queue_s:.0f} s", JobExpired, snapshot)
        text = f"no worker took it within {queue_s:.0f} s; the job ends in {rough_time(left)}"
        return Explanation(code=Why.EXPIRING, text=text, hint="A worker that takes it before then is in time")

    def _unclaimable(self, snapshot: JobSnapshot) -> Explanation | None:
        """Give up a folder with no attempt number left, after the time for a late result: offer the job again (R1)."""
        if next_attempt_number(snapshot.seen) is not None:
            return None
        left_s = self._waits(snapshot).late_s - (snapshot.now - self._since.setdefault("used up", snapshot.now))
        self.is_lost = self.is_lost or left_s < 0
        text = f"no worker can take the job any more: the highest attempt number, {LAST_ATTEMPT}, is used"
        hint = f"It is offered again in {rough_time(max(0.0, left_s))}"
        return Explanation(code=Why.ATTEMPT_FAILED, text=text, hint=hint)

    def _give_up_on_engine(self, snapshot: JobSnapshot) -> None:
        """End a job that requires an engine which no live worker has had for a while."""
        why = engine_missing(snapshot.offer, snapshot.workers, snapshot.leases, snapshot.now)
        if why is None:
            self._since.pop("engine", None)
            return
        if snapshot.now - self._since.setdefault("engine", snapshot.now) >= self._waits(snapshot).engine_s:
            hint = engine_hint(snapshot.offer, started_here=self._started_here)
            self._finisher.fail("failed", "UNSUPPORTED", f"{why}; {hint}", JobFailed, snapshot)

    def _take_plain(self, answer: simple_form.Answer, snapshot: JobSnapshot) -> Explanation:
        """Accept a usable plain answer; a plain error ends the job unless a full worker may still do it."""
        if answer.folder is not None:
            ended = simple_form.ended(answer.folder)
            self._finisher.accept(answer.checksum[:16], answer.folder, None, answer.checksum, "legacy", ended)
            return FINISHED
        assert answer.error is not None  # it has ended
        able = _able(snapshot) - failed_workers(snapshot.seen)
        if not able:
            self._finisher.fail("failed", "ENGINE", answer.error, JobFailed, snapshot, step=answer.step)
        hint = f"Waiting for {listed(able)}, which may still succeed"
        return Explanation(code=Why.PLAIN_ERROR, text=answer.error.rstrip("."), hint=hint)

    def _wait_for_plain(self, answer: simple_form.Answer, snapshot: JobSnapshot) -> Explanation:
        """Wait for a plain answer to become usable. One that stays torn blocks the folder: offer the job again."""
        if snapshot.now - self._since.setdefault("plain", snapshot.now) > self._waits(snapshot).plain_s:
            self.is_lost = True
        return Explanation(code=Why.PLAIN_ANSWER, text=answer.text, hint="")

    def _waits(self, snapshot: JobSnapshot) -> TimeLimits:
        """Return the time limits for all live workers and those that have claimed the job."""
        return self._workers.waits(claim.boot for claim in snapshot.seen.claims.values())

    def _dead(self, ended: list[Ending], snapshot: JobSnapshot) -> Explanation:
        wait_s = self._waits(snapshot).dead_wait_s
        # While data of a rejected attempt still arrives, its result may become complete.
        waited = snapshot.now - max(self._since.setdefault("dead", snapshot.now), self._arrivals.last_grew() or 0.0)
        last = ended[-1]
        if waited >= wait_s:
            reasons = list(dict.fromkeys(f"{ending.code}: {ending.reason}" for ending in ended))
            text = "; ".join(reasons) if len(reasons) > 1 else last.reason
            status: Status = "crashed" if all(ending.is_crash for ending in ended) else "failed"
            self._finisher.fail(status, last.code, text, JobFailed, snapshot, step=last.step)
        text = f"{len(ended)} attempt(s) failed, the last with {last.code}: {last.reason.rstrip('.')}"
        hint = f"A late result may still arrive; the job ends in {rough_time(wait_s - waited)}"
        return Explanation(code=Why.ATTEMPT_FAILED, text=text, hint=hint)


def _all_failed(snapshot: JobSnapshot) -> bool:
    """Say whether every live worker of this kind has failed the job."""
    failed = failed_workers(snapshot.seen)
    return bool(failed) and _able(snapshot) <= failed


def _able(snapshot: JobSnapshot) -> set[str]:
    """Return the workers of this kind that are alive, judged by their leases."""
    cards = live_cards(snapshot.workers, snapshot.leases, snapshot.now)
    return {name for name, card in cards.items() if snapshot.offer.kind in card.kinds}
