"""The model files on this machine's disk: one folder a digest, looked at again whenever a file has changed."""

from __future__ import annotations

import logging
from pathlib import Path

from colab.models.table import ModelFile
from protocol.integrity import sha256_of

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
