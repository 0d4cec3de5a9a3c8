"""A job's folder that is not to be seen, and a drop that cannot be reached: absence is no evidence (FORMAT.md R12)."""

from __future__ import annotations

from collections.abc import Callable

from dispatcher.formatting import rough_time
from dispatcher.jobs import explain
from dispatcher.jobs.finish import RunFinisher
from dispatcher.jobs.job import Explanation, Why
from dispatcher.jobs.snapshot import JobSnapshot
from dispatcher.runs.record import Run
from protocol.absence import Missing
from protocol.drop import Drop, TimeLimits
from protocol.errors import ChannelError, EnvironmentNotReady, JobCancelled
from protocol.seen import read_drop_id


class MissingJob:
    """Judges what one job's folder not being there means, and remembers since when it is so."""

    def __init__(self, drop: Drop, run: Run, verdict: RunFinisher, waits: Callable[[], TimeLimits]) -> None:
        self._drop, self._run, self._verdict, self._waits = drop, run, verdict, waits
        self._lost_at: float | None = None  # since when the drop cannot be reached
        self._missing = Missing()  # the folder is not in it
        self._was_seen = False

    def is_over(self) -> None:
        """Take note of a look that succeeded: what was lost is back."""
        self._lost_at = None
        self._missing.found()

    def was_seen(self) -> None:
        """Take note that the request was in the drop: only what was there can have been deleted."""
        self._was_seen = True

    def unseen(self, snapshot: JobSnapshot | None, now: float, wall: float) -> Explanation:
        """Judge a folder that cannot be seen; `snapshot` is the last look that succeeded."""
        try:
            found = read_drop_id(self._drop, self._run.drop)
        except ChannelError as error:
            return self.unreachable(error, now, wall)
        except EnvironmentNotReady as error:
            return explain.not_a_drop(error, self._run.drop)
        if found != self._run.drop_id:
            return explain.another_drop(found, self._run.drop_id, self._run.drop)
        if self._run.status == "pending" or not self._was_seen:  # what never got through cannot have been deleted
            return explain.not_sent(sent=self._run.status != "pending")
        return self._gone(snapshot, now)

    def _gone(self, snapshot: JobSnapshot | None, now: float) -> Explanation:
        gone_s = self._waits().gone_s
        if self._missing.missed(now, gone_s):
            text = "its folder was deleted from the drop"
            self._verdict.fail("cancelled", "CANCELLED", text, JobCancelled, snapshot)
        text = f"the job's folder {self._run.job} is not in the drop, which answers"
        hint = f"If it stays so for {rough_time(self._missing.left_s(now, gone_s))} more, it was deleted"
        return Explanation(code=Why.FOLDER_GONE, text=text, hint=hint)

    def unreachable(self, error: ChannelError, now: float, wall: float) -> Explanation:
        """Explain a drop whose channel fails."""
        self._lost_at = now if self._lost_at is None else self._lost_at
        return explain.unreachable(error, self._run.drop, now - self._lost_at, wall)
