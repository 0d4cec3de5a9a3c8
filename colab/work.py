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
class WorkResult:
    """Which engine did the work, and what the marker says beside the manifest (`total_duration`, …)."""

    engine: EngineRecord
    summary: Mapping[str, Any] = field(default_factory=dict)


class Work(Protocol):
    """One attempt at one job, on local files."""

    engine: str | None  # the engine that the request requires, if any
    folder: Path  # scratch space, deleted after the job
    models: Models  # the model files, verified; asking for one may download it

    @property
    def params(self) -> BaseModel:
        """Return the kind's checked Params."""
        ...

    @property
    def inputs(self) -> Mapping[str, Path]:
        """Return verified local copies of the inputs, by the request's names."""
        ...

    def output(self, path: str) -> Path:
        """Return the local file to write for the result path `path`; its folder exists."""
        ...

    def begin(self, engine: EngineRecord) -> frozenset[str]:
        """Name the engine, before the first output; return the files of earlier attempts that can be reused.

        These are outputs and checkpoints that an equal engine made. They are verified and in place. Only kinds with
        independent outputs or with checkpoints have any.
        """
        ...

    def publish(self, path: str) -> None:
        """Say that the output `path` is complete and will not change: it may be uploaded now."""
        ...

    def checkpoint(self, path: str) -> None:
        """Publish a finished part of the work that is no output, so that another attempt can resume from it.

        `path` is below `CHECKPOINTS` and was written at `output(path)`. It is uploaded at once: save one when half a
        minute of work would be lost without it, not more often. `begin` returns those of earlier attempts; their bytes
        come from the drop, so read them like any hostile file.
        """
        ...

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Report how far the work is. Call it between units: it raises `StopWork` when the job must end."""
        ...


class StopWork(BaseException):
    """The job was cancelled or the worker is stopping; let it pass."""


class Handler(Protocol):
    """The glue of one kind. `engines` says what can do the work here, best first."""

    @property
    def kind(self) -> str:
        """Return the name of the kind."""
        ...

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        """Return the engines that can work here, best first, without loading or downloading a model."""
        ...

    def choices(self, models: Models) -> dict[str, Choices]:
        """Return the values that each of these engines accepts, for parameters whose values are names."""
        ...

    def run(self, work: Work) -> WorkResult:
        """Do the work: write and publish every output of the kind. Raises `JobFailed` with a closed code."""
        ...
