"""One job from its offer to its end, as its owner sees it: one look a step, and the only judge of its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from dispatcher import accept, legacy, silence, untaken
from dispatcher.endings import Ending, endings, failed_workers
from dispatcher.jobs import Explanation, Progress, Result, Why
from dispatcher.outbox import Outbox
from dispatcher.recording import LARGE_BYTES, Recorder, attempts_of, outputs_of, size_of
from dispatcher.runs.record import NOTHING_MORE, AttemptRecord, Ended, Run, Status
from dispatcher.runs.store import RunStore
from dispatcher.sight import Sight, engine_missing, living
from dispatcher.wording import for_people, listed
from dispatcher.workforce import Workforce
from protocol import codec
from protocol.drop import Drop
from protocol.errors import (
    ChannelError,
    EnvironmentNotReady,
    JobCancelled,
    JobExpired,
    JobFailed,
    NameMissing,
    VerificationError,
)
from protocol.layout import LAST_ATTEMPT, Attempt
from protocol.messages import EngineRecord, Offer
from protocol.seen import JobReader, Seen, read_drop_id
from protocol.signing import ANONYMOUS, Identity
from protocol.states import OPEN_TO_CLAIMS, Standing, State, delivered, judge, next_attempt_number
from protocol.transports.host import SYSTEM, Host

PATIENCE_LOCAL_S = 10.0
PATIENCE_REMOTE_S = 600.0
"""How long data may come after its marker before the attempt is rejected."""

PLAIN_LOCAL_S = 90.0
"""How long a plain answer may be unusable on one machine; it is looked at twice, half a minute apart, at best."""

NEED_AT = (0.1, 0.4)
"""After which parts of that patience the worker is asked to publish again what is missing."""

ENGINE_LOCAL_S = 2.0
ENGINE_REMOTE_S = 120.0
"""How long a required engine may be missing before the job is given up: a worker may just be starting."""

UNTAKEN_S = 1200.0
"""How long able workers may leave an offer alone, on a remote drop, before it counts as lost on its way to them."""

RUNAWAY = 3
"""So many times the attempts that were allowed may end before a job is dead although somebody is at it again."""

DEAD_WAIT_S = 900.0
GONE_LOOKS = 3
GONE_LOCAL_S = 2.0
GONE_REMOTE_S = 600.0

_STATES = {"running": State.RUNNING, "verifying": State.DELIVERED}
"""How a run that another process attends to stands, by its status."""

_FINISHED = Explanation(code=Why.FINISHED, text="the verified result is here")


class Lifecycle:
    """Follows one run. `step` looks once and does what the look calls for; `result` is there once accepted."""

    def __init__(
        self,
        drop: Drop,
        store: RunStore,
        run: Run,
        expected: Mapping[str, str],
        results: Path,
        workforce: Workforce,
        host: Host = SYSTEM,
        identity: Identity = ANONYMOUS,
    ) -> None:
        self._wall = host.wall
        self._drop, self._store, self._run, self._expected, self._results = drop, store, run, expected, results
        request = codec.decode_request(run.request, drop=run.drop_id, job=run.job)
        assert request.job is not None  # this dispatcher writes full requests only
        self._offer: Offer = request.job
        self._reader = JobReader(drop, run.drop_id, run.job, identity.trust)
        self._workforce, self._leases = workforce, workforce.leases
        self._since: dict[str, float] = {}  # what is being waited for → since when
        self._needs: dict[str, int] = {}  # nonce → how often its outputs were asked for again
        self._gone_looks = 0
        self._outbox = Outbox(drop, store, run, host, identity.key)
        self._recorder = Recorder(store, run)
        self._sight: Sight | None = None
        self._legacy = legacy.LegacyLook(drop, run.job, request.params, self._offer, results)
        self._was_seen = False
        self.result: Result | None = None
        self.is_lost = False  # the offer did not get through: the run must be offered again
        self.has_moved = False  # it was, as another job: this one is nobody's any more

    def step(self, waited_s: float, now: float) -> Progress:
        """Look once and act. Raises the error the job ended with, if it ended without a result.

        A drop that cannot be reached is no end: the progress says so, and a later step goes on when it is back.
        """
        if self._ended():
            return self._progress(Standing(State.ACCEPTED), waited_s, now, _FINISHED)
        try:
            self._outbox.flush()
            seen = self._reader.look()
            self._seen_again()
            self._look_at_workers(seen, now)
            self._was_seen = self._was_seen or seen.request is not None
            standing = self._judge(seen, now)
            self._sight = self._take_in(standing, seen, now)
            if standing.state not in OPEN_TO_CLAIMS:
                self._since.pop("idle", None)
            why = self._act(standing, seen, now) or silence.explain(self._sight)
            if self.result is None:
                self._recorder.look(self._sight, why)
        except NameMissing:
            standing, why = Standing(State.UNSEEN), self._absent(now)
        except ChannelError as error:
            standing, why = Standing(State.CHANNEL_LOST), self._unreachable(error, now)
        self._notice_loss(why.code, now)
        return self._progress(standing, waited_s, now, why)

    def read(self, waited_s: float, now: float) -> Progress:
        """Say how the run stands by the database alone, while another process acts for it; raises as `step` does."""
        if self._ended():
            return self._progress(Standing(State.ACCEPTED), waited_s, now, _FINISHED)
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
        local = self._drop.capabilities.local
        patience = {Why.UPLOAD_UNFINISHED: PATIENCE_LOCAL_S if local else PATIENCE_REMOTE_S}
        if not local:
            patience[Why.WORKER_READY] = UNTAKEN_S
        if self._run.status == "pending" or why not in patience:
            self._since.pop("unreached", None)
        elif now - self._since.setdefault("unreached", now) > patience[why]:
            self.is_lost = True

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
        return untaken.signs_of_life(replace(self._sight, wall=self._wall())) if self._sight else ()

    def _judge(self, seen: Seen, now: float) -> Standing:
        lapsed = self._leases.lapsed(seen, self._offer.claim, self._offer.limits, now)
        return judge(seen, lapsed=lapsed, beating=self._leases.beating())

    def _take_in(self, standing: Standing, seen: Seen, now: float) -> Sight:
        return Sight(
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

    def _seen_again(self) -> None:
        """Take note of a look that succeeded: what was lost is back."""
        self._gone_looks = 0
        for lost in ("drop", "gone"):
            self._since.pop(lost, None)

    def cancel(self, reason: str) -> bool:
        """Commit the cancellation and mirror it; False when the job had ended before."""
        mirror = self._outbox.cancelled(reason)
        if not self._store.commit(self._run.id, "cancelled", error_text=reason, at=self._wall(), mirror=mirror):
            return False
        self._outbox.committed()
        return True

    def _act(self, standing: Standing, seen: Seen, now: float) -> Explanation | None:
        """Do what a standing calls for; return what the wait is for where there is more to say than the standing."""
        match standing.state:
            case State.DELIVERED:
                return self._take(standing.attempt, seen, now)
            case State.ACCEPTED if seen.accepted:
                taken = [attempt for attempt in seen.done if attempt.nonce == seen.accepted.nonce]
                return self._take(taken[0], seen, now) if taken else self._weigh(seen, now)
            case State.CANCELLED:
                self._fail("cancelled", "CANCELLED", seen.cancelled.reason if seen.cancelled else "", JobCancelled)
            case State.FAILED | State.STALE | State.OFFERED:
                return self._weigh(seen, now)
            case State.CLAIMED | State.RUNNING:
                ended = endings(seen, self._leases, self._offer, now)
                if len(ended) >= RUNAWAY * self._offer.limits.attempts:
                    return self._dead(ended, now)
        return None

    def _take(self, attempt: Attempt | None, seen: Seen, now: float) -> Explanation | None:
        """Verify a delivered result and accept it; wait for data that is late; reject what cannot be used."""
        assert attempt is not None  # these states always name one
        done = seen.done[attempt]
        try:
            accept.check_listed(done, seen)
            if not self._drop.capabilities.local or size_of(done) >= LARGE_BYTES:
                self._recorder.verifying(attempt, at=self._wall())
            folder, facts = accept.fetch(self._drop, done, self._offer, self._expected, self._results, seen.parts)
        except VerificationError as error:
            return self._late_or_bad(attempt, seen, error, now)
        assert done.job is not None  # checked by fetch
        home = Ended(
            outputs=done.plain.model_dump(mode="json"),
            files=outputs_of(done, folder, facts),
            attempts=self._attempts(seen, attempt.nonce),
        )
        seal = codec.seal_of((folder / accept.MARKER).read_bytes())
        self._commit(attempt.nonce, folder, done.job.engine, seal, "full", home)
        return _FINISHED

    def _attempts(self, seen: Seen, accepted: str | None = None) -> list[AttemptRecord]:
        """Return the attempts as a look showed them; the one whose result is taken now is accepted."""
        if self._sight is None:
            return []
        found = attempts_of(replace(self._sight, seen=seen, wall=self._wall()))
        return [
            replace(each, status="accepted", ended_at=self._wall()) if each.nonce == accepted else each
            for each in found
        ]

    def _commit(
        self, nonce: str, folder: Path, engine: EngineRecord | None, seal: str, verified: str, home: Ended
    ) -> None:
        """Accept once: the compare-and-set in the run database is the commit, its mirror in the drop follows."""
        mirror = self._outbox.accepted(nonce, seal)
        self._store.commit(
            self._run.id,
            "completed",
            nonce=nonce,
            results_dir=str(folder),
            engine=engine.model_dump(mode="json") if engine else None,
            done_seal=seal,
            verified=verified,
            at=self._wall(),
            mirror=mirror,
            ended=home,
        )
        self._ended()

    def _late_or_bad(self, attempt: Attempt, seen: Seen, error: VerificationError, now: float) -> Explanation:
        patience = PATIENCE_LOCAL_S if self._drop.capabilities.local else PATIENCE_REMOTE_S
        left = patience - (now - self._since.setdefault(attempt.nonce, now))
        if error.missing and left > 0:
            self._ask_again(attempt, seen, error.missing, patience - left, patience)
            return silence.not_whole_yet(self._take_in(Standing(State.DELIVERED, attempt), seen, now), error, left)
        self._outbox.reject(attempt, str(error), now)
        text = f"the result of {attempt.worker} was rejected: {error}"
        return Explanation(code=Why.RESULTS_REJECTED, text=text, cure="Another attempt follows while a worker is here")

    def _ask_again(
        self, attempt: Attempt, seen: Seen, missing: tuple[str, ...], waited_s: float, patience_s: float
    ) -> None:
        """Ask the worker to publish again what does not come: not at once, for late data is the rule, nor for ever."""
        said = self._needs.get(attempt.nonce, 0)
        if said < len(NEED_AT) and waited_s >= NEED_AT[said] * patience_s:
            self._needs[attempt.nonce] = said + 1
            self._outbox.need(attempt, seen, missing)

    def _weigh(self, seen: Seen, now: float) -> Explanation | None:
        """Decide whether a job that nobody is at can still come to something."""
        answer = self._legacy.look(seen, now)
        if answer is not None and answer.ended:
            return self._take_legacy(answer, seen, now)
        fatal = [f for f in seen.errors.values() if f.job and not f.job.retryable and f.job.code != "CANCELLED"]
        if fatal and fatal[0].job:
            self._fail("failed", fatal[0].job.code, fatal[0].plain.error, JobFailed, step=fatal[0].plain.step)
        self._give_up_on_engine(now)
        ended = endings(seen, self._leases, self._offer, now)
        if ended and (len(ended) >= self._offer.limits.attempts or self._nobody_else(seen, now)):
            return self._dead(ended, now)
        if answer is not None:
            return self._wait_for_plain(answer, now)
        self._since.pop("plain", None)
        return self._expire(seen, now) or self._unclaimable(seen, now)

    def _unclaimable(self, seen: Seen, now: float) -> Explanation | None:
        """Give up a folder in which no attempt number is left, once a late result would have come: offer anew (R1)."""
        if next_attempt_number(seen) is not None:
            return None
        patience = PATIENCE_LOCAL_S if self._drop.capabilities.local else PATIENCE_REMOTE_S
        left = patience - (now - self._since.setdefault("used up", now))
        self.is_lost = self.is_lost or left < 0
        text = f"nobody may take the job any more: the highest attempt number, {LAST_ATTEMPT}, was seen"
        return Explanation(
            code=Why.ATTEMPT_FAILED, text=text, cure=f"It is offered again in {for_people(max(0, left))}"
        )

    def _expire(self, seen: Seen, now: float) -> Explanation | None:
        """End a job that nobody took in time, a lease after saying so: a claim may be on its way."""
        queue_s = self._offer.limits.queue_s
        untaken = not seen.claims and self._wall() - self._run.created_at > queue_s
        if not untaken and now - self._since.setdefault("idle", now) <= queue_s:
            self._since.pop("expired", None)
            return None
        left = self._offer.claim.lease_s - (now - self._since.setdefault("expired", now))
        if left <= 0:
            self._fail("expired", "EXPIRED", f"nobody took it within {queue_s:.0f} s", JobExpired)
        text = f"nobody took it within {queue_s:.0f} s; the job ends in {for_people(left)}"
        return Explanation(code=Why.EXPIRING, text=text, cure="A worker that takes it before is still in time")

    def _give_up_on_engine(self, now: float) -> None:
        """End a job that insists on an engine which no living worker has, once that has been so for a while."""
        why = engine_missing(self._offer, self._workforce.seen, self._leases, now)
        if why is None:
            self._since.pop("engine", None)
            return
        patience = ENGINE_LOCAL_S if self._drop.capabilities.local else ENGINE_REMOTE_S
        if now - self._since.setdefault("engine", now) >= patience:
            self._fail("failed", "UNSUPPORTED", f"{why}; leave --require-engine out", JobFailed)

    def _take_legacy(self, answer: legacy.Answer, seen: Seen, now: float) -> Explanation:
        """Accept a plain answer that counts; a plain error ends the job unless one of ours may still do it."""
        if answer.folder is not None:
            self._commit(answer.seal[:16], answer.folder, None, answer.seal, "legacy", legacy.home(answer.folder))
            return _FINISHED
        assert answer.error is not None  # it has ended
        able = self._able(now) - failed_workers(seen)
        if not able:
            self._fail("failed", "ENGINE", answer.error, JobFailed, step=answer.step)
        cure = f"Waiting for {listed(able)}, which may still do it"
        return Explanation(code=Why.PLAIN_ERROR, text=answer.error.rstrip("."), cure=cure)

    def _wait_for_plain(self, answer: legacy.Answer, now: float) -> Explanation:
        """Wait for a plain answer to become usable. One that stays torn is in everybody's way: offer the job anew."""
        patience = PLAIN_LOCAL_S if self._drop.capabilities.local else PATIENCE_REMOTE_S
        if now - self._since.setdefault("plain", now) > patience:
            self.is_lost = True
        return Explanation(code=Why.PLAIN_ANSWER, text=answer.text, cure="")

    def _nobody_else(self, seen: Seen, now: float) -> bool:
        """Say whether every worker that lives and does this kind has failed the job: waiting on would be for nobody."""
        failed = failed_workers(seen)
        return bool(failed) and self._able(now) <= failed

    def _able(self, now: float) -> set[str]:
        return {
            name
            for name, card in living(self._workforce.seen, self._leases, now).items()
            if self._offer.kind in card.kinds
        }

    def _dead(self, ended: list[Ending], now: float) -> Explanation:
        wait_s = 0.0 if self._drop.capabilities.local else DEAD_WAIT_S
        waited = now - self._since.setdefault("dead", now)
        last = ended[-1]
        if waited >= wait_s:
            reasons = list(dict.fromkeys(f"{ending.code}: {ending.reason}" for ending in ended))
            text = "; ".join(reasons) if len(reasons) > 1 else last.reason
            status: Status = "crashed" if all(ending.is_crash for ending in ended) else "failed"
            self._fail(status, last.code, text, JobFailed, step=last.step)
        text = f"{len(ended)} attempt(s) failed, the last with {last.code}: {last.reason.rstrip('.')}"
        cure = f"A result that was on its way may still come; the job ends in {for_people(wait_s - waited)}"
        return Explanation(code=Why.ATTEMPT_FAILED, text=text, cure=cure)

    def _fail(self, status: Status, code: str, text: str, error: type[Exception], **more: Any) -> NoReturn:
        """Commit an end without a result, and raise it; if another process committed first, its decision holds."""
        mirror = self._outbox.cancelled(f"{code}: {text}")
        if not self._store.commit(
            self._run.id,
            status,
            error_code=code,
            error_text=text,
            at=self._wall(),
            mirror=mirror,
            ended=Ended(attempts=self._attempts(self._sight.seen)) if self._sight else NOTHING_MORE,
        ):
            self._raise_committed(self._store.get(self._run.id))
        self._outbox.committed()
        raise error(text, code=code, **more) if error is JobFailed else error(text)

    def _ended(self) -> bool:
        """Return True when the run is completed and its result loaded; raise what else it ended with."""
        run = self._store.get(self._run.id)
        self.has_moved = run.job != self._run.job
        if run.status == "completed" and run.results_dir is not None:
            verified = run.verified or "full"
            load = legacy.load if verified == "legacy" else accept.load
            self.result = load(run.id, Path(run.results_dir), verified)
            self._outbox.committed()
            return True
        if run.status in ("failed", "crashed", "cancelled", "expired"):
            self._raise_committed(run)
        return False

    def _raise_committed(self, run: Run) -> NoReturn:
        text = run.error_text or run.status
        if run.status == "cancelled":
            raise JobCancelled(text)
        if run.status == "expired":
            raise JobExpired(text)
        raise JobFailed(text, code=run.error_code or "INTERNAL")

    def _absent(self, now: float) -> Explanation:
        """Judge a folder that cannot be seen: absence is no evidence unless the drop itself answers (R12)."""
        try:
            found = read_drop_id(self._drop, self._run.drop)
        except ChannelError as error:
            return self._unreachable(error, now)
        except EnvironmentNotReady as error:
            return silence.not_a_drop(error, self._run.drop)
        if found != self._run.drop_id:
            return silence.another_drop(found, self._run.drop_id, self._run.drop)
        if self._run.status == "pending" or not self._was_seen:  # what never got through cannot have been deleted
            return silence.not_sent(sent=self._run.status != "pending")
        self._gone_looks += 1
        since = self._since.setdefault("gone", now)
        long_s = GONE_LOCAL_S if self._drop.capabilities.local else GONE_REMOTE_S
        if self._gone_looks >= GONE_LOOKS and now - since >= long_s:
            self._fail("cancelled", "CANCELLED", "its folder was deleted from the drop", JobCancelled)
        left = for_people(max(0.0, long_s - (now - since)))
        text = f"the job's folder {self._run.job} is not in the drop, which answers"
        return Explanation(code=Why.FOLDER_GONE, text=text, cure=f"If it stays so for {left} more, it was deleted")

    def _unreachable(self, error: ChannelError, now: float) -> Explanation:
        since_s = now - self._since.setdefault("drop", now)
        return silence.unreachable(error, self._run.drop, since_s, self._wall())

    def _look_at_workers(self, seen: Seen, now: float) -> None:
        """Take note of claims and of the beats of every worker there is."""
        for claim in seen.claims.values():
            self._leases.saw_claim(claim, now)
        if not delivered(seen):  # then nobody's beat matters now
            self._workforce.look(now, {attempt.worker for attempt in seen.claims})

    def _progress(self, standing: Standing, waited_s: float, now: float, why: Explanation) -> Progress:
        attempt = standing.attempt
        held = self._leases.held(attempt.nonce) if attempt else None
        boot = self._leases.boot_of(attempt.nonce) if attempt else None
        return Progress(
            run=self._run.id,
            state=standing.state,
            waited_s=waited_s,
            attempt=attempt.n if attempt else 0,
            worker=attempt.worker if attempt else None,
            boot=boot,
            done=held.done if held else 0,
            total=held.total if held else 0,
            note=held.note if held else "",
            silent_s=self._leases.silence_s(boot, now) if boot else None,
            why=why.code,
            text=why.text,
            cure=why.cure,
        )
