"""Taking an open job: whether this worker can and may do it, and the claim that settles who does."""

from __future__ import annotations

import logging

from colab.attach import Attached
from colab.full_form import FullForm
from colab.job_form import Assignment, JobForm
from colab.job_memory import JobMemory
from colab.keeper import Keeper
from colab.lease import give_up, take
from colab.persist import persist
from colab.plain_form import PlainForm
from colab.refusing import Refusals
from colab.rivals import Rivals
from protocol.claims import LEASE_BEATS, elected
from protocol.errors import ChannelError, NameMissing
from protocol.layout import LAST_ATTEMPT, Attempt
from protocol.messages import WorkerCard
from protocol.observation import Observation
from protocol.states import OPEN_TO_CLAIMS, TERMINAL, ended_parts, judge, next_attempt_number, open_attempts

FAILED_AGAIN_S = 1800.0
"""How long a worker leaves a job that it failed to the others (R14)."""

log = logging.getLogger(__name__)


class Taker:
    """Looks at one job after the other, and claims what this worker can do."""

    def __init__(self, at: Attached, rivals: Rivals, keeper: Keeper, refusals: Refusals, beat_s: float) -> None:
        self._at, self._clock = at, at.host.monotonic
        self._rivals, self._keeper, self._refusals, self._beat_s = rivals, keeper, refusals, beat_s

    def take(self, memory: JobMemory, card: WorkerCard | None, now: float) -> Assignment | None:
        """Claim a job if it is open and the worker of this card takes it; without a card no job is taken."""
        if memory.closed or (seen := self._look(memory)) is None:
            return None
        self._keeper.serve(memory.job, seen)
        if self._refusals.refuse(memory, seen, self._beat_s * LEASE_BEATS, now):
            return None
        form = self._form(memory, seen)
        if form is None:
            return None
        memory.waits = form.waits
        lapsed = self._rivals.lapsed(seen, form.terms, form.limits, now) | self._end_own(memory, seen)
        standing = judge(seen, lapsed=lapsed)
        if standing.state in TERMINAL:
            memory.closed = True
        if standing.state not in OPEN_TO_CLAIMS or memory.turn_is_taken(seen, form.terms.lease_s, now):
            return None
        if card is None or not self._wants(memory, form, seen, card, now):
            return None
        return self._claim(memory, form, seen, lapsed)

    def _look(self, memory: JobMemory) -> Observation | None:
        try:
            return memory.reader.look()
        except NameMissing:
            return None

    def _form(self, memory: JobMemory, seen: Observation) -> JobForm | None:
        """Return the job in the form of its request; None where there is no request that waits for an answer."""
        if seen.request is not None:
            # Plain markers beside a full request are an old worker's, and prove nothing (FORMAT.md, the simple form).
            return FullForm(self._at, memory, seen.request)
        if seen.plain_request is None:
            memory.tell_once(seen.too_new)
            return None
        if seen.plain_done or seen.plain_error:
            memory.closed = True
            return None
        return PlainForm(self._at, memory, seen.plain_request, self._beat_s)

    def _end_own(self, memory: JobMemory, seen: Observation) -> frozenset[str]:
        """End the open attempts of this very session: it works on none of them, or it would not be looking."""
        if memory.job in self._keeper.jobs:
            return frozenset()  # delivered; the marker cannot be seen yet
        own = [attempt for attempt in open_attempts(seen) if seen.claims[attempt].boot == self._at.boot]
        for attempt in own:
            if attempt.nonce not in memory.given_up:
                self._say_end(memory, attempt, seen.claims[attempt].digest)
        return frozenset(attempt.nonce for attempt in own)

    def _say_end(self, memory: JobMemory, attempt: Attempt, digest: str) -> None:
        """Write why an attempt ended, or that it was released; what cannot be written now is tried at each look."""
        say_why = memory.unsaid.get(attempt.nonce)
        try:
            say_why() if say_why else give_up(self._at, memory.job, attempt, digest)
        except ChannelError as error:
            memory.warn_once(f"the end of attempt {attempt.n} could not be written; trying again: {error}")
            return
        memory.given_up.add(attempt.nonce)
        memory.unsaid.pop(attempt.nonce, None)

    def _wants(self, memory: JobMemory, form: JobForm, seen: Observation, card: WorkerCard, now: float) -> bool:
        """Say whether the worker of this card takes an open job.

        A job that it failed is left to the others for half an hour, a job whose result was rejected for one lease.
        """
        memory.first_seen = now if memory.first_seen is None else memory.first_seen
        if memory.failed_at is not None and now - memory.failed_at < FAILED_AGAIN_S:
            return False
        if self._was_rejected(memory, seen, now):
            return False
        obstacle = form.obstacle(card, seen, now)
        memory.tell_once(obstacle)
        return obstacle is None

    def _was_rejected(self, memory: JobMemory, seen: Observation, now: float) -> bool:
        """Say whether this worker's last rejected result is so fresh that another worker's turn has come (R14)."""
        quiet_s = max(self._beat_s * LEASE_BEATS, memory.waits.lease_s)
        own = [it.nonce for it in seen.done if it.worker == self._at.worker and it.nonce in seen.rejected]
        return any(now - memory.rejected.setdefault(nonce, now) < quiet_s for nonce in own)

    def _claim(self, memory: JobMemory, form: JobForm, seen: Observation, lapsed: frozenset[str]) -> Assignment | None:
        """Claim an open job and settle who does it; None when another worker does, or no attempt number is left."""
        n = next_attempt_number(seen)
        if n is None:
            memory.tell_once(f"its attempt numbers are used up: the highest, {LAST_ATTEMPT}, was seen")
            memory.closed = True
            return None
        attempt = take(self._at, memory.job, n, form.digest)
        if attempt is None:
            return None
        if self._settled(attempt, memory, form):
            return Assignment(form=form, attempt=attempt, ended=ended_parts(seen, lapsed))
        log.info("another worker does attempt %d at %s", attempt.n, memory.job)
        give_up(self._at, memory.job, attempt, form.digest)
        return None

    def _settled(self, attempt: Attempt, memory: JobMemory, form: JobForm) -> bool:
        """Wait until rival claims can be seen, look twice, and say whether this claim won."""
        terms = form.terms
        if terms.mode == "single" or (self._at.drop.capabilities.local and not terms.settle_s):
            return True  # there is no other worker, or the turn was taken exclusively
        if terms.mode == "prefer" and terms.prefer == self._at.worker and attempt.n == 1:
            return True  # the others leave it the first attempt
        for _ in range(2):
            self._at.host.sleep(terms.settle_s / 2)
            seen = persist(self._at.host, f"the claims of {memory.job}", memory.reader.look, for_s=terms.lease_s / 2)
            if not elected(attempt, seen, self._rivals.lapsed(seen, terms, form.limits, self._clock())):
                return False
        return True
