"""Copying between two open files, up to a limit: in the kernel if possible, otherwise through a buffer."""

from __future__ import annotations

import os

from protocol.errors import ChannelError
from protocol.transports.failures import numbers

CHUNK = 1 << 20
_IN_KERNEL = 1 << 26  # bytes a call; the kernel may do fewer

# Errors of a kernel or file system that cannot copy by itself; nothing has been copied then.
_CANNOT = numbers("EXDEV", "EINVAL", "ENOSYS", "EOPNOTSUPP", "ENOTSUP", "EBADF", "EPERM", "ETXTBSY")


def check_length(path: str, length: int, limit: int) -> None:
    """Raise ChannelError, not retryable, for a file of a drop that exceeds the limit."""
    if length > limit:
        raise ChannelError(f"{path} is longer than the {limit} bytes allowed, and is not read", retryable=False)


def write_all(target: int, data: bytes) -> None:
    """Write every byte; one system call may write fewer."""
    left = memoryview(data)
    while left:
        left = left[os.write(target, left) :]


def read_up_to(source: int, limit: int) -> bytes:
    """Return the rest of the file, at most `limit` bytes."""
    chunks: list[bytes] = []
    while limit > 0 and (chunk := os.read(source, min(limit, CHUNK))):
        chunks.append(chunk)
        limit -= len(chunk)
    return b"".join(chunks)


def stream(source: int, target: int, limit: int) -> int:
    """Copy to the end of `source`, at most `limit` bytes; return how many."""
    left = limit
    while left > 0 and (moved := _in_kernel(source, target, min(left, _IN_KERNEL))):
        left -= moved
    # Some file systems report "end of file" when they mean "not supported": the buffered copy decides.
    while left > 0 and (chunk := os.read(source, min(left, CHUNK))):
        write_all(target, chunk)
        left -= len(chunk)
    return limit - left


def _in_kernel(source: int, target: int, count: int) -> int:
    if not hasattr(os, "copy_file_range"):
        return 0
    try:
        return os.copy_file_range(source, target, count)
    except OSError as error:
        if error.errno in _CANNOT:
            return 0
        raise
