"""The full form on the worker's side: a request with an offer as a job for a handler."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from colab.attach import Attached
from colab.job_memory import JobMemory
from colab.publish import Publisher
from protocol.kinds import KINDS
from protocol.layout import Attempt
from protocol.messages import ClaimTerms, InputFile, Offer, Request, WorkerCard
from protocol.observation import Observation

GRACE_S = 60.0
"""How long a job is left to the worker that it prefers, where it does not say."""


class FullForm:
    """A request of the full form as the worker handles it (`colab.job_form`)."""

    def __init__(self, at: Attached, memory: JobMemory, request: Request) -> None:
        offer = request.job
        self._at, self._memory, self._offer = at, memory, offer
        self.job, self.kind, self.digest = offer.id, offer.kind, offer.digest
        self.params: Mapping[str, Any] = request.params
        self.engine = offer.requires.engine
        self.inputs: Mapping[str, InputFile] = offer.inputs
        self.limits, self.waits = offer.limits, at.waits(offer.where)
        self.terms = self._terms(offer)

    def obstacle(self, card: WorkerCard, seen: Observation, now: float) -> str | None:
        """Return why this worker does not take the job now, or None where it does."""
        first_seen = self._memory.first_seen
        seen_for_s = 0.0 if first_seen is None else now - first_seen
        return _cannot(self._at, card, self._offer, seen) or _reserved(self._at, self._offer, seen_for_s)

    def check(self) -> None:
        """Do nothing: the kind's own check finds what is wrong."""

    def publisher(self, attempt: Attempt, folder: Path) -> Publisher:
        """Return what publishes the outputs that an attempt has put into `folder`."""
        media: dict[str, str] = {}
        with contextlib.suppress(ValidationError):  # bad parameters are answered by the bench, with their reason
            kind = KINDS[self.kind]
            media = kind.outputs(kind.params.model_validate(self.params))
        return Publisher(self._at, self.job, attempt, self.digest, folder, media, self.waits.publish_gone_s)

    def _terms(self, offer: Offer) -> ClaimTerms:
        """Return the offer's terms, as they hold for this worker: it may be on another machine than the owner."""
        # The leases know by themselves that a worker on another machine has a longer lease than these terms.
        settle_s = max(offer.claim.settle_s, self.waits.settle_s)
        if self._at.drop.capabilities.local and offer.where is None:
            settle_s = 0  # turns are exclusive here, and the offer does not say that its owner is elsewhere
        return offer.claim.model_copy(update={"settle_s": settle_s})


def _cannot(at: Attached, card: WorkerCard, offer: Offer, seen: Observation) -> str | None:
    """Return why this worker cannot do a job, or None."""
    if offer.kind not in card.kinds:
        return f"kind {offer.kind} is not done here"
    engines = [record.name for record in card.engines[offer.kind]]
    if offer.requires.engine and offer.requires.engine not in engines:
        return f"engine {offer.requires.engine} is not here (here: {', '.join(engines)})"
    if offer.limits.not_after is not None and at.host.wall() > offer.limits.not_after:
        return "its time (not_after) has passed by this clock; if it was sent just now, one of the clocks is wrong"
    late = [name for name, file in offer.inputs.items() if seen.sizes.get(file.in_, -1) < file.size]
    return f"input {late[0]} is not all there yet" if late else None


def _reserved(at: Attached, offer: Offer, seen_for_s: float) -> str | None:
    """Return whose job it is while its grace lasts, or None where this worker may take it."""
    preferred = offer.claim.prefer
    grace_s = GRACE_S if offer.claim.grace_s is None else offer.claim.grace_s
    if preferred is None or preferred == at.worker or seen_for_s >= grace_s:
        return None
    return f"left to worker {preferred} for {grace_s:.0f} s"
