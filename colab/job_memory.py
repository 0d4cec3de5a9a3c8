"""What this worker remembers about a job from one check to the next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from protocol.absence import Missing
from protocol.drop import TimeLimits
from protocol.observation import JobReader, Observation

log = logging.getLogger(__name__)


@dataclass
class JobMemory:
    """What this worker remembers about a job from one check to the next. Times are its own monotonic clock's."""

    job: str
    reader: JobReader
    missing: Missing
    waits: TimeLimits  # how long to wait for its owner
    closed: bool = False
    first_seen: float | None = None
    failed_at: float | None = None
    told: set[str] = field(default_factory=set)
    rejected: dict[str, float] = field(default_factory=dict)  # nonces of own rejected attempts → when first seen
    given_up: set[str] = field(default_factory=set)  # nonces of own attempts that were released later
    unsaid: dict[str, Callable[[], None]] = field(default_factory=dict)  # nonces of failed attempts → writes the marker
    turns: dict[int, float] = field(default_factory=dict)  # turn without a claim → when first seen
    clips: tuple[dict[str, int], float] | None = None  # the contents of `audio/`, and since when
    files: tuple[dict[str, int], float] | None = None  # the files of the folder with their sizes, and since when

    @property
    def leftover(self) -> Mapping[str, int]:
        """The clips of an abandoned plain answer."""
        return self.clips[0] if self.clips else {}

    def is_quiet(self, sizes: Mapping[str, int], quiet_s: float, now: float) -> bool:
        """Say whether nothing in the job's folder has changed for `quiet_s`, as far as this worker has seen."""
        if self.files is None or self.files[0] != sizes:
            self.files = dict(sizes), now
        return now - self.files[1] > quiet_s

    def tell_once(self, problem: str | None) -> None:
        """Log why the job is not taken, once for each reason."""
        if problem and problem not in self.told:
            self.told.add(problem)
            log.info("job %s is not taken: %s", self.job, problem)

    def warn_once(self, problem: str) -> None:
        """Log a problem with the job, once for each reason."""
        if problem not in self.told:
            self.told.add(problem)
            log.warning("job %s: %s", self.job, problem)

    def turn_is_taken(self, seen: Observation, lease_s: float, now: float) -> bool:
        """Say whether another worker has taken the turn and may be about to write its claim."""
        claimed = max((attempt.n for attempt in seen.claims), default=0)
        pending = [turn for turn in seen.turns if turn > claimed]
        return any(now - self.turns.setdefault(turn, now) <= lease_s for turn in pending)
