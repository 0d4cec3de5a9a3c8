"""The digests of input files: each file is read once, and one that changes while it is read or sent is an error."""

from __future__ import annotations

from pathlib import Path

from protocol.errors import UsageError
from protocol.integrity import sha256_of

_Identity = tuple[int, int, int, int]


class Fingerprints:
    """What this process knows of the files that it sends."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Identity, tuple[int, str]]] = {}

    def of(self, path: Path) -> tuple[int, str]:
        """Return the size and the sha256 of a file. Raises UsageError when it changes meanwhile."""
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
        """Raise UsageError when a file is another one now than when its digest was taken."""
        known = self._known.get(path)
        if known is not None and known[0] != _identity(path):
            raise _changed(path)


def _identity(path: Path) -> _Identity:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _changed(path: Path) -> UsageError:
    return UsageError(
        f"{path} changed while it was read: something still writes to it. Run this again when it is whole"
    )
