"""The worker's own disk: its errors as the codes with which a job can end, and the hint for the user."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protocol.errors import EnvironmentNotReady, JobFailed, NotFoundError, StorageFull, is_full

HINT = "make room on the worker's disk for temporary files, or start it with TMPDIR naming a folder on a larger one"


def failure(failed: str, problem: OSError) -> JobFailed:
    """Return the JobFailed for an error of the disk; `failed` says what could not be done."""
    if is_full(problem):
        return JobFailed(f"{failed}: no room left on the worker ({problem}); {HINT}", code="STORAGE")
    return JobFailed(f"{failed}: {problem}", code="INTERNAL")


@contextmanager
def disk_in_codes(failed: str) -> Iterator[None]:
    """Raise `JobFailed` for errors of this machine's disk, or the drop's; `failed` as for `failure`.

    A disk that is broken or read-only is STORAGE too, because another worker has another disk. A missing file of our
    own is INTERNAL: a bug.
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
    """Hard-link a file, so that it takes no more room; where links are not supported, copy it.

    An existing `target` is replaced.
    """
    target.unlink(missing_ok=True)
    try:
        os.link(local, target)
    except OSError:  # a file system without links, or another disk: a copy that fails says why
        shutil.copyfile(local, target)
