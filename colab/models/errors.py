"""Why a model file cannot be had, or is not used although it is there: what is said, and the hint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colab.models.table import ModelFile
from protocol.errors import JobFailed, is_full


class WrongContent(JobFailed):
    """What was downloaded is not the file that the table names."""


class UnsafeWeights(JobFailed):
    """A file of weights is not well-formed, or could run code when it is loaded."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="UNSUPPORTED")


def offline(file: ModelFile, path: Path) -> JobFailed:
    """Return why a file that is not here stays away: this worker may not download."""
    return JobFailed(
        f"the model file {file.name} is not on this worker, and it may not download (GPUDROP_WORKER_OFFLINE or "
        f"HF_HUB_OFFLINE is set): put the file with sha256 {file.sha256} at {path}, or allow downloads",
        code="UNSUPPORTED",
    )


def gone(file: ModelFile, path: Path) -> JobFailed:
    """Return why an owner's file that is not here stays away: nobody else has it."""
    return JobFailed(
        f"the model file {file.name}, which this worker's owner added, is not here any more, and nobody else has it: "
        f"put the file with sha256 {file.sha256} at {path} again, or `gpudrop models rm` it and add it anew",
        code="UNSUPPORTED",
    )


def wrong(file: ModelFile, address: str, found: str | None) -> WrongContent:
    """Return what was found in the place of a file."""
    return WrongContent(
        f"{address} is not the model file {file.name} and was deleted: expected {file.size} bytes with sha256 "
        f"{file.sha256}, found {found}. Something between here and there answers instead (a proxy, a login page), or "
        f"the file was replaced",
        code="UNSUPPORTED",
    )


@contextmanager
def storing(file: ModelFile, folder: Path) -> Iterator[None]:
    """Map what a disk raises to STORAGE, with the hint."""
    try:
        yield
    except OSError as problem:
        full = is_full(problem)
        why = "no room left" if full else str(problem)
        hint = "Free some" if full else "Give this user the right to read and write there"
        raise JobFailed(
            f"the model file {file.name} cannot be kept in {folder}: {why}. {hint}, or set GPUDROP_WORKER_MODELS_DIR "
            f"to a folder on another disk",
            code="STORAGE",
        ) from problem
