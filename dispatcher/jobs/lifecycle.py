"""One job from its offer to its end, as its owner sees it. Each step looks once and acts; only this side accepts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from dispatcher.drops.session import DropSession
from dispatcher.drops.worker_registry import WorkerRegistry
from dispatcher.formatting import rough_time
from dispatcher.jobs import explain, explain_untaken, simple_form
from dispatcher.jobs.arrivals import Arrivals
from dispatcher.jobs.failure_policy import FailurePolicy
from dispatcher.jobs.finish import RunFinisher
from dispatcher.jobs.intake import ResultIntake
from dispatcher.jobs.job import FINISHED, Explanation, Progress, Result, Why
from dispatcher.jobs.outbox import Outbox
from dispatcher.jobs.recording import RunRecorder
from dispatcher.jobs.snapshot import JobSnapshot
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.absence import Missing
from protocol.drop import Drop, TimeLimits
from protocol.errors import ChannelError, EnvironmentNotReady, JobCancelled, NameMissing, StorageFull
from protocol.layout import Attempt
from protocol.messages import Offer
from protocol.observation import Observation, read_drop_id
from protocol.states import OPEN_TO_CLAIMS, TERMINAL, Standing, State, delivered, judge
from protocol.transports.host import SYSTEM, Host

ROOM_AGAIN_S = 10.0
"""How long to wait before a result is fetched again after this machine's disk was full."""

_STATES = {"running": State.RUNNING, "verifying": State.DELIVERED}
"""The state shown for a run that another process acts for, by its status."""


class MissingJob:
    """Explains a missing folder and an unreachable drop: neither ends a job by itself (FORMAT.md R12)."""

    def __init__(self, drop: Drop, run: Run, finisher: RunFinisher, waits: Callable[[], TimeLimits]) -> None:
        self._drop, self._run, self._finisher, self._waits = drop, run, finisher, waits
        self._lost_at: float | None = None  # when the drop became unreachable
        self._missing = Missing()  # from the drop, which answers
        self._was_seen = False

    def found(self) -> None:
        """Note a look that succeeded."""
        self._lost_at = None
        self._missing.found()

    def request_seen(self) -> None:
        """Note that the request was in the drop: only then can a missing folder have been deleted."""
        self._was_seen = True

    def unseen(self, snapshot: JobSnapshot | None, now: float, wall: float) -> Explanation:
        """Explain a folder that cannot be seen, or end its job; `snapshot` is from the last successful look."""
        try:
            found = read_drop_id(self._drop, self._run.drop)
        except ChannelError as error:
            return self.unreachable(error, now, wall)
        except EnvironmentNotReady as error:
            return explain.not_a_drop(error, self._run.drop)
        if found != self._run.drop_id:
            return explain.another_drop(found, self._run.drop_id, self._run.drop)
        if self._run.status == "pending" or not self._was_seen:  # what never arrived cannot have been deleted
            return explain.not_sent(sent=self._run.status != "pending")
        return self._gone(snapshot, now)

    def _gone(self, snapshot: JobSnapshot | None, now: float) -> Explanation:
        gone_s = self._waits().gone_s
        if self._missing.missed(now, gone_s):
            text = "its folder was deleted from the drop"
            self._finisher.fail("cancelled", "CANCELLED", text, JobCancelled, snapshot)
        text = f"the drop answers, but the job's folder {self._run.job} is missing"
        left = rough_time(self._missing.left_s(now, gone_s))
        hint = f"The job is cancelled if the folder stays missing for {left} more"
        return Explanation(code=Why.FOLDER_GONE, text=text, hint=hint)

    def unreachable(self, error: ChannelError, now: float, wall: float) -> Explanation:
        """Explain a drop that cannot be reached."""
        self._lost_at = now if self._lost_at is None else self._lost_at
        return explain.unreachable(error, self._run.drop, now - self._lost_at, wall)


