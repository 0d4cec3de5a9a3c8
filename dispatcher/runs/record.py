"""What the database remembers of a run, of its attempts, files and history."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Status = Literal["pending", "queued", "running", "verifying", "completed", "failed", "crashed", "cancelled", "expired"]

TERMINAL: frozenset[str] = frozenset({"completed", "failed", "crashed", "cancelled", "expired"})
"""A run that has one of these never changes its status again."""

OPEN: frozenset[str] = frozenset(get_args(Status)) - TERMINAL
"""Of the runs of one key, at most one has one of these."""

Role = Literal["input", "output", "log"]
AttemptStatus = Literal["claimed", "running", "delivered", "accepted", "failed", "rejected", "released", "lapsed"]
GroupSort = Literal["tour", "batch"]
GroupStatus = Literal["running", "completed", "failed", "crashed", "cancelled"]


AGAIN = "again"
"""The key in the `execution_config` of a repetition: which run or tour it repeats ("of"), and by which act ("by")."""


def short(run_id: str) -> str:
    """Return the part of an id that is enough to name a run: the last one."""
    return run_id.rpartition("-")[2]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One GPU operation. Times are Unix seconds of this machine."""

    id: str  # readable, and sorts by time
    key: str  # what makes two submissions the same job: drop and digest
    kind: str
    status: Status
    drop: str  # the drop's address here
    drop_id: str
    job: str  # the job's folder in the drop; another one after a torn request
    digest: str
    request: bytes  # fixed before the drop hears of it
    created_at: float
    updated_at: float
    title: str = ""  # what its user calls it: the source's name
    user: str = ""
    machine: str = ""  # where its files are; only monitors there act for it
    parent_id: str | None = None  # the run whose output is its input
    group_id: str | None = None
    execution_config: Mapping[str, Any] = field(default_factory=dict)  # how it was asked for
    outputs: Mapping[str, Any] | None = None  # what the worker says of its results
    deadline_at: float | None = None  # it is cancelled then
    queued_at: float | None = None  # when its request was in the drop
    started_at: float | None = None  # when a worker was first seen at it
    ended_at: float | None = None
    worker: str | None = None  # who was last seen at it
    progress_done: int = 0  # units of its work
    progress_total: int = 0  # 0 until a worker has said how many there are
    progress_note: str = ""
    why: str | None = None  # what it waits for: one of `jobs.Why`
    nonce: str | None = None  # the accepted attempt
    results_dir: str | None = None
    engine: dict[str, Any] | None = None
    verified: Literal["full", "legacy"] | None = None
    done_seal: str | None = None
    error_code: str | None = None
    error_text: str | None = None
    cleaned_at: float | None = None  # when its folder was removed from the drop
    claim_delay_s: float | None = None  # from the offer to the sight of a claim; None where it was not the channel's
    monitor: str | None = None  # who acts for it now
    monitor_until: float | None = None
    settled_at: float | None = None  # when all that follows from its end was done: logs, deliveries, continuations

    def __post_init__(self) -> None:
        if self.status not in OPEN | TERMINAL:
            raise ValueError(f"{self.status!r} is no status of a run")
        if not (self.id and self.key and self.job and self.request):
            raise ValueError("a run has an id, a key, a job and a request")
        if not (math.isfinite(self.created_at) and math.isfinite(self.updated_at)):
            raise ValueError("the times of a run are finite")

    @property
    def is_open(self) -> bool:
        """Say whether it has not ended."""
        return self.status in OPEN

    @property
    def repeats(self) -> str | None:
        """Return the id of the run that this one repeats; None where it is not a repetition."""
        again = self.execution_config.get(AGAIN)
        return str(again["of"]) if isinstance(again, dict) and "of" in again else None

    @property
    def wait_s(self) -> float | None:
        """Return how long it waited until a worker was seen at it; None as long as there was none."""
        return None if self.started_at is None else max(0.0, self.started_at - self.created_at)

    @property
    def run_s(self) -> float | None:
        """Return how long it was worked at until its end; None before."""
        if self.started_at is None or self.ended_at is None:
            return None
        return max(0.0, self.ended_at - self.started_at)

    @property
    def progress(self) -> float | None:
        """Return how much of it is done, from 0 to 1; None where nobody has said."""
        if self.status == "completed":
            return 1.0
        return min(1.0, self.progress_done / self.progress_total) if self.progress_total else None


@dataclass(frozen=True, kw_only=True)
class AttemptRecord:
    """One try of a worker, as it was last seen from here."""

    nonce: str
    n: int
    worker: str
    status: AttemptStatus
    seen_at: float  # when it was first seen
    ended_at: float | None = None
    error_code: str | None = None
    error_text: str | None = None
    log: str | None = None  # where its log was brought to; "" when it never wrote one, None before that is known


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file of a run: `path` is where it lies here, which its user may have moved away since."""

    role: Role
    name: str
    path: str
    size: int
    sha256: str
    media: Mapping[str, Any] | None = None  # what it is: sort, seconds, width, height, …


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A copy of an output that its user asked for at a place of his own."""

    name: str
    target: str
    overwrite: bool = False
    placed_at: float | None = None
    error_text: str | None = None


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """What is to be made of a run's outputs next, by `operations.chain`."""

    seq: int
    steps: Mapping[str, Any]
    child_id: str | None = None
    error_text: str | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """One line of a run's history."""

    at: float
    status: Status
    text: str
    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class Group:
    """What several runs were made for: a tour, or one command on many files."""

    id: str
    sort: GroupSort
    title: str
    created_at: float
    ended_at: float | None = None
    status: GroupStatus = "running"
    error_text: str | None = None
    report: str | None = None  # of a tour: the JSON file that tells of its steps
    user: str = ""
    machine: str = ""  # where a tour is recorded, and where its files are
    execution_config: Mapping[str, Any] = field(default_factory=dict)  # of a tour: how it was asked for, see `tours`

    @property
    def is_open(self) -> bool:
        """Say whether it has not ended."""
        return self.status == "running"


@dataclass(frozen=True, kw_only=True)
class RunExtras:
    """What is added to a run with itself, in one transaction."""

    inputs: Sequence[Artifact] = ()
    tags: Sequence[str] = ()
    deliveries: Sequence[Delivery] = ()
    steps: Mapping[str, Any] | None = None  # a continuation
    notices: Sequence[str] = ()  # web addresses that are told of its end

    def __bool__(self) -> bool:
        return bool(self.inputs or self.tags or self.deliveries or self.steps or self.notices)


NO_EXTRAS = RunExtras()


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What came home with the end of a run."""

    outputs: Mapping[str, Any] | None = None
    files: Sequence[Artifact] = ()
    attempts: Sequence[AttemptRecord] = ()


NOTHING_MORE = Ended()


@dataclass(frozen=True, kw_only=True)
class ResultRecord:
    """What a run stores about its result; a run that failed may have an engine only."""

    nonce: str | None = None
    results_dir: str | None = None
    engine: Mapping[str, Any] | None = None
    verified: str | None = None
    checksum: str | None = None  # of `done.marker`


NO_RESULT = ResultRecord()
