"""An open job as the worker handles it, whatever the form of its request: one adapter for each form."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from colab.publish import Delivered
from protocol.drop import TimeLimits
from protocol.layout import Attempt
from protocol.messages import ClaimTerms, EngineRecord, InputFile, Limits, OutputFile, Part, WorkerCard
from protocol.observation import Observation


class ResultPublisher(Protocol):
    """Brings the outputs of one attempt into the drop, and says how the attempt ended."""

    @property
    def has_outputs(self) -> bool:
        """Say whether this attempt finished any output."""
        ...

    def began(self, engine: EngineRecord, kept: Iterable[OutputFile]) -> None:
        """Record which engine works, and the outputs of earlier attempts that are kept (R11)."""
        ...

    def add(self, path: str) -> None:
        """Record a finished output."""
        ...

    def flush(self) -> None:
        """Publish what is finished, so that an attempt that dies later leaves it usable."""
        ...

    def done(self, engine: EngineRecord, summary: Mapping[str, Any], log: str) -> None:
        """Publish the rest and then the marker."""
        ...

    def failed(self, code: Any, message: str, *, step: str | None, log: str) -> None:
        """Say why there is no result."""
        ...

    def say_why(self) -> None:
        """Write the marker of a failed attempt again, where `failed` could not."""
        ...

    def delivered(self, folder: tempfile.TemporaryDirectory[str]) -> Delivered | None:
        """Return what has to be kept of a published result until its owner has it; None for nothing."""
        ...


class JobForm(Protocol):
    """One open job."""

    job: str
    kind: str
    digest: str
    params: Mapping[str, Any]
    engine: str | None  # the engine that the request demands
    inputs: Mapping[str, InputFile]
    terms: ClaimTerms
    limits: Limits
    waits: TimeLimits  # how long to wait for the job's owner

    def obstacle(self, card: WorkerCard, seen: Observation, now: float) -> str | None:
        """Return why this worker does not take the job now, or None where it does."""
        ...

    def check(self) -> None:
        """Raise JobFailed for a request that no worker can answer."""
        ...

    def publisher(self, attempt: Attempt, folder: Path) -> ResultPublisher:
        """Return what publishes the outputs that an attempt has put into `folder`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A job that this worker has claimed."""

    form: JobForm
    attempt: Attempt
    ended: Mapping[Attempt, tuple[Part, ...]] = field(default_factory=dict)  # what ended attempts published
