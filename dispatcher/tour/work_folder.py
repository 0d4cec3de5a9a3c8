"""The folder where takes, logs and failures are kept: one recording at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from protocol.errors import EnvironmentNotReady

LOCK = "in-use.lock"


@contextlib.contextmanager
def occupied(folder: Path) -> Iterator[Path]:
    """Make the folder and hold it for this process. The system lets it go when the process ends, however it ends.

    Raises EnvironmentNotReady where another recording holds it, or where it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, blocking=False)
        lock.acquire()
    except Timeout as taken:
        raise EnvironmentNotReady(
            f"another recording is at work in {folder}. Wait until it is done, or give this one its own: --work-dir DIR"
        ) from taken
    except OSError as error:
        raise EnvironmentNotReady(
            f"the work folder {folder} cannot be used: {error.strerror}. Name another: --work-dir DIR"
        ) from error
    try:
        yield folder
    finally:
        lock.release()
