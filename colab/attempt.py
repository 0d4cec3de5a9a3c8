"""One attempt at one job, from the verified inputs to the marker."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from colab.attach import Attached
from colab.bench import Task, Workbench
from colab.inputs import fetch_inputs
from colab.keeper import Delivered
from colab.lease import Beater
from colab.plain import understand
from colab.plain_answer import PlainPublisher
from colab.publish import Publisher
from colab.salvage import Leftover, salvage
from protocol.errors import ChannelError, JobFailed, StorageFull
from protocol.kinds import KINDS
from protocol.kinds.kind import CHECKPOINTS
from protocol.layout import Attempt
from protocol.messages import MAY_BE_TRIED_ELSEWHERE, NOTE_LENGTH, EngineRecord, Held, Limits, Part, Request
from protocol.redaction import redact
from protocol.transports.host import Host

STOP_GRACE_S = 10.0
FLUSH_LOCAL_S = 2.0
FLUSH_REMOTE_S = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A job that this worker has claimed."""

    job: str
    kind: str
    request: Request
    attempt: Attempt
    digest: str
    limits: Limits
    lease_s: float
    leftover: Mapping[str, int] = field(default_factory=dict)  # clips of a plain answer that somebody gave up
    ended: Mapping[Attempt, tuple[Part, ...]] = field(default_factory=dict)  # what ended attempts published


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended: with an error code, or delivered. A plain answer is neither."""

    code: str | None = None
    delivered: Delivered | None = None


@dataclass
class _Log:
    """What the worker writes down of an attempt: for people, so times are the worker's own."""

    host: Host
    lines: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        self.lines.append(f"{time.strftime('%H:%M:%S', time.localtime(self.host.wall()))} {redact(text)}")

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


