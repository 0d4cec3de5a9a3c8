"""The local hope of a result: what waits for one run, acting for it as long as no other process does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dispatcher.jobs.job import Job, Progress, Result
from dispatcher.jobs.lifecycle import Lifecycle
from dispatcher.runs.record import Run
from dispatcher.runs.run_lease import RunLease
from protocol.errors import JobTimeout
from protocol.kinds import KINDS

if TYPE_CHECKING:
    from dispatcher.jobs.client import Client


class Handle:
    """The local hope of a result."""

    def __init__(self, client: Client, run: Run, job: Job) -> None:
        self.run = run.id
        self._client, self._job, self._sent = client, job, run.status != "pending"
        self._expected = KINDS[job.kind].outputs(KINDS[job.kind].params.model_validate(dict(job.params)))
        self._attendance = RunLease(client.store, run.id, client.holder, client.host)
        self._began_open = run.is_open
        self._follow(run)

    def wait(
        self,
        timeout_s: float | None = None,
        *,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Result:
        """Wait for the verified result. Raises JobFailed, JobCancelled, JobExpired or JobTimeout.

        A drop that cannot be reached is waited for like everything else; `on_progress` is told at once and at every
        look. After JobTimeout or an interrupt the job stays in the drop; submitting it again goes on waiting for it.
        """
        try:
            return self._wait(timeout_s, on_progress)
        finally:
            self.leave()

    def _wait(self, timeout_s: float | None, on_progress: Callable[[Progress], None] | None) -> Result:
        clock = self._client.host.monotonic
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
            left = self._client.poll_s if timeout_s is None else timeout_s - waited
            self._client.wait_for_news(min(left, self._client.poll_s))

    def look(self, waited_s: float) -> Progress:
        """Look once and do what is to be done, if it is this process's turn; raise what the job ended with."""
        clock = self._client.host.monotonic
        if self._began_open and not self._attendance.has_turn():
            progress = self._lifecycle.read(waited_s, clock())
            self._follow_moved()
            return progress
        self._send()
        progress = self._lifecycle.step(waited_s, clock())
        self._client.pace.looked(progress, clock())
        if self._lifecycle.result is None:
            self._find_way()
        return progress

    def send(self) -> None:
        """See to it that the job is in the drop, whole and believed, unless somebody else attends to that."""
        if self._attendance.has_turn():
            self._client.upload(self._client.store.get(self.run), self._job)
            self._follow_moved(moved=True)

    def keep(self) -> None:
        """Keep this process's turn at the job while something else is looked at."""
        self._attendance.has_turn()

    @property
    def result(self) -> Result | None:
        """The verified result, once a look has found it."""
        return self._lifecycle.result

    def leave(self) -> None:
        """Leave the job to whoever waits for it next; what it has not said yet is said when the client is closed."""
        if self._lifecycle.has_rest:
            self._client._unsaid.append(self._lifecycle)
        if self._client.store.get(self.run).is_open:
            self._attendance.end()
        elif self._began_open:
            self._began_open = False
            self._client.ended(self.run)

    def _send(self) -> None:
        """Put the job into the drop if that could not be done when it was submitted."""
        if not self._sent:
            run = self._client.store.get(self.run)
            if run.status == "pending":
                self._client.upload(run, self._job)
                run = self._client.store.get(self.run)
            self._follow(run)
            self._sent = run.status != "pending"

    def _find_way(self) -> None:
        """Offer a job again that did not get through, and follow it where this or another process did so."""
        if self._lifecycle.is_lost and not self._lifecycle.has_moved:
            self._client.offer_again(self._client.store.get(self.run), self._job)
        if self._lifecycle.is_lost:
            self._follow_moved(moved=True)
        self._follow_moved()

    def _follow_moved(self, *, moved: bool = False) -> None:
        """Look at the folder that the run has by now, where this or another process has given it another one."""
        if moved or self._lifecycle.has_moved:
            run = self._client.store.get(self.run)
            self._sent = run.status != "pending"
            self._follow(run)

    def _follow(self, run: Run) -> None:
        """Look at the folder that the run has now."""
        client = self._client
        self._lifecycle = Lifecycle(
            client.drop,
            client.store,
            run,
            self._expected,
            client.results,
            client.workforce,
            client.host,
            client.identity,
            started_here=bool(client.serving),
        )

    def _timeout(self, timeout_s: float, progress: Progress) -> JobTimeout:
        """Return the error that says all that is known: why, the hint, how to go on, and who was heard of last."""
        workers = "; ".join(self._lifecycle.signs_of_life()) or "none"
        why = f"{progress.text}. {progress.hint}".strip().rstrip(".")
        return JobTimeout(
            f"no verified result after {timeout_s:.0f} s: {why}\n"
            f"The job stays in the drop (run {self.run}): the same command picks it up again. Workers: {workers}",
            why=progress.why,
            hint=progress.hint,
            run=self.run,
        )

    @property
    def attempts(self) -> int:
        """How many attempts at this job were seen."""
        return self._lifecycle.attempts

    def cancel(self, reason: str = "cancelled by the user") -> bool:
        """Cancel the job, unless it has ended; return whether this call did it."""
        return self._lifecycle.cancel(reason)
