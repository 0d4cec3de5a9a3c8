"""The living example of a kind: gives back what it got. For probes, benchmarks and as a pattern to copy."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from protocol.kinds.kind import Kind


class Params(BaseModel):
    """A text to give back, and how many units of `unit_s` seconds to pretend to work on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Annotated[StrictStr, Field(max_length=65536)] = ""
    units: Annotated[int, Field(ge=1, le=10_000)] = 1
    unit_s: Annotated[float, Field(ge=0, le=3600)] = 0.0


def outputs(params: Params) -> dict[str, str]:
    """Return the one output, whatever the parameters."""
    return {"echo.txt": "text/plain"}


KIND = Kind(name="echo", params=Params, outputs=outputs)
