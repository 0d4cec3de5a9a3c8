"""A job before it is sent, its progress while it is away, and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from dispatcher.runs.record import Delivery, RunExtras
from protocol.messages import EngineRecord
from protocol.states import State


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """What a job is for: recorded on this machine and never written to the drop."""

    title: str = ""  # for display; the name of its input if empty
    parent: str | None = None  # the run whose output is its input
    group: str | None = None
    tags: Sequence[str] = ()
    deliveries: Sequence[Delivery] = ()  # where its outputs are copied
    steps: Mapping[str, Any] | None = None  # what is done with them next
    notices: Sequence[str] = ()  # web addresses that are notified of its end
    deadline_s: float | None = None  # from now; the job is cancelled then
    config: Mapping[str, Any] = field(default_factory=dict)  # how it was submitted
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # input → its media facts, where known

    @property
    def extras(self) -> RunExtras:
        """Return what is added to an existing run of the same job."""
        return RunExtras(tags=self.tags, deliveries=self.deliveries, steps=self.steps, notices=self.notices)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One piece of work: a kind, its raw parameters and its input files by portable names."""

    kind: str
    params: Mapping[str, Any]
    inputs: Mapping[str, Path] = field(default_factory=dict)
    require_engine: str | None = None
    attempts: int = 3
    wall_s: float = 14_400
    stall_s: float = 1_800
    queue_s: float = 86_400
    lease_s: float | None = None  # None: the lease that suits the drop
    anew: bool = False  # do it even if a verified result is cached
    purpose: Purpose = Purpose()


class Why(StrEnum):
    """What a job is waiting for. Scripts can rely on this closed set; docs/events.md explains each value."""

    NO_WORKER_SEEN = "NO_WORKER_SEEN"
    WORKERS_GONE = "WORKERS_GONE"
    WORKER_TOO_NEW = "WORKER_TOO_NEW"
    WORKER_TOO_OLD = "WORKER_TOO_OLD"
    KIND_MISSING = "KIND_MISSING"
    ENGINE_MISSING = "ENGINE_MISSING"
    RESERVED = "RESERVED"
    TIME_PASSED = "TIME_PASSED"
    WORKER_BUSY = "WORKER_BUSY"
    WORKER_READY = "WORKER_READY"
    TAKEN = "TAKEN"
    WORKING = "WORKING"
    ATTENDED = "ATTENDED"
    WORKER_SILENT = "WORKER_SILENT"
    ATTEMPT_FAILED = "ATTEMPT_FAILED"
    EXPIRING = "EXPIRING"
    RESULTS_ARRIVING = "RESULTS_ARRIVING"
    RESULTS_UNVERIFIED = "RESULTS_UNVERIFIED"
    RESULTS_REJECTED = "RESULTS_REJECTED"
    PLAIN_ANSWER = "PLAIN_ANSWER"
    PLAIN_ERROR = "PLAIN_ERROR"
    UPLOAD_UNFINISHED = "UPLOAD_UNFINISHED"
    FOLDER_GONE = "FOLDER_GONE"
    DROP_UNREACHABLE = "DROP_UNREACHABLE"
    DROP_EMPTY = "DROP_EMPTY"
    DROP_CHANGED = "DROP_CHANGED"
    NO_ROOM_HERE = "NO_ROOM_HERE"
    HELD_UP = "HELD_UP"
    FINISHED = "FINISHED"


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What a job is waiting for, in one line for people, with a hint if something is wrong."""

    code: Why
    text: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.text}. {self.hint}" if self.hint else self.text


FINISHED = Explanation(code=Why.FINISHED, text="the verified result is here")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The progress of a job as this machine sees it. Seconds are measured by this machine's clock."""

    run: str
    state: State
    waited_s: float
    attempt: int = 0
    worker: str | None = None
    boot: str | None = None  # the session of that worker
    done: int = 0
    total: int = 0
    note: str = ""
    silent_s: float | None = None  # since the last sign of life of its worker
    why: Why = Why.WORKER_READY
    text: str = ""  # the same in one line for people
    hint: str = ""  # what to do if something is wrong


@dataclass(frozen=True, kw_only=True)
class Result:
    """A verified result: every file was hashed on this machine. `verified` is "legacy" for a plain answer."""

    run: str
    folder: Path
    files: Mapping[str, Path]
    engine: EngineRecord | None
    summary: Mapping[str, Any]
    verified: str
