"""Taking in a delivered result: verify and accept it, wait while its data is late, reject it if it is no good."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dispatcher.formatting import rough_time
from dispatcher.jobs import accept, explain
from dispatcher.jobs.arrivals import Arrivals, on_the_way
from dispatcher.jobs.attempt_endings import DAMAGED, NEVER_CAME, UNUSABLE
from dispatcher.jobs.finish import RunFinisher
from dispatcher.jobs.job import FINISHED, Explanation, Why
from dispatcher.jobs.outbox import Outbox
from dispatcher.jobs.recording import LARGE_BYTES, Recorder, outputs_of, size_of
from dispatcher.jobs.snapshot import JobSnapshot, arrived
from dispatcher.runs.record import Ended
from protocol import codec
from protocol.drop import REMOTE, Drop
from protocol.errors import VerificationError
from protocol.layout import Attempt
from protocol.messages import Offer
from protocol.states import Standing, State

LOOKS = 60
"""So often data that is whole by its size is verified anew, within the time that it has."""

REJECTED_AGAIN_S = 300.0
"""How often that is done for an attempt that was rejected."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Failed:
    files: Mapping[str, int]  # every output of the job, as it was then
    at: float
    error: VerificationError


class ResultIntake:
    """Takes the results of one job in. StorageFull and EnvironmentNotReady are about this machine, not the result."""

    def __init__(
        self,
        drop: Drop,
        offer: Offer,
        expected: Mapping[str, str],
        results: Path,
        *,
        outbox: Outbox,
        recorder: Recorder,
        verdict: RunFinisher,
        arrivals: Arrivals,
    ) -> None:
        self._drop, self._offer, self._expected, self._results = drop, offer, expected, results
        self._outbox, self._recorder, self._verdict, self._arrivals = outbox, recorder, verdict, arrivals
        self._since: dict[str, float] = {}  # nonce → since when its data is waited for
        self._needs: dict[str, int] = {}  # nonce → how often its outputs were asked for again
        self._failed: dict[str, _Failed] = {}  # nonce → how its data failed when it was last looked at

    def take(self, attempt: Attempt, snapshot: JobSnapshot) -> Explanation:
        """Verify a delivered result and accept it; wait for data that is late; reject what cannot be used."""
        try:
            return self._verified(attempt, snapshot, again_s=self._drop.capabilities.limits.data_s / LOOKS)
        except VerificationError as error:
            return self._late_or_bad(attempt, snapshot, error)

    def take_late(self, snapshot: JobSnapshot) -> Explanation | None:
        """Accept a result that was rejected because of its data, which has arrived whole in the meantime.

        Nothing is lost by that: it is verified like any other, and the first result that is accepted counts.
        """
        for attempt in sorted(it for it in snapshot.seen.done if it.nonce in snapshot.seen.rejected):
            try:
                explained = self._verified(attempt, snapshot, again_s=REJECTED_AGAIN_S)
            except VerificationError:
                continue
            log.info("attempt %d of %s was rejected, and has arrived whole since: taken", attempt.n, attempt.worker)
            return explained
        return None

    def _verified(self, attempt: Attempt, snapshot: JobSnapshot, *, again_s: float) -> Explanation:
        """Accept a result if it verifies. To look is dear: data that has failed is left alone until it has changed.

        On some grounds content changes without its size: such data is looked at again after `again_s`.
        """
        accept.check_listed(snapshot.seen.done[attempt], snapshot.seen)
        failed = self._failed.get(attempt.nonce)
        if failed and failed.files == snapshot.seen.coming and snapshot.now - failed.at < again_s:
            raise VerificationError(str(failed.error), failed.error.missing)
        try:
            return self._accept(attempt, snapshot)
        except VerificationError as error:
            self._failed[attempt.nonce] = _Failed(snapshot.seen.coming, snapshot.now, error)
            raise

    def _accept(self, attempt: Attempt, snapshot: JobSnapshot) -> Explanation:
        """Bring a result home, verify and accept it. Raises VerificationError, and what is about this machine."""
        seen, done = snapshot.seen, snapshot.seen.done[attempt]
        if not self._drop.capabilities.local or size_of(done) >= LARGE_BYTES:
            self._recorder.verifying(attempt, at=snapshot.wall)
        folder, facts = accept.fetch(self._drop, done, self._offer, self._expected, self._results, seen.parts)
        assert done.job is not None  # checked by fetch
        home = Ended(
            outputs=done.plain.model_dump(mode="json"),
            files=outputs_of(done, folder, facts),
            attempts=self._verdict.attempts(snapshot, attempt.nonce),
        )
        seal = codec.seal_of((folder / accept.MARKER).read_bytes())
        self._verdict.accept(attempt.nonce, folder, done.job.engine, seal, "full", home)
        return FINISHED

    def _late_or_bad(self, attempt: Attempt, snapshot: JobSnapshot, error: VerificationError) -> Explanation:
        done = snapshot.seen.done[attempt].job
        assert done is not None  # only full-form markers come here
        is_whole = arrived(snapshot.seen, done.files)[0] == len(done.files)
        limits = snapshot.leases.waits(done.boot)
        if is_whole:  # waiting helps a mount whose cache is old; what a sync tool has brought is as it will be
            limits = min(limits, REMOTE, key=lambda it: it.data_s)
        here, total = on_the_way(snapshot.seen, done.files)
        more_s = limits.more_s(total - here, self._arrivals.bytes_per_s(attempt))
        since = max(self._since.setdefault(attempt.nonce, snapshot.now), self._arrivals.grew_at(attempt, snapshot.now))
        quiet_s, left_s = snapshot.now - since, limits.data_s + more_s - (snapshot.now - since)
        if error.missing and left_s > 0:
            self._ask_again(attempt, snapshot, error.missing, quiet_s - more_s, limits.need_s)
            return explain.not_whole_yet(replace(snapshot, standing=Standing(State.DELIVERED, attempt)), error, left_s)
        how = UNUSABLE if not error.missing else DAMAGED if is_whole else NEVER_CAME
        waited = f"; nothing more came for {rough_time(quiet_s)}" if error.missing and not is_whole else ""
        why = f"{how}: {error}{waited}"
        self._outbox.reject(attempt, why, snapshot.now)
        text = f"the result of {attempt.worker} {why}"
        hint = (
            "The attempt is rejected and another one follows while a worker is here; should the data come, it is used"
        )
        return Explanation(code=Why.RESULTS_REJECTED, text=text, hint=hint)

    def _ask_again(
        self,
        attempt: Attempt,
        snapshot: JobSnapshot,
        missing: tuple[str, ...],
        waited_s: float,
        need_s: tuple[float, ...],
    ) -> None:
        """Ask the worker to publish again what does not come: not while anything comes, and not for ever."""
        said = self._needs.get(attempt.nonce, 0)
        if said < len(need_s) and waited_s >= need_s[said]:
            self._needs[attempt.nonce] = said + 1
            self._outbox.need(attempt, snapshot.seen, missing)
