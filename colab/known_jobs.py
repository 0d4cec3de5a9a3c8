"""The jobs that a worker has seen, what it remembers about each, and when it forgets one (FORMAT.md R10, R12)."""

from __future__ import annotations

import logging
from collections.abc import Collection

from colab.attach import Attached
from colab.job_memory import JobMemory
from colab.keeper import Keeper
from protocol.absence import Missing
from protocol.errors import ChannelError, EnvironmentNotReady, NameMissing, OursError
from protocol.observation import JobReader, read_drop_id

log = logging.getLogger(__name__)


class KnownJobs:
    """One memory for each job. A job that its owner has removed is forgotten, with the result kept for it."""

    def __init__(self, at: Attached, keeper: Keeper) -> None:
        self._at, self._keeper = at, keeper
        self._jobs: dict[str, JobMemory] = {}

    @property
    def names(self) -> frozenset[str]:
        """Every job that is remembered."""
        return frozenset(self._jobs)

    @property
    def not_over(self) -> frozenset[str]:
        """The jobs that may still change."""
        return frozenset(job for job, memory in self._jobs.items() if not memory.closed)

    def memory(self, job: str) -> JobMemory:
        """Return the memory of a job, an empty one for a new job."""
        if job not in self._jobs:
            at = self._at
            reader = JobReader(at.drop, at.drop_id, job, at.identity.trust)
            self._jobs[job] = JobMemory(job, reader, Missing(), at.drop.capabilities.limits)
        return self._jobs[job]

    def forget_removed(self, there: Collection[str], now: float) -> None:
        """Record a listing of the drop. A missing job counts as removed only after a while (R12)."""
        for job, memory in list(self._jobs.items()):
            if job in there:
                memory.missing.found()
            elif memory.missing.missed(now, memory.waits.gone_s):
                self._forget(job)

    def serve_kept(self, now: float) -> None:
        """Check the jobs whose results were delivered but not accepted yet; failures are retried next time."""
        for job in self._keeper.jobs:
            try:
                self._look_at_kept(job, now)
            except ChannelError as error:
                log.info("job %s was delivered, but cannot be checked now: %s", job, error)
            except (OursError, OSError) as error:
                self.memory(job).warn_once(f"its missing files cannot be published again now: {error}")
            except Exception as error:
                self.leave_alone(job, error, now)

    def leave_alone(self, job: str, mistake: Exception, now: float) -> None:
        """Leave a job to others as long as a failed one (R14), because of a bug in this worker; log that once."""
        memory = self.memory(job)
        memory.failed_at = now
        if repr(mistake) not in memory.told:
            memory.told.add(repr(mistake))
            log.error("job %s is left to other workers, because of an internal error here", job, exc_info=mistake)

    def _look_at_kept(self, job: str, now: float) -> None:
        memory = self.memory(job)
        try:
            seen = memory.reader.look()
        except NameMissing:
            if self._drop_answers() and memory.missing.missed(now, memory.waits.gone_s):
                self._forget(job)
            return
        memory.missing.found()
        self._keeper.serve(job, seen)

    def _drop_answers(self) -> bool:
        """Say whether this very drop answers: an empty mount point or another drive proves nothing about a job."""
        try:
            return read_drop_id(self._at.drop, "this drop") == self._at.drop_id
        except EnvironmentNotReady:
            return False

    def _forget(self, job: str) -> None:
        self._keeper.drop(job)
        self._jobs.pop(job, None)
