"""The worker's own disk: what it raises, as the codes that a job can end with, and what to do about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocol.errors import EnvironmentNotReady, JobFailed, NotFoundError, StorageFull, is_full

HINT = "make room on the worker's disk for temporary files, or start it with TMPDIR naming a folder on a larger one"


def failure(failed: str, problem: OSError) -> JobFailed:
    """Return how a job ends that a disk did not let be done; `failed` says what could not be."""
    if is_full(problem):
        return JobFailed(f"{failed}: no room left on the worker ({problem}); {HINT}", code="STORAGE")
    return JobFailed(f"{failed}: {problem}", code="INTERNAL")


@contextmanager
def disk_in_codes(failed: str) -> Iterator[None]:
    """Raise `JobFailed` for what the disk here, or the drop's, has against a job; `failed` as for `failure`.

    A disk that breaks or may not be written to is STORAGE too, for another worker has another one. A file of ours that
    is not there is a mistake of ours.
    """
    try:
        yield
    except (NotFoundError, FileNotFoundError) as problem:
        raise JobFailed(f"{failed}: {problem}", code="INTERNAL") from problem
    except StorageFull as problem:
        raise JobFailed(f"{failed}: {problem}", code="STORAGE") from problem
    except (EnvironmentNotReady, OSError) as problem:
        raise JobFailed(f"{failed}: {problem}. Or {HINT}", code="STORAGE") from problem


def link(local: Path, target: Path) -> None:
    """Give a file a second name, so that it takes no more room; where names are not given twice, copy it.

    What is at `target` goes.
    """
    target.unlink(missing_ok=True)
    try:
        os.link(local, target)
    except OSError:  # a file system without links, or another disk: a copy that fails says why
        shutil.copyfile(local, target)
