"""The model files on this machine's disk: one folder a digest, looked at again whenever a file has changed.

Beside a file may lie: `.part` and `.part.etag`, a download that was cut; `.copy`, one on its way from the drop;
`.lock`; `.bad`, what was found in its place. Nothing is loaded from these.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from colab.models.lock import held
from colab.models.table import ModelFile
from protocol.integrity import sha256_of

UNFINISHED = (".part", ".part.etag", ".copy")

log = logging.getLogger(__name__)

_Identity = tuple[int, int, int, int, int]


class Cache:
    """A folder of model files. Several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._verified: dict[str, _Identity] = {}

    def path(self, file: ModelFile) -> Path:
        """Return where a file lies, or would."""
        return self.folder / file.sha256[:16] / file.file_name

    def beside(self, file: ModelFile, suffix: str) -> Path:
        """Return the path beside a file, in a folder that exists."""
        path = self.path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(path.name + suffix)

    def locked(self, file: ModelFile, waiting: Callable[[], None]) -> AbstractContextManager[None]:
        """Keep every other process from fetching the same file; `waiting` is called while another one does."""
        return held(self.beside(file, ".lock"), waiting)

    def holds(self, file: ModelFile) -> bool:
        """Say whether there is a file of the right size."""
        found = _identity(self.path(file))
        return found is not None and found[2] == file.size

    def verified(self, file: ModelFile) -> bool:
        """Say whether the file is here with the right content. A wrong one is set aside, and said in the log.

        A file that was verified before in this process is read again only if it is another one or has changed.
        """
        path = self.path(file)
        before = _identity(path)
        if before is None:
            return False
        if self._verified.get(file.sha256) == before:
            return True
        size, sha256 = sha256_of(path)
        if (size, sha256) != (file.size, file.sha256):
            self._set_aside(path, file, size, sha256)
            return False
        if _identity(path) == before:
            self._verified[file.sha256] = before
        return True

    def adopt(self, file: ModelFile, fetched: Path) -> str | None:
        """Give a fetched file its name if its content is right. Otherwise delete it, and return what was found."""
        size, sha256 = sha256_of(fetched)
        if (size, sha256) != (file.size, file.sha256):
            fetched.unlink()
            return f"{size} bytes with sha256 {sha256}"
        with fetched.open("r+b") as written:
            os.fsync(written.fileno())
        fetched.replace(self.path(file))
        if (identity := _identity(self.path(file))) is not None:
            self._verified[file.sha256] = identity
        return None

    def forget_unfinished(self, file: ModelFile) -> None:
        """Give the room of what was begun back to a full disk."""
        for suffix in UNFINISHED:
            self.beside(file, suffix).unlink(missing_ok=True)

    def _set_aside(self, path: Path, file: ModelFile, size: int, sha256: str) -> None:
        bad = path.with_name(path.name + ".bad")
        path.replace(bad)
        log.warning(
            "the model file %s is not what it should be and was renamed to %s: expected %d bytes with sha256 %s, "
            "found %d bytes with sha256 %s",
            path, bad.name, file.size, file.sha256, size, sha256,
        )  # fmt: skip


def _identity(path: Path) -> _Identity | None:
    """Return what changes when a file is replaced or written to, or None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
