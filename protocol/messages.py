"""The messages of both machines: frozen, and checked when created, so that an invalid one cannot exist.

The checksum and the signature are not fields: `protocol.codec` adds and checks them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictInt, StrictStr

from protocol.fields import (
    AttemptNumber,
    Count,
    FrozenRecord,
    Hex16,
    InputName,
    JobId,
    Message,
    PortableName,
    ResultPath,
    Seconds,
    Sha256,
    Short,
    Text,
    WorkerId,
)
from protocol.plain import PlainDone, PlainFailure

ErrorCode = Literal[
    "BAD_REQUEST",
    "UNSUPPORTED",
    "INPUT_MISSING",
    "INPUT_CORRUPT",
    "OUT_OF_MEMORY",
    "TIMEOUT",
    "ENGINE",
    "STORAGE",
    "CANCELLED",
    "RELEASED",
    "INTERNAL",
]


MAY_BE_TRIED_ELSEWHERE: frozenset[str] = frozenset(
    {"UNSUPPORTED", "INPUT_MISSING", "INPUT_CORRUPT", "OUT_OF_MEMORY", "TIMEOUT", "ENGINE", "STORAGE", "RELEASED"}
    | {"INTERNAL"}
)
"""Codes of failures that another worker, or a later attempt, may not have. The others end the job at once."""


class DropCard(Message):
    """`_drop.json`: shows that the channel works and which drop this is."""

    type: Literal["drop"] = "drop"


class InputFile(FrozenRecord):
    """An input that the worker needs completely before it starts; `in` names the file in the job folder."""

    size: Count
    sha256: Sha256
    in_: Annotated[InputName, Field(alias="in")]

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Requires(FrozenRecord):
    """What a worker needs in order to take the job."""

    engine: Short | None = None


class ClaimTerms(FrozenRecord):
    """How workers agree on who works: see FORMAT.md, Claiming."""

    mode: Literal["single", "settle", "prefer"] = "settle"
    settle_s: Annotated[float, Field(ge=0, le=600)] = 30  # bounded: a claimant sleeps this long
    lease_s: Annotated[float, Field(gt=0, le=86_400)] = 240
    prefer: WorkerId | None = None
    grace_s: Seconds | None = None


class Limits(FrozenRecord):
    """When an attempt or the whole job is given up. `not_after` is Unix time, and only workers act on it."""

    attempts: Annotated[StrictInt, Field(ge=1, le=99)] = 3
    wall_s: Seconds = 14_400
    stall_s: Seconds = 1_800
    queue_s: Seconds = 86_400
    not_after: Seconds | None = None


class Whereabouts(FrozenRecord):
    """Where a party runs: keyed hashes that are equal only for processes of one machine since its last start.

    `host` stands for the running machine, `folder` also for the drop's folder. See `protocol.neighbours`.
    """

    host: Hex16
    folder: Hex16


class Offer(Message):
    """The envelope of a request: everything but the kind's parameters."""

    type: Literal["request"] = "request"
    id: JobId
    dispatcher: Hex16
    kind: Short
    digest: Sha256
    inputs: dict[PortableName, InputFile] = Field(default_factory=dict)
    requires: Requires = Requires()
    claim: ClaimTerms = ClaimTerms()
    limits: Limits = Limits()
    where: Whereabouts | None = None


class Request(FrozenRecord):
    """A job that is offered: the kind's raw parameters and the offer."""

    params: dict[str, Any]
    job: Offer


class AttemptMessage(Message):
    """What a worker writes about one attempt: which one, and whose. It equals what the path says."""

    id: JobId
    attempt: AttemptNumber
    nonce: Hex16
    worker: WorkerId
    boot: Hex16


class Claim(AttemptMessage):
    """A worker takes a job."""

    type: Literal["claim"] = "claim"
    digest: Sha256


class Held(FrozenRecord):
    """One attempt that a worker is working on, and its progress."""

    job: JobId
    nonce: Hex16
    done: Count
    total: Count
    note: Short = ""


class Beat(Message):
    """A heartbeat of a whole worker. `at` is its own clock, for people only.

    `last` says that this session has ended and no heartbeat follows.
    """

    type: Literal["beat"] = "beat"
    id: WorkerId
    worker: WorkerId
    boot: Hex16
    seq: Annotated[StrictInt, Field(ge=1)]
    at: Seconds
    probe: Short | None = None
    held: tuple[Held, ...] = ()
    last: Literal[True] | None = None


