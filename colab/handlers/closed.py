"""What programs, disks and memories raise, as the closed codes that a job can end with: one place for every handler."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from protocol.errors import EnvironmentNotReady, JobFailed, MediaError, StorageFull
from protocol.messages import MAY_BE_TRIED_ELSEWHERE, ErrorCode

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def closed_codes(failed: str, *, cure: str = "", media: ErrorCode = "ENGINE") -> Iterator[None]:
    """Raise `JobFailed` for whatever ends a piece of work; `failed` says what could not be done.

    `cure` is what to do where there is not enough memory, `media` the code of a media file that fails.
    """
    try:
        yield
    except StorageFull as problem:
        raise _ended("STORAGE", f"{failed}: no room left on the worker: {problem}") from problem
    except MediaError as problem:
        raise _ended(media, f"{failed}: {problem}") from problem
    except EnvironmentNotReady as problem:
        raise _ended("UNSUPPORTED", f"{failed}: {problem}") from problem
    except MemoryError as problem:
        raise _ended("OUT_OF_MEMORY", f"{failed}: not enough memory{'; ' * bool(cure)}{cure}") from problem
    except OSError as problem:
        full = problem.errno in _FULL
        why = "no room left on the worker" if full else str(problem)
        raise _ended("STORAGE" if full else "INTERNAL", f"{failed}: {why}") from problem


def _ended(code: ErrorCode, message: str) -> JobFailed:
    return JobFailed(message, code=code, retryable=code in MAY_BE_TRIED_ELSEWHERE)
