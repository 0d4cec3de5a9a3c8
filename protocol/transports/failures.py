"""What the system's errors mean for a drop: one table for all transports that do real I/O."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator

from protocol.errors import (
    FULL,
    ChannelError,
    ChannelLost,
    EnvironmentNotReady,
    NameMissing,
    NameTaken,
    NotFoundError,
    StorageFull,
    is_full,
)


def numbers(*names: str) -> frozenset[int]:
    """Return the error numbers of these names, without those that a system lacks (Windows: EDQUOT, ESTALE)."""
    return frozenset(getattr(errno, name) for name in names if hasattr(errno, name))


MISSING = numbers("ENOENT", "ENOTDIR")
TAKEN = numbers("EEXIST")
LOST = numbers("ENOTCONN", "ETIMEDOUT", "ESTALE", "EHOSTDOWN", "EHOSTUNREACH", "ECONNABORTED", "ECONNRESET", "ENODEV")
DENIED = numbers("EACCES", "EPERM", "EROFS")
LINK = numbers("ELOOP", "EMLINK")
IMPOSSIBLE = numbers("ENAMETOOLONG", "EINVAL", "EILSEQ", "ENXIO", "EOPNOTSUPP")
EXHAUSTED = numbers("EMFILE", "ENFILE")

_TABLE: tuple[tuple[frozenset[int], Callable[[str, str], ChannelError]], ...] = (
    (MISSING, lambda what, why: NameMissing(f"{what} is not in the drop, or not yet")),
    (TAKEN, lambda what, why: NameTaken(f"{what} exists already, and names are written once")),
    (FULL, lambda what, why: StorageFull(f"no room to write {what}: {why}. Free some space, then run it again")),
    (LOST, lambda what, why: ChannelLost(f"{what} cannot be reached: {why}. Is the mount up?")),
    (
        DENIED,
        lambda what, why: ChannelError(
            f"{what}: {why}. Give this user permission to read and write there, or name another drop", retryable=False
        ),
    ),
    (LINK, lambda what, why: ChannelError(f"{what} leads through a link, which is never followed", retryable=False)),
    (IMPOSSIBLE, lambda what, why: ChannelError(f"{what} cannot be used in this folder: {why}", retryable=False)),
    (EXHAUSTED, lambda what, why: ChannelError(f"{what}: {why}. Raise the limit of open files (ulimit -n)")),
)


def channel_error(what: str, error: OSError) -> ChannelError:
    """Return the channel error for an OSError at `what`; errors that are not in the table can be retried."""
    why = error.strerror or str(error)
    for known, make in _TABLE:
        if error.errno in known:
            return make(what, why)
    return ChannelError(f"{what}: {why}")


@contextlib.contextmanager
def mapped(what: str) -> Iterator[None]:
    """Turn every OSError in the block into a channel error about `what`."""
    try:
        yield
    except OSError as error:
        raise channel_error(what, error) from error


@contextlib.contextmanager
def mapped_local(what: str) -> Iterator[None]:
    """Turn every OSError in the block into an error about a file of this machine, not of the channel.

    No room here is `StorageFull` too: the remedy is the same.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(f"{what} does not exist on this machine") from error
    except OSError as error:
        if is_full(error):
            raise StorageFull(f"no room on this machine for {what}: {error.strerror}. Free some space there") from error
        raise EnvironmentNotReady(f"{what}: {error.strerror}. Check the file and its folder's permissions") from error


_CAUSE = "cause"


def portable(error: Exception) -> Exception:
    """Return an error that may be pickled for another process without losing which OSError was its cause."""
    if isinstance(cause := error.__cause__, OSError):
        error.__dict__[_CAUSE] = cause.errno, cause.strerror
    return error


def restored_cause(error: BaseException) -> OSError | None:
    """Return the OSError that was the cause of a `portable` error in the process it came from."""
    said = error.__dict__.pop(_CAUSE, None)
    return OSError(*said) if said is not None else None