class EngineRecord(FrozenRecord):
    """Which engine really did the work. `embedded` engines work offline from wheels; `neural` ones need weights."""

    name: Short
    version: Short
    model_sha256: Sha256 | None = None
    voice: Short | None = None
    rate: Count | None = None
    provider: Short
    device: Short
    tier: Literal["embedded", "neural"]

    def is_equal(self, other: EngineRecord) -> bool:
        """Say whether one result may hold outputs of both: same engine, version, model, voice and rate (R11)."""
        return self._identity() == other._identity()

    def told(self) -> str:
        """Return the engine in a few words, for people."""
        return " ".join(str(part) for part in (self.name, self.version, self.voice) if part is not None)

    def _identity(self) -> tuple[object, ...]:
        return self.name, self.version, self.model_sha256, self.voice, self.rate


Choices = dict[Short, tuple[Short, ...]]
"""What an engine supports: parameter → values, where a `*` at the end stands for anything."""


class WorkerCard(Message):
    """`hello-<boot>.json`: what a worker can do. `engines` maps each kind to its engines, best first.

    `choices` maps kind and engine to what the engine supports; a parameter that is not listed takes any value.
    """

    type: Literal["hello"] = "hello"
    id: WorkerId
    worker: WorkerId
    boot: Hex16
    kinds: tuple[Short, ...]
    engines: dict[Short, tuple[EngineRecord, ...]]
    choices: dict[Short, dict[Short, Choices]] = Field(default_factory=dict)
    models: tuple[Short, ...] = ()
    gpu: Short | None = None
    provider: Short | None = None
    versions: dict[Short, Short] = Field(default_factory=dict)
    time_left_s: Seconds | None = None
    beat_s: Seconds = 30
    where: Whereabouts | None = None


class Drain(Message):
    """A request to a worker, from anyone, to stop after its current job."""

    type: Literal["drain"] = "drain"
    id: WorkerId
    k: Count


class OutputFile(FrozenRecord):
    """One output: its path in the result, the file of the job folder that holds it, and its offset in a bundle."""

    path: ResultPath
    in_: Annotated[StrictStr, Field(alias="in", max_length=200)]
    at: Count | None = None
    size: Count
    sha256: Sha256
    media: Short | None = None
    from_: Annotated[Hex16 | None, Field(alias="from")] = None

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Part(AttemptMessage):
    """Which outputs an attempt has published so far, and by which engine, so that the next one can reuse them."""

    type: Literal["part"] = "part"
    k: Count
    files: tuple[OutputFile, ...]
    engine: EngineRecord | None = None


class DoneJob(AttemptMessage):
    """The envelope of a done marker: the manifest and the engine."""

    type: Literal["done"] = "done"
    digest: Sha256
    files: tuple[OutputFile, ...]
    engine: EngineRecord
    durable: Literal["local", "confirmed", "unconfirmed"]


class Done(FrozenRecord):
    """A result: what existing users read, and the manifest that proves it."""

    plain: PlainDone
    job: DoneJob


class FailureJob(AttemptMessage):
    """The envelope of an error marker."""

    type: Literal["error"] = "error"
    digest: Sha256
    code: ErrorCode
    retryable: StrictBool
    step: Short | None = None


class Failure(FrozenRecord):
    """Why an attempt ended without a result."""

    plain: PlainFailure
    job: FailureJob


class Cancel(Message):
    """The owner does not want a result any more."""

    type: Literal["cancel"] = "cancel"
    id: JobId
    k: Count
    by: Short
    reason: Text


class Need(Message):
    """These outputs of an attempt have not reached the owner."""

    type: Literal["need"] = "need"
    id: JobId
    nonce: Hex16
    k: Count
    missing: tuple[ResultPath, ...]


class Reject(Message):
    """The owner does not accept this attempt's result."""

    type: Literal["reject"] = "reject"
    id: JobId
    nonce: Hex16
    reason: Text


class Accepted(Message):
    """The mirror of the owner's commit: which attempt was accepted, and the checksum of its done marker."""

    type: Literal["accepted"] = "accepted"
    id: JobId
    k: Count
    nonce: Hex16
    done_seal: Sha256
