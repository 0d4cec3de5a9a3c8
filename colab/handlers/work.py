"""What a handler is given and what it gives back. A handler sees a local folder, never a drop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from colab.models import Models
from protocol.messages import Choices, EngineRecord


@dataclass(frozen=True, kw_only=True)
class Result:
    """Which engine did the work, and what the marker says beside the manifest (`total_duration`, …)."""

    engine: EngineRecord
    summary: Mapping[str, Any] = field(default_factory=dict)


class Work(Protocol):
    """One attempt at one job, on local files."""

    params: BaseModel  # the kind's checked Params
    engine: str | None  # the engine the request insists on, if any
    inputs: Mapping[str, Path]  # verified local copies, by the request's names
    folder: Path  # scratch space, gone after the job
    models: Models  # the model files, verified; asking for one may download it

    def output(self, path: str) -> Path:
        """Return the local file to write for the result path `path`; its folder exists."""
        ...

    def kept(self, engine: EngineRecord) -> frozenset[str]:
        """Say which engine does the work, before the first output; return the outputs that need not be made again.

        An earlier attempt made those with an equal engine; they are verified and lie in place. Only kinds whose
        outputs are independent have any.
        """
        ...

    def publish(self, path: str) -> None:
        """Say that the output `path` is complete and will not change: it may travel now."""
        ...

    def checkpoint(self, path: str) -> None:
        """Publish a finished piece of work that is no output, so that another attempt can go on from it.

        `path` lies below `CHECKPOINTS` and was written at `output(path)`. It travels at once: leave one when half a
        minute of work would be lost without it, not more often. `kept` names those of earlier attempts by an equal
        engine, at their place; their bytes come from the drop, so they are to be read like any hostile file.
        """
        ...

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Say how far the work is. Call it between units: it raises `StopWork` when the job must end."""
        ...


class StopWork(BaseException):
    """The job was cancelled or the worker is stopping; let it pass."""


class Handler(Protocol):
    """The glue of one kind. `engines` says what can do the work here, best first."""

    kind: str

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        """Return the engines that can work here, best first, without loading or downloading a model."""
        ...

    def choices(self, models: Models) -> dict[str, Choices]:
        """Return what each of these engines can be asked for, as far as it is a matter of names."""
        ...

    def run(self, work: Work) -> Result:
        """Do the work: write and publish every output of the kind. Raises `JobFailed` with a closed code."""
        ...
