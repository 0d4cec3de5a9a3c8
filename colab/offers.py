"""Whether this worker may take a job that stands open: what it can do, who is preferred, who answers plainly."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from colab.attach import Attached
from colab.plain_answer import clips_of
from protocol.absence import Missing
from protocol.drop import TimeLimits
from protocol.layout import JobNames
from protocol.messages import Offer, WorkerCard
from protocol.seen import JobReader, Observation

FAILED_AGAIN_S = 1800.0
GRACE_S = 60.0
"""How long a job waits for the worker that it prefers, where it does not say."""

PLAIN_KIND = "tts"

log = logging.getLogger(__name__)


@dataclass
class JobMemory:
    """What this worker remembers of a job between two looks. Times are its own monotonic clock's."""

    job: str
    reader: JobReader
    missing: Missing
    waits: TimeLimits  # how long to wait for its owner
    closed: bool = False
    first_seen: float | None = None
    failed_at: float | None = None
    told: set[str] = field(default_factory=set)
    rejected: dict[str, float] = field(default_factory=dict)  # nonces of own rejected attempts → first sight
    given_up: set[str] = field(default_factory=set)  # nonces of own attempts that were ended afterwards
    unsaid: dict[str, Callable[[], None]] = field(default_factory=dict)  # nonces of own failed attempts → what says so
    turns: dict[int, float] = field(default_factory=dict)  # turn without a claim → first sight
    clips: tuple[dict[str, int], float] | None = None  # what lies in `audio/`, since when it is so
    lies: tuple[dict[str, int], float] | None = None  # what lies in the folder, since when it is so

    @property
    def leftover(self) -> Mapping[str, int]:
        """The clips of a plain answer that somebody gave up."""
        return self.clips[0] if self.clips else {}

    def is_quiet(self, sizes: Mapping[str, int], quiet_s: float, now: float) -> bool:
        """Say whether nothing in the job's folder has changed for so long, as far as it was looked at."""
        if self.lies is None or self.lies[0] != sizes:
            self.lies = dict(sizes), now
        return now - self.lies[1] > quiet_s

    def tell_once(self, problem: str | None) -> None:
        """Log why the job is not taken, once for each reason."""
        if problem and problem not in self.told:
            self.told.add(problem)
            log.info("job %s is not taken: %s", self.job, problem)

    def warn_once(self, problem: str) -> None:
        """Log what is wrong with the job here, once for each reason."""
        if problem not in self.told:
            self.told.add(problem)
            log.warning("job %s: %s", self.job, problem)

    def turn_is_taken(self, seen: Observation, lease_s: float, now: float) -> bool:
        """Say whether another worker has taken its turn and may be about to write its claim."""
        claimed = max((attempt.n for attempt in seen.claims), default=0)
        pending = [turn for turn in seen.turns if turn > claimed]
        return any(now - self.turns.setdefault(turn, now) <= lease_s for turn in pending)


def wants(at: Attached, card: WorkerCard, memory: JobMemory, seen: Observation, quiet_s: float, now: float) -> bool:
    """Say whether the worker of this card takes an open job; a plain one only when nothing changes for `quiet_s`.

    A job it failed it leaves to the others for half an hour, one for which its result was rejected for `quiet_s`.
    """
    assert seen.request is not None  # an open job has one
    memory.first_seen = now if memory.first_seen is None else memory.first_seen
    if memory.failed_at is not None and now - memory.failed_at < FAILED_AGAIN_S:
        return False
    if _was_rejected(memory, seen, at.worker, quiet_s, now):
        return False
    offer = seen.request.job
    if offer is None:
        asked = PLAIN_KIND in card.kinds and "steps" in seen.request.params
        return asked and _is_left_alone(at, memory, seen, quiet_s, now)
    problem = _cannot(at, card, offer, seen) or _reserved(at, offer, now - memory.first_seen)
    memory.tell_once(problem)
    return problem is None


def _was_rejected(memory: JobMemory, seen: Observation, worker: str, quiet_s: float, now: float) -> bool:
    """Say whether this worker's last rejected result is so fresh that it is somebody else's turn (R14)."""
    own = [attempt.nonce for attempt in seen.done if attempt.worker == worker and attempt.nonce in seen.rejected]
    return any(now - memory.rejected.setdefault(nonce, now) < quiet_s for nonce in own)


def _is_left_alone(at: Attached, memory: JobMemory, seen: Observation, quiet_s: float, now: float) -> bool:
    """Say whether nobody of the simple form is answering: there is no `audio/`, or nothing changes in there."""
    if not seen.plain_audio:
        return True
    clips = clips_of(at, JobNames(memory.job))
    if memory.clips is None or memory.clips[0] != clips:
        memory.clips = clips, now
    memory.tell_once("somebody is answering it plainly")
    return now - memory.clips[1] > quiet_s


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
