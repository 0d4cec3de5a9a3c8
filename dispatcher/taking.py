"""Taking a delivered result in: verified and accepted, waited for while data is late, rejected where it is no good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dispatcher import accept, silence
from dispatcher.jobs import FINISHED, Explanation, Why
from dispatcher.outbox import Outbox
from dispatcher.recording import LARGE_BYTES, Recorder, outputs_of, size_of
from dispatcher.runs.record import Ended
from dispatcher.sight import Sight
from dispatcher.verdict import Verdict
from protocol import codec
from protocol.drop import Drop
from protocol.errors import VerificationError
from protocol.layout import Attempt
from protocol.messages import Offer
from protocol.states import Standing, State

PATIENCE_LOCAL_S = 10.0
PATIENCE_REMOTE_S = 600.0
"""How long data may come after its marker before the attempt is rejected."""

NEED_AT = (0.1, 0.4)
"""After which parts of that patience the worker is asked to publish again what is missing."""


class Taking:
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
        verdict: Verdict,
    ) -> None:
        self._drop, self._offer, self._expected, self._results = drop, offer, expected, results
        self._outbox, self._recorder, self._verdict = outbox, recorder, verdict
        self._since: dict[str, float] = {}  # nonce → since when its data is waited for
        self._needs: dict[str, int] = {}  # nonce → how often its outputs were asked for again

    def take(self, attempt: Attempt, sight: Sight) -> Explanation:
        """Verify a delivered result and accept it; wait for data that is late; reject what cannot be used."""
        seen, done = sight.seen, sight.seen.done[attempt]
        try:
            accept.check_listed(done, seen)
            if not self._drop.capabilities.local or size_of(done) >= LARGE_BYTES:
                self._recorder.verifying(attempt, at=sight.wall)
            folder, facts = accept.fetch(self._drop, done, self._offer, self._expected, self._results, seen.parts)
        except VerificationError as error:
            return self._late_or_bad(attempt, sight, error)
        assert done.job is not None  # checked by fetch
        home = Ended(
            outputs=done.plain.model_dump(mode="json"),
            files=outputs_of(done, folder, facts),
            attempts=self._verdict.attempts(sight, attempt.nonce),
        )
        seal = codec.seal_of((folder / accept.MARKER).read_bytes())
        self._verdict.accept(attempt.nonce, folder, done.job.engine, seal, "full", home)
        return FINISHED

    def _late_or_bad(self, attempt: Attempt, sight: Sight, error: VerificationError) -> Explanation:
        patience = PATIENCE_LOCAL_S if self._drop.capabilities.local else PATIENCE_REMOTE_S
        left = patience - (sight.now - self._since.setdefault(attempt.nonce, sight.now))
        if error.missing and left > 0:
            self._ask_again(attempt, sight, error.missing, patience - left, patience)
            return silence.not_whole_yet(replace(sight, standing=Standing(State.DELIVERED, attempt)), error, left)
        self._outbox.reject(attempt, str(error), sight.now)
        text = f"the result of {attempt.worker} was rejected: {error}"
        return Explanation(code=Why.RESULTS_REJECTED, text=text, cure="Another attempt follows while a worker is here")

    def _ask_again(
        self, attempt: Attempt, sight: Sight, missing: tuple[str, ...], waited_s: float, patience_s: float
    ) -> None:
        """Ask the worker to publish again what does not come: not at once, for late data is the rule, nor for ever."""
        said = self._needs.get(attempt.nonce, 0)
        if said < len(NEED_AT) and waited_s >= NEED_AT[said] * patience_s:
            self._needs[attempt.nonce] = said + 1
            self._outbox.need(attempt, sight.seen, missing)
