"""The sending machine: submits jobs to a drop, verifies the results and finishes the film here.

What a script needs: `with connect() as gpu: upscale(gpu, "clip.mp4", scale=2).save("big/")`, and its like, and
`record_tour("tour.json", output="film.mp4")`.
"""

from __future__ import annotations

__distribution__ = "gpudrop"  # read by gpudrop_start, which checks that this package is ours

from gpudrop_start import check_packages

check_packages()

# isort: split
import importlib
from typing import TYPE_CHECKING, Any

from dispatcher.config import Settings
from dispatcher.connection import Connection, connect
from dispatcher.jobs.client import Client
from dispatcher.jobs.handle import Handle
from dispatcher.jobs.job import Job, Progress, Purpose, Result
from dispatcher.monitor.monitor import Monitor
from dispatcher.operations.batch import OperationResult
from dispatcher.operations.operation import (
    Operation,
    SomeFailed,
    analyze,
    encode,
    enhance,
    stabilize,
    transcribe,
    upscale,
)
from dispatcher.runs.record import Delivery, Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from protocol.errors import GpudropError, JobError, JobFailed, JobTimeout, MediaError, SpecError, StepFailed, UsageError

if TYPE_CHECKING:
    from dispatcher.tour.calling import record_tour
    from dispatcher.tour.narration import Reuse
    from dispatcher.tour.options import Enhance
    from dispatcher.tour.record import Recording
    from dispatcher.tour.screen import Screen

Made = OperationResult
"""The name that `OperationResult` had before."""

ColabTTSError = JobError
"""What the narration that was sent away ended with, under the name that scripts have always caught."""

__all__ = [
    "Client",
    "ColabTTSError",
    "Connection",
    "Delivery",
    "Enhance",
    "GpudropError",
    "Handle",
    "Job",
    "JobError",
    "JobFailed",
    "JobTimeout",
    "Made",
    "MediaError",
    "Monitor",
    "Operation",
    "OperationResult",
    "Progress",
    "Purpose",
    "Query",
    "Recording",
    "Result",
    "Reuse",
    "Run",
    "RunStore",
    "Screen",
    "Settings",
    "SomeFailed",
    "SpecError",
    "StepFailed",
    "UsageError",
    "analyze",
    "connect",
    "encode",
    "enhance",
    "record_tour",
    "stabilize",
    "transcribe",
    "upscale",
]

_OF_TOURS = {
    "Enhance": "dispatcher.tour.options",
    "Recording": "dispatcher.tour.record",
    "Reuse": "dispatcher.tour.narration",
    "Screen": "dispatcher.tour.screen",
    "record_tour": "dispatcher.tour.calling",
}
"""What is loaded when it is first asked for: nobody needs a browser's driver to upscale a picture."""


def __getattr__(name: str) -> Any:
    if name not in _OF_TOURS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_OF_TOURS[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
