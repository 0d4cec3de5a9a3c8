"""The digests of input files: each file is read once, and one that changes while it is read or sent is an error."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from protocol.errors import MediaError, NotFoundError, UsageError
from protocol.integrity import sha256_of

_Identity = tuple[int, int, int, int]


class Fingerprints:
    """What this process knows of the files that it sends."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Identity, tuple[int, str]]] = {}

    def of(self, path: Path) -> tuple[int, str]:
        """Return the size and the sha256 of a file. Raises UsageError when it changes meanwhile.

        NotFoundError when it is gone, MediaError when it cannot be read.
        """
        with _of_this_file(path):
            identity = _identity(path)
            known = self._known.get(path)
            if known is not None and known[0] == identity:
                return known[1]
            facts = sha256_of(path)
            if _identity(path) != identity:
                raise _changed(path)
        self._known[path] = identity, facts
        return facts

    def check_unchanged(self, path: Path) -> None:
        """Raise UsageError when a file is another one now than when its digest was taken, NotFoundError if none is."""
        known = self._known.get(path)
        with _of_this_file(path):
            if known is not None and known[0] != _identity(path):
                raise _changed(path)


@contextlib.contextmanager
def _of_this_file(path: Path) -> Iterator[None]:
    """Turn what the system says of a file into an error of that file alone, with the hint."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(
            f"{path} is not there any more: it was moved or removed after it was looked at. Put it back, or name it "
            "where it is now"
        ) from error
    except OSError as error:
        raise MediaError(
            f"{path} cannot be read: {error.strerror or error}. Give yourself the right to read it, or copy it to a "
            "disk that answers"
        ) from error


def _identity(path: Path) -> _Identity:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _changed(path: Path) -> UsageError:
    return UsageError(
        f"{path} changed while it was read: something still writes to it. Run this again when it is whole"
    )
