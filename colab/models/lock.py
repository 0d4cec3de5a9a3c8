"""One process at a time at one file of the cache. The system frees the lock of a process that died."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_S = 0.2


@contextmanager
def held(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock `path` for the length of a block, calling `waiting` now and then until it is free.

    The file stays: whoever removed it would hold a lock that the next process cannot see.
    """
    with path.open("ab") as file:
        while not _taken(file.fileno()):
            waiting()
            time.sleep(POLL_S)
        yield


if sys.platform == "win32":
    import msvcrt

    def _taken(fd: int) -> bool:
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

else:
    import fcntl

    def _taken(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
