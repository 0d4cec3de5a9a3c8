"""The sending machine: submits jobs to a drop, verifies the results and finishes the film here.

What a script needs: `Client(drop, store=…, results=…).submit(Job(kind="tts", params=…)).wait()`.
"""

from dispatcher.client import Client, Handle
from dispatcher.jobs import Job, Progress, Result
from dispatcher.runs.store import RunStore
from protocol.errors import GpudropError, JobError

ColabTTSError = JobError
"""What the narration that was sent away ended with, under the name that scripts have always caught."""

__all__ = [
    "Client",
    "ColabTTSError",
    "GpudropError",
    "Handle",
    "Job",
    "JobError",
    "Progress",
    "Result",
    "RunStore",
]