class Lifecycle:
    """Follows one run. `step` looks once and acts on what it sees; `result` is set once a result is accepted."""

    def __init__(
        self,
        session: DropSession,
        store: RunStore,
        run: Run,
        expected: Mapping[str, str],
        results: Path,
        workers: WorkerRegistry,
        host: Host = SYSTEM,
        *,
        started_here: bool = False,
    ) -> None:
        self._wall, drop = host.wall, session.drop
        self._drop, self._store, self._run, self._expected, self._results = drop, store, run, expected, results
        request = codec.decode_request(run.request, drop=run.drop_id, job=run.job)
        self._offer: Offer = request.job
        self._reader = session.reader(run.job)
        self._workers, self._leases = workers, workers.leases
        self._unreached_at: float | None = None  # since when the offer has been invisible, or not taken
        self._no_room: tuple[float, Explanation] | None = None  # since when the disk is full, and the explanation
        self._outbox = Outbox(session, store, run, host)
        self._recorder = RunRecorder(store, run)
        self._snapshot: JobSnapshot | None = None
        self._is_lost = False
        self._finisher = finisher = RunFinisher(store, run, self._outbox, host.wall)
        self._missing_job = MissingJob(drop, run, finisher, workers.waits)
        self._arrivals = Arrivals()
        self._intake = ResultIntake(
            drop,
            self._offer,
            expected,
            results,
            outbox=self._outbox,
            recorder=self._recorder,
            finisher=finisher,
            arrivals=self._arrivals,
        )
        plain = simple_form.SimpleFormReader(drop, run.job, request.params, self._offer, results)
        self._policy = FailurePolicy(run, plain, finisher, workers, self._arrivals, started_here=started_here)

    @property
    def result(self) -> Result | None:
        """The verified result, once it is accepted."""
        return self._finisher.result

    @property
    def is_lost(self) -> bool:
        """Say whether the offer, or the answer to it, was lost: the run must be offered again."""
        return self._is_lost or self._policy.is_lost

    @property
    def has_moved(self) -> bool:
        """Say whether the run has been offered again as another job, which replaces this one."""
        return self._finisher.has_moved

    def step(self, waited_s: float, now: float) -> Progress:
        """Look once and act. Raises the error the job ended with, if it ended without a result.

        An unreachable drop does not end the job: the progress says so, and a later step continues when it is back.
        """
        if self._finisher.load_end():
            return self._progress(Standing(State.ACCEPTED), waited_s, now, FINISHED)
        try:
            self._outbox.flush()
            seen = self._reader.look()
            self._missing_job.found()
            self._look_at_workers(seen, now)
            if seen.is_requested:
                self._missing_job.request_seen()
            standing = self._judge(seen, now)
            self._snapshot = snapshot = self._snapshot_of(standing, seen, now)
            why = self._act_if_room(snapshot) or explain.explain(snapshot)
            if self.result is None:
                self._recorder.look(snapshot, why)
        except NameMissing:
            standing, why = Standing(State.UNSEEN), self._missing_job.unseen(self._snapshot, now, self._wall())
        except ChannelError as error:
            standing, why = Standing(State.CHANNEL_LOST), self._missing_job.unreachable(error, now, self._wall())
        self._note_loss(why.code, now)
        return self._progress(standing, waited_s, now, why)

    def read(self, waited_s: float, now: float) -> Progress:
        """Return the progress from the database alone: another process acts for the run. Raises as `step` does."""
        if self._finisher.load_end():
            return self._progress(Standing(State.ACCEPTED), waited_s, now, FINISHED)
        run = self._store.get(self._run.id)
        return Progress(
            run=run.id,
            state=_STATES.get(run.status, State.OFFERED),
            waited_s=waited_s,
            worker=run.worker,
            done=run.progress_done,
            total=run.progress_total,
            note=run.progress_note,
            why=Why.ATTENDED,
            text=f"{run.status}; another process on this machine follows it ({run.monitor or 'just ending'})",
        )

    def _note_loss(self, why: Why, now: float) -> None:
        """Mark the offer as lost once we, or workers able to take it, have not seen it for longer than any delay."""
        limits_s = {
            Why.UPLOAD_UNFINISHED: self._drop.capabilities.limits.unsent_s,
            Why.WORKER_READY: self._workers.waits().untaken_s,
        }
        if self._run.status == "pending" or why not in limits_s:
            self._unreached_at = None
            return
        self._unreached_at = now if self._unreached_at is None else self._unreached_at
        if now - self._unreached_at > limits_s[why]:
            self._is_lost = True

    @property
    def has_unwritten(self) -> bool:
        """Say whether a decision could not be written to the drop yet."""
        return self._outbox.has_unwritten

    def flush(self) -> None:
        """Write decisions to the drop that failed before: a worker keeps its outputs until it reads them."""
        self._outbox.flush()

    @property
    def attempts(self) -> int:
        """How many attempts the last successful look showed."""
        return len(self._snapshot.seen.claims) if self._snapshot else 0

    def signs_of_life(self) -> tuple[str, ...]:
        """Return when each worker of this drop was last heard of, as of the last successful look."""
        return explain_untaken.signs_of_life(replace(self._snapshot, wall=self._wall())) if self._snapshot else ()

    def _judge(self, seen: Observation, now: float) -> Standing:
        lapsed = self._leases.lapsed(seen, self._offer.claim, self._offer.limits, now)
        return judge(seen, lapsed=lapsed, beating=self._leases.beating())

    def _snapshot_of(self, standing: Standing, seen: Observation, now: float) -> JobSnapshot:
        return JobSnapshot(
            standing=standing,
            seen=seen,
            offer=self._offer,
            workers=self._workers.seen,
            leases=self._leases,
            outputs=len(self._expected),
            drop=self._run.drop,
            job=self._run.job,
            now=now,
            wall=self._wall(),
        )

    def cancel(self, reason: str) -> bool:
        """Commit the cancellation and write it to the drop; False when the job had ended before."""
        return self._finisher.cancel(reason)

    def _act_if_room(self, snapshot: JobSnapshot) -> Explanation | None:
        """Act; while this machine has no room for the result, leave it in the drop and retry now and then."""
        if snapshot.standing.state not in OPEN_TO_CLAIMS:
            self._policy.job_taken()
        if self._no_room is not None and snapshot.now - self._no_room[0] < ROOM_AGAIN_S:
            return self._no_room[1]
        try:
            why = self._act(snapshot)
        except StorageFull as error:
            why = explain.no_room(error, self._results)
            self._no_room = snapshot.now, why
        else:
            self._no_room = None
        return why

    def _act(self, snapshot: JobSnapshot) -> Explanation | None:
        """Act on the state of the job; return an explanation where the state alone does not say enough."""
        seen = snapshot.seen
        if snapshot.standing.state not in TERMINAL and (late := self._intake.accept_late(snapshot)) is not None:
            return late
        match snapshot.standing.state, snapshot.standing.attempt:
            case State.DELIVERED, Attempt() as attempt:
                return self._intake.accept(attempt, snapshot)
            case State.ACCEPTED, _ if seen.accepted:
                meant = [attempt for attempt in seen.done if attempt.nonce == seen.accepted.nonce]
                return self._intake.accept(meant[0], snapshot) if meant else self._policy.check_idle(snapshot)
            case State.CANCELLED, _:
                reason = seen.cancelled.reason if seen.cancelled else ""
                self._finisher.fail("cancelled", "CANCELLED", reason, JobCancelled, snapshot)
            case ((State.FAILED | State.STALE | State.OFFERED), _):
                return self._policy.check_idle(snapshot)
            case ((State.CLAIMED | State.RUNNING), _):
                return self._policy.check_working(snapshot)
        return None

    def _look_at_workers(self, seen: Observation, now: float) -> None:
        """Record the claims on the job and the heartbeats of every worker."""
        for claim in seen.claims.values():
            self._leases.saw_claim(claim, now)
        known = self._workers.cards()
        if not delivered(seen) or any(
            claim.boot not in known for claim in seen.claims.values()
        ):  # otherwise no heartbeat matters
            self._workers.look(now, {attempt.worker for attempt in seen.claims})
        for attempt in self._arrivals.look(seen, now):
            if (boot := self._leases.boot_of(attempt.nonce)) is not None:
                self._leases.saw_growth(boot, now)

    def _progress(self, standing: Standing, waited_s: float, now: float, why: Explanation) -> Progress:
        attempt = standing.attempt
        held = self._leases.held(attempt.nonce) if attempt else None
        boot = self._leases.boot_of(attempt.nonce) if attempt else None
        done, total = (held.done, held.total) if held else (0, 0)
        if why.code is Why.FINISHED:  # the result is complete, whatever the last heartbeat said
            done = total = max(total, 1)
        return Progress(
            run=self._run.id,
            state=standing.state,
            waited_s=waited_s,
            attempt=attempt.n if attempt else 0,
            worker=attempt.worker if attempt else None,
            boot=boot,
            done=done,
            total=total,
            note=held.note if held else "",
            silent_s=self._leases.silence_s(boot, now) if boot else None,
            why=why.code,
            text=why.text,
            hint=why.hint,
        )
