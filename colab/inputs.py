"""The inputs of a job, brought here and checked: nothing unchecked reaches a handler."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from colab.attach import Attached
from colab.disk import HINT
from colab.persist import persist
from protocol.errors import ChannelError, JobFailed, OursError, StorageFull
from protocol.integrity import copies_of, sha256_of
from protocol.layout import JobNames
from protocol.messages import InputFile

WAIT_S = 60.0
"""How long an input may fail to be read although it was listed whole."""


def fetch_inputs(at: Attached, job: str, inputs: Mapping[str, InputFile], folder: Path) -> dict[str, str]:
    """Return {name: local file} of every input, verified.

    Raises JobFailed INPUT_MISSING or INPUT_CORRUPT, or STORAGE where this machine has no room for it.
    """
    folder.mkdir()
    for name, file in inputs.items():
        try:
            persist(at.host, f"input {name}", partial(_fetch, at, job, file, folder / name), for_s=WAIT_S)
        except (StorageFull, OursError) as error:
            told = f"input {name} ({file.size} bytes) cannot be kept here: {error}. Or {HINT}"
            raise JobFailed(told, code="STORAGE") from error
        except ChannelError as error:
            raise JobFailed(f"{name}: {error}", code="INPUT_MISSING") from error
        if sha256_of(folder / name) != (file.size, file.sha256):
            raise JobFailed(f"{name} does not have the content that the request names", code="INPUT_CORRUPT")
    return {name: str(folder / name) for name in inputs}


def _fetch(at: Attached, job: str, file: InputFile, local: Path) -> None:
    """Copy an input here; of several files of that name the one that fits. One that is cut short is tried again."""
    failed: ChannelError | None = None
    for copy in copies_of(at.drop, job, file.in_):
        try:
            at.drop.copy_out(JobNames(job).file(file.in_), local, limit=file.size, copy=copy)
        except StorageFull:
            raise  # the copies of a name have no more room here than one
        except ChannelError as error:
            failed = error
            continue
        size, sha256 = sha256_of(local)
        if (size, sha256) == (file.size, file.sha256):
            return
        if size != file.size:
            failed = ChannelError(f"{size} of its {file.size} bytes came")
    if failed is not None:
        raise failed
