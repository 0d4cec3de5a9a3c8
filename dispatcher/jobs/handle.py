"""The client-side handle to a submitted job: waits for its run, and acts for it while no other process does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dispatcher.jobs.job import Job, Progress, Result
from dispatcher.jobs.lease_times import LeaseTimes
from dispatcher.jobs.lifecycle import Lifecycle
from dispatcher.runs.leases import Holder
from dispatcher.runs.record import Run
from dispatcher.runs.run_lease import RunLease
from dispatcher.runs.store import RunStore
from protocol.errors import JobTimeout
from protocol.transports.host import Host


class HandleOwner(Protocol):
    """What a handle needs of the client that submitted its job."""

    store: RunStore
    host: Host
    holder: Holder
    poll_s: float
    lease_times: LeaseTimes

    def follow(self, run: Run, job: Job) -> Lifecycle:
        """Return what follows a run in the folder that it has now."""
        ...

    def upload(self, run: Run, job: Job) -> None:
        """Put a pending run into the drop."""
        ...

    def offer_again(self, run: Run, job: Job) -> None:
        """Offer a run again under a new job id."""
        ...

    def wait_for_news(self, timeout_s: float) -> None:
        """Wait until the drop may have changed, at most this long."""
        ...

    def run_ended(self, run_id: str) -> None:
        """Note that a run has ended, so that its logs are fetched."""
        ...

    def flush_later(self, lifecycle: Lifecycle) -> None:
        """Write the messages that a lifecycle could not write when the client is closed."""
        ...


class Handle:
    """Client-side handle to a submitted job."""

    def __init__(self, owner: HandleOwner, run: Run, job: Job) -> None:
        self.run = run.id
        self._owner, self._job, self._sent = owner, job, run.status != "pending"
        self._lease = RunLease(owner.store, run.id, owner.holder, owner.host)
        self._began_open = run.is_open
        self._follow(run)

    def wait(
        self,
        timeout_s: float | None = None,
        *,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Result:
        """Wait for the verified result. Raises JobFailed, JobCancelled, JobExpired or JobTimeout.

        An unreachable drop does not end the wait; `on_progress` is called at once and after every look. After
        JobTimeout or an interrupt the job stays in the drop; submitting it again resumes the wait.
        """
        try:
            return self._wait(timeout_s, on_progress)
        finally:
            self.leave()

    def _wait(self, timeout_s: float | None, on_progress: Callable[[Progress], None] | None) -> Result:
        clock = self._owner.host.monotonic
        started = clock()
        while True:
            waited = clock() - started
            progress = self.look(waited)
            if on_progress:
                on_progress(progress)
            if self._lifecycle.result is not None:
                return self._lifecycle.result
            if timeout_s is not None and waited >= timeout_s:
                raise self._timeout(timeout_s, progress)
            left = self._owner.poll_s if timeout_s is None else timeout_s - waited
            self._owner.wait_for_news(min(left, self._owner.poll_s))

    def look(self, waited_s: float) -> Progress:
        """Look once and act if this process holds the run's lease; raise the error that the job ended with."""
        clock = self._owner.host.monotonic
        if self._began_open and not self._lease.has_turn():
            progress = self._lifecycle.read(waited_s, clock())
            self._follow_moved()
            return progress
        self._send()
        progress = self._lifecycle.step(waited_s, clock())
        self._owner.lease_times.looked(progress, clock())
        if self._lifecycle.result is None:
            self._offer_lost_again()
        return progress

    def send(self) -> None:
        """Make sure that the job is complete and trusted in the drop, unless another process holds the run's lease."""
        if self._lease.has_turn():
            self._owner.upload(self._owner.store.get(self.run), self._job)
            self._follow_moved(moved=True)

    def renew(self) -> None:
        """Renew the lease on the run while this process looks at something else."""
        self._lease.has_turn()

    @property
    def result(self) -> Result | None:
        """The verified result, once a look has found it."""
        return self._lifecycle.result

    def leave(self) -> None:
        """Release the run to whoever waits for it next; unwritten messages are written when the client is closed."""
        if self._lifecycle.has_unwritten:
            self._owner.flush_later(self._lifecycle)
        if self._owner.store.get(self.run).is_open:
            self._lease.end()
        elif self._began_open:
            self._began_open = False
            self._owner.run_ended(self.run)

    def _send(self) -> None:
        """Put the job into the drop if that failed when it was submitted."""
        if not self._sent:
            run = self._owner.store.get(self.run)
            if run.status == "pending":
                self._owner.upload(run, self._job)
                run = self._owner.store.get(self.run)
            self._follow(run)
            self._sent = run.status != "pending"

    def _offer_lost_again(self) -> None:
        """Offer a job again that was lost on its way, and follow it where this or another process did so."""
        if self._lifecycle.is_lost and not self._lifecycle.has_moved:
            self._owner.offer_again(self._owner.store.get(self.run), self._job)
        if self._lifecycle.is_lost:
            self._follow_moved(moved=True)
        self._follow_moved()

    def _follow_moved(self, *, moved: bool = False) -> None:
        """Follow the run into its new folder, where this or another process has offered it again."""
        if moved or self._lifecycle.has_moved:
            run = self._owner.store.get(self.run)
            self._sent = run.status != "pending"
            self._follow(run)

    def _follow(self, run: Run) -> None:
        self._lifecycle = self._owner.follow(run, self._job)

    def _timeout(self, timeout_s: float, progress: Progress) -> JobTimeout:
        """Return an error with the reason, the hint, how to resume, and when each worker was last heard of."""
        workers = "; ".join(self._lifecycle.signs_of_life()) or "none"
        reason = f"{progress.text}. {progress.hint}".strip().rstrip(".")
        return JobTimeout(
            f"no verified result after {timeout_s:.0f} s: {reason}\n"
            f"The job stays in the drop (run {self.run}): run the same command to resume waiting. Workers: {workers}",
            why=progress.why,
            hint=progress.hint,
            run=self.run,
        )

    @property
    def attempts(self) -> int:
        """How many attempts at this job were seen."""
        return self._lifecycle.attempts

    def cancel(self, reason: str = "cancelled by the user") -> bool:
        """Cancel the job unless it has ended; return whether this call did so."""
        return self._lifecycle.cancel(reason)
