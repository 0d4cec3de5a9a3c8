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

if TYPE_CHECKING:
    from dispatcher.config import Settings
    from dispatcher.connection import Connection, connect
    from dispatcher.jobs.client import Client
    from dispatcher.jobs.handle import Handle
    from dispatcher.jobs.job import Job, Progress, Purpose, Result
    from dispatcher.monitor.monitor import Monitor
    from dispatcher.operations.batch import OperationResult
    from dispatcher.operations.batch import OperationResult as Made
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
    from dispatcher.tour.calling import record_tour
    from dispatcher.tour.options import Enhance, Reuse
    from dispatcher.tour.record import Recording
    from dispatcher.tour.screen import Screen
    from protocol.errors import (
        GpudropError,
        JobError,
        JobFailed,
        JobTimeout,
        MediaError,
        SpecError,
        StepFailed,
        UsageError,
    )
    from protocol.errors import JobError as ColabTTSError

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

_EXPORTS = {
    "dispatcher.config": ("Settings",),
    "dispatcher.connection": ("Connection", "connect"),
    "dispatcher.jobs.client": ("Client",),
    "dispatcher.jobs.handle": ("Handle",),
    "dispatcher.jobs.job": ("Job", "Progress", "Purpose", "Result"),
    "dispatcher.monitor.monitor": ("Monitor",),
    "dispatcher.operations.batch": ("OperationResult",),
    "dispatcher.operations.operation": (
        "Operation",
        "SomeFailed",
        "analyze",
        "encode",
        "enhance",
        "stabilize",
        "transcribe",
        "upscale",
    ),
    "dispatcher.runs.record": ("Delivery", "Run"),
    "dispatcher.runs.search": ("Query",),
    "dispatcher.runs.store": ("RunStore",),
    "dispatcher.tour.calling": ("record_tour",),
    "dispatcher.tour.options": ("Enhance", "Reuse"),
    "dispatcher.tour.record": ("Recording",),
    "dispatcher.tour.screen": ("Screen",),
    "protocol.errors": (
        "GpudropError",
        "JobError",
        "JobFailed",
        "JobTimeout",
        "MediaError",
        "SpecError",
        "StepFailed",
        "UsageError",
    ),
}
"""`{module: the names it exports here}`. A module is imported when one of its names is first used."""

_SOURCES = {name: (module, name) for module, names in _EXPORTS.items() for name in names}
_SOURCES["Made"] = ("dispatcher.operations.batch", "OperationResult")  # its name before
_SOURCES["ColabTTSError"] = ("protocol.errors", "JobError")  # the name that the old scripts catch


if not TYPE_CHECKING:  # a type checker knows the names above, and finds any other wrong

    def __getattr__(name: str) -> Any:
        from protocol.kinds import summaries

        if name not in _SOURCES and name not in summaries():
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, attribute = _SOURCES.get(name, ("dispatcher.operations.operation", name))
        value = getattr(importlib.import_module(module), attribute)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
