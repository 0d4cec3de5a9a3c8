"""One job from its offer to its end, as its owner sees it: one look a step, and the only judge of its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dispatcher.drops.worker_registry import WorkerRegistry
from dispatcher.jobs import explain, explain_untaken, simple_form
from dispatcher.jobs.arrivals import Arrivals
from dispatcher.jobs.failure_policy import FailurePolicy
from dispatcher.jobs.finish import RunFinisher
from dispatcher.jobs.intake import ResultIntake
from dispatcher.jobs.job import FINISHED, Explanation, Progress, Result, Why
from dispatcher.jobs.missing import MissingJob
from dispatcher.jobs.outbox import Outbox
from dispatcher.jobs.recording import Recorder
from dispatcher.jobs.snapshot import JobSnapshot
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.drop import Drop
from protocol.errors import ChannelError, JobCancelled, NameMissing, StorageFull
from protocol.layout import Attempt
from protocol.messages import Offer
from protocol.observation import JobReader, Observation
from protocol.signing import ANONYMOUS, Identity
from protocol.states import OPEN_TO_CLAIMS, TERMINAL, Standing, State, delivered, judge
from protocol.transports.host import SYSTEM, Host

ROOM_AGAIN_S = 10.0
"""How long after this machine's disk was found full it is tried again."""

_STATES = {"running": State.RUNNING, "verifying": State.DELIVERED}
"""How a run that another process attends to stands, by its status."""


