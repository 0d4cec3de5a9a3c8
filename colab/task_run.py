"""Runs a task on the bench and follows its events: outputs are published, progress goes into the heartbeats."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from colab.attach import Attached
from colab.bench import Task, Workbench
from colab.job_form import Assignment, ResultPublisher
from colab.lease import Beater
from colab.salvage import Leftover
from protocol.errors import JobFailed
from protocol.fields import NOTE_LENGTH
from protocol.messages import EngineRecord, Held
from protocol.transports.host import Host
from usertext.redaction import redact

EVERY_S = 30.0
"""Between two lines of progress, so that the output of a whole night can still be read."""

_ENDS = {
    "RELEASED": "handed back, for another worker or the next session",
    "CANCELLED": "stopped, its result is no longer wanted",
}

STOP_GRACE_S = 10.0
"""How long a handler that was asked to stop has to finish its unit of work."""

LAST_EVENTS = frozenset({"stopped", "done", "failed"})
"""The events with which a bench ends a task."""


log = logging.getLogger(__name__)


@dataclass
class AttemptLog:
    """The log that is published with an attempt's result. It is for people, so times are the worker's own."""

    host: Host
    lines: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Add a line, without secrets."""
        self.lines.append(f"{time.strftime('%H:%M:%S', time.localtime(self.host.wall()))} {redact(text)}")

    def text(self) -> str:
        """Return the log so far."""
        return "\n".join(self.lines) + "\n"


class JobLines:
    """The lines of one attempt in the worker's own log: at its start, every 30 s while it goes on, at its end."""

    def __init__(self, host: Host, job: str, kind: str, n: int) -> None:
        self._host, self._job = host, job
        self._started = self._told = host.monotonic()
        again = f" (attempt {n})" if n > 1 else ""
        log.info("job %s: started, %s%s", job, kind, again)

    def progress(self, done: int, total: int, note: str) -> None:
        """Log the progress, unless that was done a moment ago."""
        now = self._host.monotonic()
        if total <= 0 or now - self._told < EVERY_S:
            return
        self._told = now
        more = f", {redact(note)}" if note else ""
        log.info("job %s: %d %% after %s%s", self._job, 100 * done // total, self._age(), more)

    def delivered(self) -> None:
        """Log that the result is in the drop."""
        log.info("job %s: done in %s, the result is in the drop", self._job, self._age())

    def failed(self, code: str, why: str) -> None:
        """Log that there is no result, and why."""
        if code in _ENDS:
            log.info("job %s: %s (%s, after %s)", self._job, _ENDS[code], redact(why), self._age())
        else:
            log.error("job %s: failed after %s with %s: %s", self._job, self._age(), code, redact(why))

    def _age(self) -> str:
        seconds = self._host.monotonic() - self._started
        if seconds < 60:
            return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


class TaskRun:
    """Runs tasks of one attempt on the bench."""

    def __init__(
        self,
        at: Attached,
        bench: Workbench,
        beater: Beater,
        assignment: Assignment,
        why_stop: Callable[[Held], str | None],
    ) -> None:
        self._at, self._bench, self._beater, self._why_stop = at, bench, beater, why_stop
        self._form = form = assignment.form
        self.log = AttemptLog(at.host)
        self.lines = JobLines(at.host, form.job, form.kind, assignment.attempt.n)
        self.progress = Held(job=form.job, nonce=assignment.attempt.nonce, done=0, total=0)
        self._engine: str | None = None  # the engine that works, once that is settled
        self._is_at_work = False  # the bench, at this task

    def run(
        self, task: Task, kept: Mapping[str, Leftover], publisher: ResultPublisher
    ) -> tuple[EngineRecord, dict[str, Any]]:
        """Do a task to its end, and return its engine and its summary. Raises JobFailed.

        Where following it fails, the bench is ended: its events would be read as those of the next task.
        """
        self._bench.begin(task)
        self._is_at_work = True
        try:
            return self._follow(kept, publisher)
        finally:
            if self._is_at_work:
                self._end_bench()

    def _end_bench(self) -> None:
        self._bench.kill()
        self._is_at_work = False

    def _follow(self, kept: Mapping[str, Leftover], publisher: ResultPublisher) -> tuple[EngineRecord, dict[str, Any]]:
        clock = self._at.host.monotonic
        started = flushed = asked = clock()
        poll_s, flush_s = self._at.drop.capabilities.poll_s, self._form.waits.flush_s
        while True:
            event = self._bench.event(poll_s)
            now = clock()
            if event is not None and (ended := self._on_event(event, kept, publisher)):
                return ended
            if now - flushed > flush_s:
                publisher.flush()
                flushed = now
            if now - asked >= poll_s:  # asking lists the job's folder: not once for every event
                self._end_if_asked(now - started, publisher)
                asked = now

    def _on_event(
        self, event: dict[str, Any], kept: Mapping[str, Leftover], publisher: ResultPublisher
    ) -> tuple[EngineRecord, dict[str, Any]] | None:
        self._is_at_work = event["event"] not in LAST_EVENTS
        match event["event"]:
            case "progress":
                self._say_progress(event)
            case "engine":
                files = [kept[path].file for path in event["kept"]]
                record = EngineRecord.model_validate(event["engine"])
                publisher.began(record, files)
                self._engine = record.name
                self.log.add(f"{len(files)} output(s) kept from earlier attempts")
            case "publish":
                publisher.add(event["path"])
            case "checkpoint":
                publisher.add(event["path"])
                publisher.flush()
            case "done":
                return EngineRecord.model_validate(event["engine"]), event["summary"]
            case "failed":
                self._fail(event)
        return None

    def _fail(self, event: dict[str, Any]) -> None:
        """Raise the JobFailed that a bench reports."""
        if event.get("trace"):
            self.log.add(event["trace"])
        if event["code"] == "ENGINE":
            self._end_bench()  # a GPU that was lost stays lost for the process that had it
        raise JobFailed(event["message"], code=event["code"], step=event.get("step"))

    def _say_progress(self, event: dict[str, Any]) -> None:
        note = f"{self._engine}: {event['note']}" if self._engine else event["note"]  # (dispatcher/jobs/explain.py)
        held = {"done": event["done"], "total": event["total"], "note": redact(note)[:NOTE_LENGTH]}
        self.progress = self.progress.model_copy(update=held)
        self._beater.progress(self.progress)
        self.lines.progress(event["done"], event["total"], event["note"])
        self.log.add(f"{event['done']}/{event['total']} {event['note']}")

    def _end_if_asked(self, age_s: float, publisher: ResultPublisher) -> None:
        """End the task when the worker stops, the job is over or its time is up."""
        wall_s = self._form.limits.wall_s
        if age_s > wall_s:
            self._end_bench()
            raise JobFailed(f"it took longer than the {wall_s:.0f} s allowed", code="TIMEOUT")
        if (why := self._why_stop(self.progress)) is None:
            return
        is_cancelled = why == "cancelled"
        self._bench.ask_to_stop()
        clock = self._at.host.monotonic
        deadline = clock() + STOP_GRACE_S
        while self._is_at_work and clock() < deadline:
            if (event := self._bench.event(0.2)) is None:
                continue
            self._is_at_work = event["event"] not in LAST_EVENTS
            if event["event"] in ("publish", "checkpoint") and not is_cancelled:
                publisher.add(event["path"])  # finished while it stops: the next attempt need not make it again
        raise JobFailed(why, code="CANCELLED" if is_cancelled else "RELEASED")
