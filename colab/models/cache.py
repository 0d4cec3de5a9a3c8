"""The model files on this machine's disk: one folder a digest, looked at again whenever a file has changed.

`.verified/` tells of files that were found right once, for `gpudrop models ls`. It decides nothing: a process reads a
file itself before it gives it out. Beside a file may lie: `.part` and `.part.etag`, a download that was cut; `.copy`,
one on its way from the drop; `.lock`; `.bad`, what was found in its place. Nothing is loaded from these.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
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
            self._remember(file, before)
        return True

    def was_verified(self, file: ModelFile) -> bool:
        """Say whether the file that is here was found right once, by whatever process, and is still the same one."""
        found = _identity(self.path(file))
        try:
            return found is not None and self._stamp(file).read_text(encoding="ascii") == _stamped(found)
        except (OSError, ValueError):
            return False

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
            self._remember(file, identity)
        return None

    def copy_in(self, file: ModelFile, source: Path) -> str | None:
        """Copy a file of this machine into the cache; return what was found instead, if it is another one."""
        copied = self.beside(file, ".copy")
        try:
            shutil.copyfile(source, copied)
        except OSError:
            copied.unlink(missing_ok=True)  # give the room back to a full disk
            raise
        return self.adopt(file, copied)

    def is_right(self, file: ModelFile, path: Path) -> bool:
        """Say whether some file has the content that the table names."""
        return sha256_of(path) == (file.size, file.sha256)

    def drop(self, file: ModelFile) -> bool:
        """Delete a file, and what was begun of it; say whether there was one."""
        there = self.path(file).exists()
        for path in (self.path(file), self.beside(file, ".bad"), self._stamp(file)):
            path.unlink(missing_ok=True)
        self.forget_unfinished(file)
        return there

    def forget_unfinished(self, file: ModelFile) -> None:
        """Give the room of what was begun back to a full disk."""
        for suffix in UNFINISHED:
            self.beside(file, suffix).unlink(missing_ok=True)

    def _remember(self, file: ModelFile, identity: _Identity) -> None:
        self._verified[file.sha256] = identity
        with contextlib.suppress(OSError):
            self._stamp(file).parent.mkdir(exist_ok=True)
            self._stamp(file).write_text(_stamped(identity), encoding="ascii")

    def _stamp(self, file: ModelFile) -> Path:
        return self.folder / ".verified" / file.sha256

    def _set_aside(self, path: Path, file: ModelFile, size: int, sha256: str) -> None:
        bad = path.with_name(path.name + ".bad")
        path.replace(bad)
        log.warning(
            "the model file %s is not what it should be and was renamed to %s: expected %d bytes with sha256 %s, "
            "found %d bytes with sha256 %s",
            path, bad.name, file.size, file.sha256, size, sha256,
        )  # fmt: skip


def _stamped(identity: _Identity) -> str:
    """Return what of an identity lasts when the cache is linked to, or moved to another disk."""
    return f"{identity[2]} {identity[3]}"


def _identity(path: Path) -> _Identity | None:
    """Return what changes when a file is replaced or written to, or None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
