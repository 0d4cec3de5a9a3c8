"""One attempt at one job, from the verified inputs to the marker."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from colab.attach import Attached
from colab.bench import Task, Workbench
from colab.disk import disk_in_codes
from colab.inputs import fetch_inputs
from colab.joblines import JobLines
from colab.keeper import Delivered
from colab.lease import Beater
from colab.plain import understand
from colab.plain_answer import PlainPublisher
from colab.publish import Publisher
from colab.salvage import Leftover, salvage
from protocol.errors import ChannelError, EnvironmentNotReady, JobFailed
from protocol.integrity import sha256_of
from protocol.kinds import KINDS
from protocol.kinds.kind import CHECKPOINTS
from protocol.layout import Attempt
from protocol.messages import NOTE_LENGTH, EngineRecord, Held, Limits, Part, Request
from protocol.redaction import redact
from protocol.transports.host import Host

STOP_GRACE_S = 10.0

LAST_EVENTS = frozenset({"stopped", "done", "failed"})
"""What a bench says when it is done with a task, one way or another."""

INPUTS, KEPT = "in", "kept"
"""What an attempt begins with, in its folder: verified inputs, and what earlier attempts left."""

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
    """How an attempt ended: with an error code, or delivered. A plain answer is neither.

    `unsaid` writes the marker that could not be written.
    """

    code: str | None = None
    delivered: Delivered | None = None
    unsaid: Callable[[], None] | None = None


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
        self._waits = at.waits(task.request.job)
        self._log = _Log(at.host)
        self._lines = JobLines(at.host, task.job, task.kind, task.attempt.n)
        self._plain = understand(task.request.params) if task.request.job is None else None
        self._place: tempfile.TemporaryDirectory[str] | None = None
        self._kept: dict[str, Leftover] = {}
        self._engine: str | None = None  # who does the work, once that is settled
        self._is_at_work = False  # the bench, at this task
        self._progress = Held(job=task.job, nonce=task.attempt.nonce, done=0, total=0)

    def run(self) -> Outcome:
        """Work, publish, and say how it ended."""
        task = self._task
        self._log.add(f"attempt {task.attempt} at {task.kind} job {task.job}")
        self._beater.hold(self._progress, task.lease_s)
        outcome = Outcome(code="INTERNAL")
        try:
            outcome = self._run()
        finally:
            self._beater.release()
            if outcome.delivered is None and self._place is not None:
                self._place.cleanup()
        return outcome

    def _run(self) -> Outcome:
        publisher = self._publisher(Path())  # has nothing to publish where there is no room to begin
        try:
            with disk_in_codes("the work cannot begin here"):
                place = self._place = _place()
                publisher = self._publisher(Path(place.name) / "out")
            if self._plain is not None and self._plain.problem:
                raise JobFailed(self._plain.problem, code="BAD_REQUEST")
            with disk_in_codes("the work cannot go on here"):
                engine, summary = self._work(Path(place.name), publisher)
                publisher.done(engine, summary, self._log.text())
                self._lines.delivered()
        except JobFailed as error:
            return self._failed(error, publisher)
        except ChannelError as error:
            # Nothing could be said: the lease lapses and another attempt follows.
            log.warning("%s: the drop failed while publishing: %s", self._task.job, error)
            return Outcome(code="STORAGE")
        return Outcome(delivered=self._delivered(place, publisher))

    def _failed(self, error: JobFailed, publisher: Publisher | PlainPublisher) -> Outcome:
        """Say why there is no result. Where the drop does not even take that, the worker has it to say later."""
        self._lines.failed(error.code, str(error))
        self._log.add(f"{error.code}: {error}")
        try:
            publisher.failed(error.code, redact(str(error)), step=error.step, log=self._log.text())
        except ChannelError as problem:
            log.warning(
                "%s: that it failed (%s) cannot be said now, and is tried again: %s",
                self._task.job,
                error.code,
                problem,
            )
            return Outcome(code=error.code, unsaid=publisher.say_why)
        return Outcome(code=error.code)

    def _delivered(
        self, place: tempfile.TemporaryDirectory[str], publisher: Publisher | PlainPublisher
    ) -> Delivered | None:
        """Return what is kept of a result: its outputs, until the owner has them. Plain owners never say so."""
        if isinstance(publisher, PlainPublisher):
            return None
        _clear(Path(place.name), but=("out",))
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
        return Publisher(self._at, task.job, task.attempt, task.digest, out, media, self._waits.publish_gone_s)

    def _work(self, folder: Path, publisher: Publisher | PlainPublisher) -> tuple[EngineRecord, dict[str, Any]]:
        offer = self._task.request.job
        inputs = fetch_inputs(self._at, offer, folder / INPUTS) if offer else {}
        self._kept = salvage(self._at, self._task.job, self._task.kind, self._task.ended, folder / KEPT)
        task = Task(
            kind=self._task.kind,
            params=self._plain.params if self._plain else self._task.request.params,
            engine=offer.requires.engine if offer else None,
            inputs=inputs,
            folder=str(folder),
            kept=self._told_of_kept(),
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
        self._begin_anew(folder)
        self._bench.begin(replace(task, kept=self._told_of_kept()))
        return self._follow(publisher)

    def _begin_anew(self, folder: Path) -> None:
        """Have the folder as it was for the first try; of what was kept, only what that try left untouched."""
        _clear(folder, but=(INPUTS, KEPT))
        (folder / "out").mkdir()
        self._kept = {path: old for path, old in self._kept.items() if sha256_of(old.local) == old.content}

    def _told_of_kept(self) -> dict[str, dict[str, Any]]:
        return {path: leftover.told() for path, leftover in self._kept.items()}

    def _may_have_room(self, error: JobFailed, publisher: Publisher | PlainPublisher) -> bool:
        """Say whether a job ran out of memory that models of other kinds hold, before it had an output."""
        return (
            error.code == "OUT_OF_MEMORY" and not publisher.has_outputs and bool(self._bench.loaded - {self._task.kind})
        )

    def _follow(self, publisher: Publisher | PlainPublisher) -> tuple[EngineRecord, dict[str, Any]]:
        """Follow the bench's events to the end of the task. Where that fails, the bench is ended.

        It would go on, and its events would be taken for those of the next task.
        """
        self._is_at_work = True
        try:
            return self._followed(publisher)
        finally:
            if self._is_at_work:
                self._end_bench()

    def _end_bench(self) -> None:
        self._bench.kill()
        self._is_at_work = False

    def _followed(self, publisher: Publisher | PlainPublisher) -> tuple[EngineRecord, dict[str, Any]]:
        clock = self._at.host.monotonic
        started = flushed = asked = clock()
        pace, flush_s = self._at.drop.capabilities, self._waits.flush_s
        while True:
            event = self._bench.event(pace.poll_s)
            now = clock()
            if event is not None and (ended := self._on_event(event, publisher)):
                return ended
            if now - flushed > flush_s:
                publisher.flush()
                flushed = now
            if now - asked >= pace.poll_s:  # asking lists the job's folder: not once for every event
                self._end_if_asked(now - started, publisher)
                asked = now

    def _on_event(
        self, event: dict[str, Any], publisher: Publisher | PlainPublisher
    ) -> tuple[EngineRecord, dict[str, Any]] | None:
        self._is_at_work = event["event"] not in LAST_EVENTS
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
                    self._end_bench()  # a GPU that was lost stays lost for the process that had it
                raise JobFailed(event["message"], code=event["code"], step=event.get("step"))
        return None

    def _say_progress(self, event: dict[str, Any]) -> None:
        note = f"{self._engine}: {event['note']}" if self._engine else event["note"]  # (dispatcher/jobs/explain.py)
        held = {"done": event["done"], "total": event["total"], "note": redact(note)[:NOTE_LENGTH]}
        self._progress = self._progress.model_copy(update=held)
        self._beater.progress(self._progress)
        self._lines.progress(event["done"], event["total"], event["note"])
        self._log.add(f"{event['done']}/{event['total']} {event['note']}")

    def _end_if_asked(self, age_s: float, publisher: Publisher | PlainPublisher) -> None:
        """End the task when the worker stops, the job is over or its time is up."""
        if age_s > self._task.limits.wall_s:
            self._end_bench()
            raise JobFailed(f"longer than the {self._task.limits.wall_s:.0f} s allowed", code="TIMEOUT")
        if (why := self._why_stop(self._progress)) is None:
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


def _place() -> tempfile.TemporaryDirectory[str]:
    """Make the folder of an attempt. Raises `JobFailed` STORAGE where there can be none."""
    try:
        place = tempfile.TemporaryDirectory(prefix="gpudrop-", ignore_cleanup_errors=True)
    except FileNotFoundError as error:  # no folder for temporary files takes one
        raise EnvironmentNotReady(str(error)) from error
    (Path(place.name) / "out").mkdir()
    return place


def _clear(folder: Path, *, but: Collection[str]) -> None:
    """Remove what was made in a folder, except these names."""
    for made in folder.iterdir():
        if made.name not in but:
            shutil.rmtree(made) if made.is_dir() and not made.is_symlink() else made.unlink()
