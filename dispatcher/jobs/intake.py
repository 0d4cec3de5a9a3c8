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
from dispatcher.jobs.recording import LARGE_BYTES, RunRecorder, outputs_of, size_of
from dispatcher.jobs.snapshot import JobSnapshot, arrived
from dispatcher.runs.record import Ended
from protocol import codec
from protocol.drop import REMOTE, Drop
from protocol.errors import VerificationError
from protocol.layout import Attempt
from protocol.messages import Offer
from protocol.states import Standing, State

LOOKS = 60
"""How many times data of the right size is verified again, within the time it has to arrive."""

REJECTED_AGAIN_S = 300.0
"""How long between two verifications of a rejected attempt."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Failed:
    files: Mapping[str, int]  # the size of every output of the job at that time
    at: float
    error: VerificationError


class ResultIntake:
    """Takes in the results of one job. StorageFull and EnvironmentNotReady concern this machine, not the result."""

    def __init__(
        self,
        drop: Drop,
        offer: Offer,
        expected: Mapping[str, str],
        results: Path,
        *,
        outbox: Outbox,
        recorder: RunRecorder,
        finisher: RunFinisher,
        arrivals: Arrivals,
    ) -> None:
        self._drop, self._offer, self._expected, self._results = drop, offer, expected, results
        self._outbox, self._recorder, self._finisher, self._arrivals = outbox, recorder, finisher, arrivals
        self._since: dict[str, float] = {}  # nonce → when the wait for its data began
        self._needs: dict[str, int] = {}  # nonce → how many times its outputs were requested again
        self._failed: dict[str, _Failed] = {}  # nonce → the last failed verification

    def accept(self, attempt: Attempt, snapshot: JobSnapshot) -> Explanation:
        """Verify a delivered result and accept it; wait for late data; reject an unusable result."""
        try:
            return self._verified(attempt, snapshot, again_s=self._drop.capabilities.limits.data_s / LOOKS)
        except VerificationError as error:
            return self._wait_or_reject(attempt, snapshot, error)

    def accept_late(self, snapshot: JobSnapshot) -> Explanation | None:
        """Accept a result that was rejected because of its data, and has arrived complete since.

        That is safe: it is verified like any other, and only the first accepted result counts.
        """
        for attempt in sorted(it for it in snapshot.seen.done if it.nonce in snapshot.seen.rejected):
            try:
                explained = self._verified(attempt, snapshot, again_s=REJECTED_AGAIN_S)
            except VerificationError:
                continue
            log.info("attempt %d of %s was rejected, arrived complete later and is accepted", attempt.n, attempt.worker)
            return explained
        return None

    def _verified(self, attempt: Attempt, snapshot: JobSnapshot, *, again_s: float) -> Explanation:
        """Accept a result if it verifies. Verifying is expensive: failed data is not read again until its sizes change.

        On some file systems content changes without its size, so it is verified again after `again_s` anyway.
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
        """Download, verify and accept a result. Raises VerificationError, and errors of this machine."""
        seen, done = snapshot.seen, snapshot.seen.done[attempt]
        if not self._drop.capabilities.local or size_of(done) >= LARGE_BYTES:
            self._recorder.verifying(attempt, at=snapshot.wall)
        folder, facts = accept.fetch(self._drop, done, self._offer, self._expected, self._results, seen.parts)
        ended = Ended(
            outputs=done.plain.model_dump(mode="json"),
            files=outputs_of(done, folder, facts),
            attempts=self._finisher.attempts(snapshot, attempt.nonce),
        )
        seal = codec.checksum_of((folder / accept.MARKER).read_bytes())
        self._finisher.accept(attempt.nonce, folder, done.job.engine, seal, "full", ended)
        return FINISHED

    def _wait_or_reject(self, attempt: Attempt, snapshot: JobSnapshot, error: VerificationError) -> Explanation:
        done = snapshot.seen.done[attempt].job
        is_whole = arrived(snapshot.seen, done.files)[0] == len(done.files)
        limits = snapshot.leases.waits(done.boot)
        if is_whole:  # waiting helps with a stale mount cache, not with a sync tool
            limits = min(limits, REMOTE, key=lambda it: it.data_s)
        here, total = on_the_way(snapshot.seen, done.files)
        more_s = limits.more_s(total - here, self._arrivals.bytes_per_s(attempt))
        since = max(self._since.setdefault(attempt.nonce, snapshot.now), self._arrivals.grew_at(attempt, snapshot.now))
        quiet_s, left_s = snapshot.now - since, limits.data_s + more_s - (snapshot.now - since)
        if error.missing and left_s > 0:
            self._ask_again(attempt, snapshot, error.missing, quiet_s - more_s, limits.need_s)
            return explain.not_whole_yet(replace(snapshot, standing=Standing(State.DELIVERED, attempt)), error, left_s)
        how = UNUSABLE if not error.missing else DAMAGED if is_whole else NEVER_CAME
        waited = f"; no more data for {rough_time(quiet_s)}" if error.missing and not is_whole else ""
        why = f"{how}: {error}{waited}"
        self._outbox.reject(attempt, why, snapshot.now)
        text = f"the result of {attempt.worker} {why}"
        hint = "The attempt is rejected; another follows if a worker is here. If the data arrives after all, it is used"
        return Explanation(code=Why.RESULTS_REJECTED, text=text, hint=hint)

    def _ask_again(
        self,
        attempt: Attempt,
        snapshot: JobSnapshot,
        missing: tuple[str, ...],
        waited_s: float,
        need_s: tuple[float, ...],
    ) -> None:
        """Ask the worker to publish missing outputs again: not while data arrives, and a limited number of times."""
        said = self._needs.get(attempt.nonce, 0)
        if said < len(need_s) and waited_s >= need_s[said]:
            self._needs[attempt.nonce] = said + 1
            self._outbox.need(attempt, snapshot.seen, missing)
