"""The sending machine: submits jobs to a drop, verifies the results and finishes the film here.

What a script needs: `with connect() as gpu: upscale(gpu, "clip.mp4", scale=2).save("big/")`, and its like.
"""

__distribution__ = "gpudrop"  # read by gpudrop_start, which checks that this package is ours

from gpudrop_start import check_packages

check_packages()

# isort: split
from dispatcher.client import Client
from dispatcher.config import Settings
from dispatcher.connection import Connection, connect
from dispatcher.handle import Handle
from dispatcher.jobs import Job, Progress, Purpose, Result
from dispatcher.monitor.monitor import Monitor
from dispatcher.operations import Operation, SomeFailed
from dispatcher.operations.batch import Made
from dispatcher.operations.table import analyze, encode, enhance, stabilize, transcribe, upscale
from dispatcher.runs.record import Delivery, Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from protocol.errors import GpudropError, JobError, JobFailed, JobTimeout, MediaError, UsageError

ColabTTSError = JobError
"""What the narration that was sent away ended with, under the name that scripts have always caught."""

__all__ = [
    "Client",
    "ColabTTSError",
    "Connection",
    "Delivery",
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
    "Progress",
    "Purpose",
    "Query",
    "Result",
    "Run",
    "RunStore",
    "Settings",
    "SomeFailed",
    "UsageError",
    "analyze",
    "connect",
    "encode",
    "enhance",
    "stabilize",
    "transcribe",
    "upscale",
]
