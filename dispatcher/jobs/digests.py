"""Digests of input files: each file is read once, and a file that changes while it is read or sent is an error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from protocol.errors import MediaError, NotFoundError, UsageError
from protocol.integrity import sha256_of

_Identity = tuple[int, int, int, int]


class InputDigests:
    """The digests of the files that this process has read, by path."""

    def __init__(self, hash_file: Callable[[Path], tuple[int, str]] = sha256_of) -> None:
        self._hash_file = hash_file
        self._known: dict[Path, tuple[_Identity, tuple[int, str]]] = {}

    def of(self, path: Path) -> tuple[int, str]:
        """Return the size and the sha256 of a file.

        Raises UsageError if it changes meanwhile, NotFoundError if it is gone, MediaError if it cannot be read.
        """
        with _of_this_file(path):
            identity = _identity(path)
            known = self._known.get(path)
            if known is not None and known[0] == identity:
                return known[1]
            facts = self._hash_file(path)
            if _identity(path) != identity:
                raise _changed(path)
        self._known[path] = identity, facts
        return facts

    def check_unchanged(self, path: Path) -> None:
        """Raise UsageError if a file has changed since it was hashed, NotFoundError if it is gone."""
        known = self._known.get(path)
        with _of_this_file(path):
            if known is not None and known[0] != _identity(path):
                raise _changed(path)


@contextlib.contextmanager
def _of_this_file(path: Path) -> Iterator[None]:
    """Turn a system error into an error about this file, with a hint."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(
            f"{path} no longer exists: it was moved or removed after it was read. Put it back, or give its new path"
        ) from error
    except OSError as error:
        raise MediaError(
            f"{path} cannot be read: {error.strerror or error}. Make it readable, or copy it to another disk"
        ) from error


def _identity(path: Path) -> _Identity:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _changed(path: Path) -> UsageError:
    return UsageError(
        f"{path} changed while it was read: another program is still writing it. Try again when it is complete"
    )
