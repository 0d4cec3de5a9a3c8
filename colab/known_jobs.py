"""The jobs that a worker has seen, what it remembers of each, and when it may forget one (FORMAT.md R10, R12)."""

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
    """One memory for each job. One that its owner has removed is forgotten, with the result that was kept of it."""

    def __init__(self, at: Attached, keeper: Keeper) -> None:
        self._at, self._keeper = at, keeper
        self._jobs: dict[str, JobMemory] = {}

    @property
    def names(self) -> frozenset[str]:
        """Every job that is remembered."""
        return frozenset(self._jobs)

    @property
    def not_over(self) -> frozenset[str]:
        """Those that may still have news."""
        return frozenset(job for job, memory in self._jobs.items() if not memory.closed)

    def memory(self, job: str) -> JobMemory:
        """Return what is remembered of a job, nothing yet of one that is new."""
        if job not in self._jobs:
            at = self._at
            reader = JobReader(at.drop, at.drop_id, job, at.identity.trust)
            self._jobs[job] = JobMemory(job, reader, Missing(), at.drop.capabilities.limits)
        return self._jobs[job]

    def forget_removed(self, there: Collection[str], now: float) -> None:
        """Take note of a look at the drop itself. That a job is not in it proves nothing before it has lasted (R12)."""
        for job, memory in list(self._jobs.items()):
            if job in there:
                memory.missing.found()
            elif memory.missing.missed(now, memory.waits.gone_s):
                self._forget(job)

    def serve_kept(self, now: float) -> None:
        """Look at the jobs whose results were delivered and not taken yet; one that fails is looked at again."""
        for job in self._keeper.jobs:
            try:
                self._look_at_kept(job, now)
            except ChannelError as error:
                log.info("job %s, which was delivered, cannot be looked at now: %s", job, error)
            except (OursError, OSError) as error:
                self.memory(job).warn_once(f"what is missed of it cannot be published again now: {error}")
            except Exception as error:
                self.leave_alone(job, error, now)

    def leave_alone(self, job: str, mistake: Exception, now: float) -> None:
        """Leave a job to others as long as one that failed (R14), for this worker made a mistake at it; tell once."""
        memory = self.memory(job)
        memory.failed_at = now
        if repr(mistake) not in memory.told:
            memory.told.add(repr(mistake))
            log.error("job %s is left alone, for this worker makes a mistake at it", job, exc_info=mistake)

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
        """Say whether this very drop is there: an empty mount point, or another drive, tells nothing of a job."""
        try:
            return read_drop_id(self._at.drop, "this drop") == self._at.drop_id
        except EnvironmentNotReady:
            return False

    def _forget(self, job: str) -> None:
        self._keeper.drop(job)
        self._jobs.pop(job, None)
