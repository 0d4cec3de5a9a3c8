"""What it means when a device fails: too little memory, a GPU that is lost, or something else.

PyTorch, CTranslate2 and ONNX Runtime tell it by a class of their own or in words only, and all of them as a
RuntimeError or as an error of no kind in particular. This is the one place that reads them, and it imports none.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from protocol.errors import JobFailed

_FULL = (
    "out of memory",
    "out_of_memory",
    "not enough memory",
    "allocate memory",
    "failed to allocate",
    "bad_alloc",
    "status_alloc_failed",
)
"""How a want of memory is told, in small letters. "an illegal memory access" is none: the GPU is lost then."""

_LOST = (
    "cuda error",
    "cuda failure",
    "cuda failed",
    "cudnn error",
    "cudnn_status",
    "cudnn failure",
    "cublas_status",
    "cublas failure",
    "device-side assert",
    "nvml",
)
"""How a driver's failure is told. After one nothing works on the GPU any more, for as long as the process lives."""


def out_of_memory(problem: BaseException) -> bool:
    """Say whether it was too much for the memory of a GPU, or of the machine."""
    if isinstance(problem, MemoryError) or _is_torchs(problem):
        return True
    return not isinstance(problem, JobFailed) and _told(problem, _FULL)


def gpu_is_lost(problem: BaseException) -> bool:
    """Say whether the driver failed, so that this process cannot use its GPU any more."""
    return not isinstance(problem, JobFailed) and not out_of_memory(problem) and _told(problem, _LOST)


def failed(problem: BaseException, who: str, where: str, *, hint: str) -> JobFailed:
    """Return what to raise for a device's failure: OUT_OF_MEMORY with the hint, else ENGINE.

    Whoever runs a job ends the process that fails with ENGINE, so that a lost GPU is had again by the next one.
    """
    first = first_line(problem)
    if out_of_memory(problem):
        return JobFailed(f"{who} needs more memory than {where} has free: {hint} ({first})", code="OUT_OF_MEMORY")
    lost = ": the GPU was lost, and another try goes on from what is finished" if gpu_is_lost(problem) else ""
    return JobFailed(f"{who} failed on {where}{lost}: {first}", code="ENGINE")


@contextmanager
def told(who: str, where: str, *, hint: str) -> Iterator[None]:
    """Raise `failed` for what a device raises in the block: while a model is loaded, or at work."""
    try:
        yield
    except (RuntimeError, MemoryError) as problem:
        raise failed(problem, who, where, hint=hint) from problem


def free_again() -> None:
    """Give back what a failed attempt took of a GPU's memory. Call it where nothing holds the failure any more."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def first_line(problem: BaseException) -> str:
    """Return the first line of what a library says, or the name of its error where it says nothing."""
    return (str(problem).strip() or type(problem).__name__).splitlines()[0][:300]


def _told(problem: BaseException, words: tuple[str, ...]) -> bool:
    said = str(problem).lower()
    return any(each in said for each in words)


def _is_torchs(problem: BaseException) -> bool:
    torch = sys.modules.get("torch")  # not loaded, it cannot have raised
    return torch is not None and isinstance(problem, torch.OutOfMemoryError)