class Lifecycle:
    """Follows one run. `step` looks once and does what the look calls for; `result` is there once accepted."""

    def __init__(
        self,
        drop: Drop,
        store: RunStore,
        run: Run,
        expected: Mapping[str, str],
        results: Path,
        workforce: WorkerRegistry,
        host: Host = SYSTEM,
        identity: Identity = ANONYMOUS,
        started_here: bool = False,
    ) -> None:
        self._wall = host.wall
        self._drop, self._store, self._run, self._expected, self._results = drop, store, run, expected, results
        request = codec.decode_request(run.request, drop=run.drop_id, job=run.job)
        self._offer: Offer = request.job
        self._reader = JobReader(drop, run.drop_id, run.job, identity.trust)
        self._workforce, self._leases = workforce, workforce.leases
        self._unreached_at: float | None = None  # since when the offer is not seen, or not taken
        self._no_room: tuple[float, Explanation] | None = None  # since when, and how that is said
        self._outbox = Outbox(drop, store, run, host, identity.key)
        self._recorder = Recorder(store, run)
        self._sight: JobSnapshot | None = None
        self._is_lost = False
        self._verdict = verdict = RunFinisher(store, run, self._outbox, host.wall)
        self._absence = MissingJob(drop, run, verdict, workforce.waits)
        self._arrivals = Arrivals()
        self._taking = ResultIntake(
            drop,
            self._offer,
            expected,
            results,
            outbox=self._outbox,
            recorder=self._recorder,
            verdict=verdict,
            arrivals=self._arrivals,
        )
        plain = simple_form.LegacyLook(drop, run.job, request.params, self._offer, results)
        self._weighing = FailurePolicy(run, plain, verdict, workforce, self._arrivals, started_here=started_here)

    @property
    def result(self) -> Result | None:
        """The verified result, once it is accepted."""
        return self._verdict.result

    @property
    def is_lost(self) -> bool:
        """Say whether the offer, or the answer to it, did not get through: the run must be offered again."""
        return self._is_lost or self._weighing.is_lost

    @property
    def has_moved(self) -> bool:
        """Say whether the run was offered again, as another job: this one is nobody's any more."""
        return self._verdict.has_moved

    def step(self, waited_s: float, now: float) -> Progress:
        """Look once and act. Raises the error the job ended with, if it ended without a result.

        A drop that cannot be reached is no end: the progress says so, and a later step goes on when it is back.
        """
        if self._verdict.is_in():
            return self._progress(Standing(State.ACCEPTED), waited_s, now, FINISHED)
        try:
            self._outbox.flush()
            seen = self._reader.look()
            self._absence.is_over()
            self._look_at_workers(seen, now)
            if seen.is_requested:
                self._absence.was_seen()
            standing = self._judge(seen, now)
            self._sight = snapshot = self._take_in(standing, seen, now)
            why = self._act_if_room(snapshot) or explain.explain(snapshot)
            if self.result is None:
                self._recorder.look(snapshot, why)
        except NameMissing:
            standing, why = Standing(State.UNSEEN), self._absence.unseen(self._sight, now, self._wall())
        except ChannelError as error:
            standing, why = Standing(State.CHANNEL_LOST), self._absence.unreachable(error, now, self._wall())
        self._notice_loss(why.code, now)
        return self._progress(standing, waited_s, now, why)

    def read(self, waited_s: float, now: float) -> Progress:
        """Say how the run stands by the database alone, while another process acts for it; raises as `step` does."""
        if self._verdict.is_in():
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
            text=f"{run.status}; another process here waits for it ({run.monitor or 'just ending'})",
        )

    def _notice_loss(self, why: Why, now: float) -> None:
        """Take note when an offer stays unseen, by us or by workers who could take it, for longer than any delay."""
        patience = {
            Why.UPLOAD_UNFINISHED: self._drop.capabilities.limits.unsent_s,
            Why.WORKER_READY: self._workforce.waits().untaken_s,
        }
        if self._run.status == "pending" or why not in patience:
            self._unreached_at = None
            return
        self._unreached_at = now if self._unreached_at is None else self._unreached_at
        if now - self._unreached_at > patience[why]:
            self._is_lost = True

    @property
    def has_rest(self) -> bool:
        """Say whether something that was decided could not be said to the drop yet."""
        return self._outbox.has_rest

    def say_rest(self) -> None:
        """Say to the drop what was decided and did not get through: a worker keeps its outputs until it hears of it."""
        self._outbox.flush()

    @property
    def attempts(self) -> int:
        """How many attempts the last look that succeeded showed."""
        return len(self._sight.seen.claims) if self._sight else 0

    def signs_of_life(self) -> tuple[str, ...]:
        """Return when each worker of this drop was last heard of, as of the last look that succeeded."""
        return explain_untaken.signs_of_life(replace(self._sight, wall=self._wall())) if self._sight else ()

    def _judge(self, seen: Observation, now: float) -> Standing:
        lapsed = self._leases.lapsed(seen, self._offer.claim, self._offer.limits, now)
        return judge(seen, lapsed=lapsed, beating=self._leases.beating())

    def _take_in(self, standing: Standing, seen: Observation, now: float) -> JobSnapshot:
        return JobSnapshot(
            standing=standing,
            seen=seen,
            offer=self._offer,
            workers=self._workforce.seen,
            leases=self._leases,
            outputs=len(self._expected),
            drop=self._run.drop,
            job=self._run.job,
            now=now,
            wall=self._wall(),
        )

    def cancel(self, reason: str) -> bool:
        """Commit the cancellation and mirror it; False when the job had ended before."""
        return self._verdict.cancel(reason)

    def _act_if_room(self, snapshot: JobSnapshot) -> Explanation | None:
        """Act. Where this machine has no room for a result, which is kept in the drop, wait and try now and then."""
        if snapshot.standing.state not in OPEN_TO_CLAIMS:
            self._weighing.is_held()
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
        """Do what a standing calls for; return what the wait is for where there is more to say than the standing."""
        seen = snapshot.seen
        if snapshot.standing.state not in TERMINAL and (taken := self._taking.take_late(snapshot)) is not None:
            return taken
        match snapshot.standing.state, snapshot.standing.attempt:
            case State.DELIVERED, Attempt() as attempt:
                return self._taking.take(attempt, snapshot)
            case State.ACCEPTED, _ if seen.accepted:
                meant = [attempt for attempt in seen.done if attempt.nonce == seen.accepted.nonce]
                return self._taking.take(meant[0], snapshot) if meant else self._weighing.weigh(snapshot)
            case State.CANCELLED, _:
                reason = seen.cancelled.reason if seen.cancelled else ""
                self._verdict.fail("cancelled", "CANCELLED", reason, JobCancelled, snapshot)
            case ((State.FAILED | State.STALE | State.OFFERED), _):
                return self._weighing.weigh(snapshot)
            case ((State.CLAIMED | State.RUNNING), _):
                return self._weighing.weigh_at_work(snapshot)
        return None

    def _look_at_workers(self, seen: Observation, now: float) -> None:
        """Take note of claims and of the beats of every worker there is."""
        for claim in seen.claims.values():
            self._leases.saw_claim(claim, now)
        known = self._workforce.cards()
        if not delivered(seen) or any(
            claim.boot not in known for claim in seen.claims.values()
        ):  # else no beat matters
            self._workforce.look(now, {attempt.worker for attempt in seen.claims})
        for attempt in self._arrivals.look(seen, now):
            if (boot := self._leases.boot_of(attempt.nonce)) is not None:
                self._leases.saw_growth(boot, now)

    def _progress(self, standing: Standing, waited_s: float, now: float, why: Explanation) -> Progress:
        attempt = standing.attempt
        held = self._leases.held(attempt.nonce) if attempt else None
        boot = self._leases.boot_of(attempt.nonce) if attempt else None
        done, total = (held.done, held.total) if held else (0, 0)
        if why.code is Why.FINISHED:  # a result that is here is all of it, whatever the last beat said
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
