"""The living example of a kind: gives back what it got. For probes, benchmarks and as a pattern to copy."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from protocol.kinds.kind import CHECKPOINTS, Kind


class Params(BaseModel):
    """A text to give back, and how many units of `unit_s` seconds to pretend to work on it.

    With `leaves` each unit leaves a checkpoint, and another attempt goes on after the last one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Annotated[StrictStr, Field(max_length=65536)] = ""
    units: Annotated[int, Field(ge=1, le=10_000)] = 1
    unit_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    leaves: bool = False


def outputs(params: Params) -> dict[str, str]:
    """Return the one output, whatever the parameters."""
    return {"echo.txt": "text/plain"}


def checkpoint(unit: int) -> str:
    """Return the path of what a finished unit leaves."""
    return f"{CHECKPOINTS}{unit}"


KIND = Kind(name="echo", params=Params, outputs=outputs, checkpoints=True, example=True)
