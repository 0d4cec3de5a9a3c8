"""What programs, disks and memories raise, as the closed codes that a job can end with: one place for every handler.

What a library raises is mapped by the engine that uses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from colab.disk import HINT, failure
from protocol.errors import EnvironmentNotReady, JobFailed, MediaError, StorageFull
from protocol.messages import ErrorCode


@contextmanager
def closed_codes(failed: str, *, hint: str = "", media: ErrorCode = "ENGINE") -> Iterator[None]:
    """Raise `JobFailed` for whatever ends a piece of work; `failed` says what could not be done.

    `hint` is what to do where there is not enough memory, `media` the code of a media file that fails.
    """
    try:
        yield
    except StorageFull as problem:
        raise JobFailed(f"{failed}: no room left on the worker ({problem}); {HINT}", code="STORAGE") from problem
    except MediaError as problem:
        raise JobFailed(f"{failed}: {problem}", code=media) from problem
    except EnvironmentNotReady as problem:
        raise JobFailed(f"{failed}: {problem}", code="UNSUPPORTED") from problem
    except MemoryError as problem:
        told = f"{failed}: not enough memory{'; ' * bool(hint)}{hint}"
        raise JobFailed(told, code="OUT_OF_MEMORY") from problem
    except OSError as problem:
        raise failure(failed, problem) from problem
