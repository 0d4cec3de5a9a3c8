"""The types of the fields of messages, and the base classes of all messages."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StrictStr

from protocol import layout

VERSION = 2
"""The version of the format that this code writes, and the newest that it reads."""


def _satisfies(test: Any, what: str) -> AfterValidator:
    def check(value: str) -> str:
        if not test(value):
            raise ValueError(f"is not {what}")
        return value

    return AfterValidator(check)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


Hex16 = Annotated[StrictStr, _satisfies(layout.is_nonce, "16 lowercase hex digits")]
JobId = Annotated[StrictStr, _satisfies(layout.is_job_id, "a job id")]
WorkerId = Annotated[StrictStr, _satisfies(layout.is_worker_id, "a worker id")]
Sha256 = Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[StrictInt, Field(ge=0, le=2**53)]
Seconds = Annotated[float, Field(ge=0, le=1e11), AfterValidator(_finite)]
Text = Annotated[StrictStr, Field(max_length=20_000)]
NOTE_LENGTH = 200
Short = Annotated[StrictStr, Field(max_length=NOTE_LENGTH)]
InputName = Annotated[StrictStr, _satisfies(layout.is_input_name, "the name of an input")]
PortableName = Annotated[StrictStr, AfterValidator(layout.check_portable_name)]
AttemptNumber = Annotated[StrictInt, Field(ge=1, le=layout.LAST_ATTEMPT)]


def _result_path(value: str) -> str:
    parts = value.split("/")
    if len(parts) > 4:
        raise ValueError("is nested too deeply")
    for part in parts:
        layout.check_portable_name(part)
    return value


ResultPath = Annotated[StrictStr, Field(max_length=200), AfterValidator(_result_path)]
"""A path inside a result: portable names joined by '/', so it can never leave the folder it is written into."""


class FrozenRecord(BaseModel):
    """The base of every part of a message: immutable, and tolerant of keys that a newer writer added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Message(FrozenRecord):
    """The envelope. `drop` and `id` must equal those of the path at which it was found."""

    v: Annotated[StrictInt, Field(ge=1)] = VERSION
    min_reader: Annotated[StrictInt, Field(ge=1)] = VERSION
    type: str
    drop: Hex16
    id: Short
