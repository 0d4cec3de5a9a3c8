"""One job from its offer to its end, as its owner sees it: one look a step, and the only judge of its result."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from dispatcher import accept, legacy, silence
from dispatcher.jobs import Progress, Result
from dispatcher.runs.record import Run, Status
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.claims import LeaseWatch
from protocol.drop import Drop
from protocol.errors import (
    ChannelError,
    ChannelLost,
    JobCancelled,
    JobExpired,
    JobFailed,
    NameMissing,
    NameTaken,
    VerificationError,
)
from protocol.layout import WORKERS, Attempt, JobNames, is_worker_id
from protocol.messages import Accepted, Cancel, EngineRecord, Message, Offer, Reject
from protocol.seen import JobReader, Seen, WorkerReader, WorkerSeen, read_drop_id
from protocol.states import Standing, State, delivered, judge

PATIENCE_LOCAL_S = 10.0
PATIENCE_REMOTE_S = 600.0
"""How long data may come after its marker before the attempt is rejected."""

ENGINE_LOCAL_S = 2.0
ENGINE_REMOTE_S = 120.0
"""How long a required engine may be missing before the job is given up: a worker may just be starting."""

DEAD_WAIT_S = 900.0
GONE_LOOKS = 3
GONE_LOCAL_S = 2.0
GONE_REMOTE_S = 600.0

log = logging.getLogger(__name__)


class Lifecycle:
    """Follows one run. `step` looks once and does what the look calls for; `result` is there once accepted."""

    def __init__(
        self, drop: Drop, store: RunStore, run: Run, expected: Mapping[str, str], results: Path, poll_s: float
    ) -> None:
        self._drop, self._store, self._run, self._expected, self._results = drop, store, run, expected, results
        self._names = JobNames(run.job)
        request = codec.decode_request(run.request, drop=run.drop_id, job=run.job)
        assert request.job is not None  # this dispatcher writes full requests only
        self._offer: Offer = request.job
        self._reader = JobReader(drop, run.drop_id, run.job)
        self._leases = LeaseWatch(poll_s)
        self._workers: dict[str, WorkerReader] = {}
        self._cards: dict[str, WorkerSeen] = {}
        self._since: dict[str, float] = {}  # what is being waited for → since when
        self._gone_looks = 0
        self._legacy = legacy.LegacyLook(drop, run.job, request.params, self._offer, results)
        self.result: Result | None = None

    def step(self, waited_s: float, now: float) -> Progress:
        """Look once and act. Raises the error the job ended with, if it ended without a result."""
        if self._ended():
            return self._progress(Standing(State.ACCEPTED), waited_s, now, "the verified result is here")
        try:
            self._say_unsaid()
            seen = self._reader.look()
        except NameMissing:
            return self._absent(waited_s, now)
        except ChannelError as error:
            return self._progress(Standing(State.UNSEEN), waited_s, now, f"the drop does not answer: {error}")
        self._gone_looks = 0
        self._leases.looked(now)
        self._look_at_workers(seen, now)
        standing = judge(
            seen,
            lapsed=self._leases.lapsed(seen, self._offer.claim, self._offer.limits, now),
            beating=self._leases.beating(),
        )
        text = self._act(standing, seen, now)
        return self._progress(standing, waited_s, now, text or self._silence(standing, seen, now))

    def cancel(self, reason: str) -> bool:
        """Commit the cancellation and mirror it; False when the job had ended before."""
        if not self._store.commit(self._run.id, "cancelled", error_text=reason, at=time.time()):
            return False
        self._say(self._names.cancel(1), self._control(Cancel, k=1, by="dispatcher", reason=reason))
        return True

    def _act(self, standing: Standing, seen: Seen, now: float) -> str | None:
        """Do what a standing calls for; return a line for people where there is more to say than the state."""
        match standing.state:
            case State.DELIVERED:
                return self._take(standing.attempt, seen, now)
            case State.ACCEPTED if seen.accepted:
                taken = [attempt for attempt in seen.done if attempt.nonce == seen.accepted.nonce]
                return self._take(taken[0], seen, now) if taken else "the accepted result is on its way"
            case State.CANCELLED:
                self._fail("cancelled", "CANCELLED", seen.cancelled.reason if seen.cancelled else "", JobCancelled)
            case State.FAILED | State.STALE | State.OFFERED:
                return self._weigh(seen, now)
        return None

    def _take(self, attempt: Attempt | None, seen: Seen, now: float) -> str | None:
        """Verify a delivered result and accept it; wait for data that is late; reject what cannot be used."""
        assert attempt is not None  # these states always name one
        done = seen.done[attempt]
        try:
            folder = accept.fetch(self._drop, done, self._offer, self._expected, self._results)
        except VerificationError as error:
            return self._late_or_bad(attempt, error, now)
        assert done.job is not None  # checked by fetch
        self._commit(
            attempt.nonce, folder, done.job.engine, codec.seal_of((folder / accept.MARKER).read_bytes()), "full"
        )
        return None

    def _commit(self, nonce: str, folder: Path, engine: EngineRecord | None, seal: str | None, verified: str) -> None:
        """Accept once: the compare-and-set in the run database is the commit, its mirror in the drop follows."""
        won = self._store.commit(
            self._run.id,
            "completed",
            nonce=nonce,
            results_dir=str(folder),
            engine=engine.model_dump(mode="json") if engine else None,
            done_seal=seal,
            verified=verified,
            at=time.time(),
        )
        if won and seal is not None:
            self._say(self._names.accepted(1), self._control(Accepted, k=1, nonce=nonce, done_seal=seal))
        self._ended()

    def _late_or_bad(self, attempt: Attempt, error: VerificationError, now: float) -> str:
        patience = PATIENCE_LOCAL_S if self._drop.capabilities.local else PATIENCE_REMOTE_S
        waited = now - self._since.setdefault(attempt.nonce, now)
        if error.missing and waited < patience:
            return f"the marker is here before its data: {error}"
        log.warning("attempt %d of %s is rejected: %s", attempt.n, attempt.worker, error)
        self._say(
            self._names.reject(attempt.nonce), self._control(Reject, nonce=attempt.nonce, reason=str(error)[:4000])
        )
        return f"the result of {attempt.worker} was rejected: {error}"

    def _weigh(self, seen: Seen, now: float) -> str | None:
        """Decide whether a job that nobody is at can still come to something."""
        if (answer := self._legacy.look(seen, self._expected, now)) is not None:
            return self._take_legacy(answer)
        fatal = [f for f in seen.errors.values() if f.job and not f.job.retryable and f.job.code != "CANCELLED"]
        if fatal and fatal[0].job:
            self._fail("failed", fatal[0].job.code, fatal[0].plain.error, JobFailed, step=fatal[0].plain.step)
        self._give_up_on_engine(now)
        ended = self._ended_attempts(seen, now)
        if ended and (len(ended) >= self._offer.limits.attempts or self._nobody_else(seen, now)):
            return self._dead(ended, now)
        if not seen.claims and time.time() - self._run.created_at > self._offer.limits.queue_s:
            self._say(self._names.cancel(1), self._control(Cancel, k=1, by="dispatcher", reason="expired"))
            self._fail("expired", "EXPIRED", f"nobody took it within {self._offer.limits.queue_s:.0f} s", JobExpired)
        return None

    def _give_up_on_engine(self, now: float) -> None:
        """End a job that insists on an engine which no living worker has, once that has been so for a while."""
        why = silence.engine_missing(self._offer, self._cards, self._leases, now)
        if why is None:
            self._since.pop("engine", None)
            return
        patience = ENGINE_LOCAL_S if self._drop.capabilities.local else ENGINE_REMOTE_S
        if now - self._since.setdefault("engine", now) >= patience:
            self._say(self._names.cancel(1), self._control(Cancel, k=1, by="dispatcher", reason=why))
            self._fail("failed", "UNSUPPORTED", why, JobFailed)

    def _take_legacy(self, answer: legacy.Answer) -> str | None:
        if answer.error is not None:
            self._fail("failed", "ENGINE", answer.error, JobFailed, step=answer.step)
        if answer.folder is not None:
            self._commit(answer.nonce, answer.folder, None, None, "legacy")
            return None
        return answer.text

    def _ended_attempts(self, seen: Seen, now: float) -> list[tuple[str, str, str]]:
        """Return (code, reason, step) of every attempt that ended without a result and counts (R13)."""
        ended: list[tuple[str, str, str]] = [
            (f.job.code, f.plain.error, f.plain.step or "")
            for f in seen.errors.values()
            if f.job and f.job.code != "RELEASED"
        ]
        rejected = [a for a in seen.done if a.nonce in seen.rejected]
        ended += [("ENGINE", f"the result of {a.worker} did not verify", "") for a in rejected]
        newest = max((a.n for a in seen.claims), default=0)
        for attempt, claim in seen.claims.items():
            if attempt.n < newest and attempt not in seen.errors and attempt not in seen.done:
                why = self._leases.lapse(claim, self._offer.claim, self._offer.limits, now)
                if why is not None:
                    ended.append(("TIMEOUT", why, ""))
        return ended

    def _nobody_else(self, seen: Seen, now: float) -> bool:
        """Say whether every worker that lives has failed this job, so that waiting on would be for nobody."""
        failed = {a.worker for a, f in seen.errors.items() if f.job and f.job.code != "RELEASED"}
        return bool(failed) and set(silence.living(self._cards, self._leases, now)) <= failed

    def _dead(self, ended: list[tuple[str, str, str]], now: float) -> str:
        wait_s = 0.0 if self._drop.capabilities.local else DEAD_WAIT_S
        waited = now - self._since.setdefault("dead", now)
        code, reason, step = ended[-1]
        if waited >= wait_s:
            reasons = "; ".join(f"{c}: {r}" for c, r, _ in ended)
            self._say(self._names.cancel(1), self._control(Cancel, k=1, by="dispatcher", reason="dead"))
            self._fail("failed", code, reasons if len(ended) > 1 else reason, JobFailed, step=step or None)
        return f"{len(ended)} attempt(s) failed, the last with {code}: {reason}. Waiting {wait_s - waited:.0f} s more"

    def _fail(self, status: Status, code: str, text: str, error: type[Exception], **more: Any) -> NoReturn:
        """Commit an end without a result, and raise it; if another process committed first, its decision holds."""
        if not self._store.commit(self._run.id, status, error_code=code, error_text=text, at=time.time()):
            self._raise_committed(self._store.get(self._run.id))
        raise error(text, code=code, **more) if error is JobFailed else error(text)

    def _ended(self) -> bool:
        """Return True when the run is completed and its result loaded; raise what else it ended with."""
        run = self._store.get(self._run.id)
        if run.status == "completed" and run.results_dir is not None:
            verified = run.verified or "full"
            load = legacy.load if verified == "legacy" else accept.load
            self.result = load(run.id, Path(run.results_dir), verified)
            self._say_unsaid()
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

    def _absent(self, waited_s: float, now: float) -> Progress:
        """Judge a folder that cannot be seen: absence is no evidence unless the drop itself answers (R12)."""
        try:
            read_drop_id(self._drop, self._run.drop)
        except Exception as error:
            raise ChannelLost(
                f"the drop {self._run.drop} cannot be seen: {error}. Check the mount; the job goes on when it is back"
            ) from error
        self._gone_looks += 1
        since = self._since.setdefault("gone", now)
        long_s = GONE_LOCAL_S if self._drop.capabilities.local else GONE_REMOTE_S
        if self._gone_looks >= GONE_LOOKS and now - since >= long_s:
            self._fail("cancelled", "CANCELLED", "its folder was deleted from the drop", JobCancelled)
        return self._progress(Standing(State.UNSEEN), waited_s, now, "the job's folder cannot be seen")

    def _look_at_workers(self, seen: Seen, now: float) -> None:
        """Take note of claims and of the beats of every worker there is."""
        for claim in seen.claims.values():
            self._leases.saw_claim(claim, now)
        if delivered(seen):
            return  # a result is there: nobody's beat matters now
        try:
            names = [e.name for e in self._drop.list(WORKERS) if e.is_folder and is_worker_id(e.name)]
        except NameMissing:
            return
        for worker in names:
            reader = self._workers.setdefault(worker, WorkerReader(self._drop, self._run.drop_id, worker))
            self._cards[worker] = shown = reader.look()
            for boot in shown.cards:
                self._leases.saw_boot(boot, now)
            for beat in shown.beats.values():
                self._leases.saw_beat(beat, now)

    def _silence(self, standing: Standing, seen: Seen, now: float) -> str:
        return silence.explain(standing, seen, self._offer, self._cards, self._leases, now)

    def _progress(self, standing: Standing, waited_s: float, now: float, text: str) -> Progress:
        attempt = standing.attempt
        held = self._leases.held(attempt.nonce) if attempt else None
        boot = self._leases.boot_of(attempt.nonce) if attempt else None
        return Progress(
            run=self._run.id,
            state=standing.state,
            waited_s=waited_s,
            attempt=attempt.n if attempt else 0,
            worker=attempt.worker if attempt else None,
            done=held.done if held else 0,
            total=held.total if held else 0,
            note=held.note if held else "",
            silent_s=self._leases.silence_s(boot, now) if boot else None,
            text=text,
        )

    def _control(self, kind: type[Message], **body: Any) -> bytes:
        return codec.encode(
            kind(drop=self._run.drop_id, id=self._run.job, type=kind.model_fields["type"].default, **body)
        )

    def _say(self, name: str, data: bytes) -> None:
        """Fix a control message in the database, then write it to the drop (R1)."""
        self._store.say(self._run.id, name, data)
        self._say_unsaid()

    def _say_unsaid(self) -> None:
        for name, data in self._store.unsaid(self._run.id):
            try:
                self._drop.put(name, data)
            except NameTaken:
                log.debug("%s was said before", name)
            except ChannelError as error:
                log.warning("%s is said later: %s", name, error)
                continue
            self._store.said(self._run.id, name, at=time.time())