class AttemptRun:
    """Works on an assignment and says how it ended, whatever happens."""

    def __init__(
        self,
        at: Attached,
        bench: Workbench,
        beater: Beater,
        task: Assignment,
        why_stop: Callable[[Held], str | None],
    ):
        self._at, self._bench, self._beater, self._task = at, bench, beater, task
        self._why_stop = why_stop
        self._log = _Log(at.host)
        self._plain = understand(task.request.params) if task.request.job is None else None
        self._kept: dict[str, Leftover] = {}
        self._engine: str | None = None  # who does the work, once that is settled
        self._progress = Held(job=task.job, nonce=task.attempt.nonce, done=0, total=0)

    def run(self) -> Outcome:
        """Work, publish, and say how it ended."""
        task = self._task
        self._log.add(f"attempt {task.attempt} at {task.kind} job {task.job}")
        self._beater.hold(self._progress, task.lease_s)
        folder = tempfile.TemporaryDirectory(prefix="gpudrop-", ignore_cleanup_errors=True)
        outcome = Outcome(code="INTERNAL")
        try:
            outcome = self._run_in(folder)
        finally:
            self._beater.release()
            if outcome.delivered is None:
                folder.cleanup()
        return outcome

    def _run_in(self, place: tempfile.TemporaryDirectory[str]) -> Outcome:
        folder = Path(place.name)
        (folder / "out").mkdir()
        publisher = self._publisher(folder / "out")
        try:
            try:
                engine, summary = self._work(folder, publisher)
                publisher.done(engine, summary, self._log.text())
            except JobFailed as error:
                log.info("%s: %s: %s", self._task.job, error.code, error)
                self._log.add(f"{error.code}: {error}")
                publisher.failed(
                    error.code, redact(str(error)), retryable=error.retryable, step=error.step, log=self._log.text()
                )
                return Outcome(code=error.code)
            except StorageFull as error:
                publisher.failed("STORAGE", redact(str(error)), retryable=True, step=None, log=self._log.text())
                return Outcome(code="STORAGE")
        except ChannelError as error:
            # Nothing could be said: the lease lapses and another attempt follows.
            log.warning("%s: the drop failed while publishing: %s", self._task.job, error)
            return Outcome(code="STORAGE")
        return Outcome(delivered=self._delivered(place, publisher))

    def _delivered(
        self, place: tempfile.TemporaryDirectory[str], publisher: Publisher | PlainPublisher
    ) -> Delivered | None:
        """Return what is kept of a result: its outputs, until the owner has them. Plain owners never say so."""
        if isinstance(publisher, PlainPublisher):
            return None
        for scratch in Path(place.name).iterdir():
            if scratch.name != "out":
                shutil.rmtree(scratch) if scratch.is_dir() else scratch.unlink()
        shutil.rmtree(Path(place.name) / "out" / CHECKPOINTS, ignore_errors=True)
        return Delivered(attempt=self._task.attempt, folder=place, publisher=publisher)

    def _publisher(self, out: Path) -> Publisher | PlainPublisher:
        task = self._task
        if self._plain is not None:
            return PlainPublisher(self._at, task.job, out, self._plain, task.leftover)
        media: dict[str, str] = {}
        with contextlib.suppress(ValidationError):  # bad parameters are answered by the bench, with their reason
            kind = KINDS[task.kind]
            media = kind.outputs(kind.params.model_validate(task.request.params))
        return Publisher(self._at, task.job, task.attempt, task.digest, out, media)

    def _work(self, folder: Path, publisher: Publisher | PlainPublisher) -> tuple[EngineRecord, dict[str, Any]]:
        offer = self._task.request.job
        inputs = fetch_inputs(self._at, offer, folder / "in") if offer else {}
        self._kept = salvage(self._at, self._task.job, self._task.kind, self._task.ended, folder / "kept")
        task = Task(
            kind=self._task.kind,
            params=self._plain.params if self._plain else self._task.request.params,
            engine=offer.requires.engine if offer else None,
            inputs=inputs,
            folder=str(folder),
            kept={path: leftover.told() for path, leftover in self._kept.items()},
        )
        self._bench.begin(task)
        try:
            return self._follow(publisher)
        except JobFailed as error:
            if not self._may_have_room(error, publisher):
                raise
        log.info("%s: no memory beside other kinds' models; once more, without them", self._task.job)
        self._log.add("no memory beside the models of other kinds: once more, without them")
        self._bench.kill()
        self._bench.begin(task)
        return self._follow(publisher)

    def _may_have_room(self, error: JobFailed, publisher: Publisher | PlainPublisher) -> bool:
        """Say whether a job ran out of memory that models of other kinds hold, before it had an output."""
        return (
            error.code == "OUT_OF_MEMORY" and not publisher.has_outputs and bool(self._bench.loaded - {self._task.kind})
        )

    def _follow(self, publisher: Publisher | PlainPublisher) -> tuple[EngineRecord, dict[str, Any]]:
        """Follow the bench's events to the end of the task."""
        clock = self._at.host.monotonic
        started = flushed = asked = clock()
        pace = self._at.drop.capabilities
        flush_s = FLUSH_LOCAL_S if pace.local else FLUSH_REMOTE_S
        while True:
            event = self._bench.event(pace.poll_s)
            now = clock()
            if event is not None and (ended := self._on_event(event, publisher)):
                return ended
            if now - flushed > flush_s:
                publisher.flush()
                flushed = now
            if now - asked >= pace.poll_s:  # asking lists the job's folder: not once for every event
                self._end_if_asked(now - started)
                asked = now

    def _on_event(
        self, event: dict[str, Any], publisher: Publisher | PlainPublisher
    ) -> tuple[EngineRecord, dict[str, Any]] | None:
        match event["event"]:
            case "progress":
                self._say_progress(event)
            case "engine":
                kept = [self._kept[path].file for path in event["kept"]]
                record = EngineRecord.model_validate(event["engine"])
                publisher.began(record, kept)
                self._engine = record.name
                self._log.add(f"{len(kept)} output(s) kept from earlier attempts")
            case "publish":
                publisher.add(event["path"])
            case "checkpoint":
                publisher.add(event["path"])
                publisher.flush()
            case "done":
                return EngineRecord.model_validate(event["engine"]), event["summary"]
            case "failed":
                if event.get("trace"):
                    self._log.add(event["trace"])
                if event["code"] == "ENGINE":
                    self._bench.kill()  # a GPU that was lost stays lost for the process that had it
                raise JobFailed(
                    event["message"], code=event["code"], retryable=event["retryable"], step=event.get("step")
                )
        return None

    def _say_progress(self, event: dict[str, Any]) -> None:
        note = f"{self._engine}: {event['note']}" if self._engine else event["note"]  # (dispatcher/silence.py)
        held = {"done": event["done"], "total": event["total"], "note": redact(note)[:NOTE_LENGTH]}
        self._progress = self._progress.model_copy(update=held)
        self._beater.progress(self._progress)
        self._log.add(f"{event['done']}/{event['total']} {event['note']}")

    def _end_if_asked(self, age_s: float) -> None:
        """End the task when the worker stops, the job is over or its time is up."""
        if age_s > self._task.limits.wall_s:
            self._bench.kill()
            raise _ended("TIMEOUT", f"longer than the {self._task.limits.wall_s:.0f} s allowed")
        if (why := self._why_stop(self._progress)) is None:
            return
        self._bench.ask_to_stop()
        clock = self._at.host.monotonic
        deadline = clock() + STOP_GRACE_S
        while clock() < deadline:
            event = self._bench.event(0.2)
            if event is not None and event["event"] in ("stopped", "done", "failed"):
                break
        else:
            self._bench.kill()
        raise _ended("CANCELLED" if why == "cancelled" else "RELEASED", why)


def _ended(code: str, message: str) -> JobFailed:
    return JobFailed(message, code=code, retryable=code in MAY_BE_TRIED_ELSEWHERE)
