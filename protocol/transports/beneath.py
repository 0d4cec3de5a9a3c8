"""Walking below a folder without ever following a link, so that nothing put there leads out of it.

Where the system opens relative to a descriptor (Linux, macOS), every step is held open and no step can be swapped for a
link behind our back. Elsewhere (Windows) every step is checked before it is taken, which is the best there is.
Everything here raises OSError; `failures` translates it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_DEPTH = 32
"""The depth to which `remove` deletes; our own folders are two levels deep."""

_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_AS_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _BINARY
# A FIFO in the drop must not block the reader until a writer opens it.
READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _NO_LINK | _BINARY
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | _BINARY
_NAMELESS = getattr(os, "O_TMPFILE", 0)


def has_descriptors() -> bool:
    """Say whether this system opens names relative to an open folder."""
    return {os.open, os.mkdir, os.stat, os.unlink, os.rmdir} <= os.supports_dir_fd and os.scandir in os.supports_fd


@dataclass(frozen=True)
class OpenFolder:
    """A folder below the root: by descriptor, or (without one) by a path whose steps were checked."""

    path: Path
    fd: int | None

    def open(self, name: str, flags: int) -> int:
        """Open a name in this folder; a link raises ELOOP, or EEXIST where the name should be new."""
        if not flags & os.O_EXCL:  # which follows nothing by itself
            self._refuse_link(name)
        return os.open(self._at(name), flags, 0o666, dir_fd=self.fd)

    def open_nameless(self) -> int | None:
        """Open a new file without a name in this folder; None if the system or the disk does not support that."""
        if self.fd is None or not _NAMELESS:
            return None
        try:
            return os.open(".", os.O_WRONLY | _NAMELESS | _BINARY, 0o666, dir_fd=self.fd)
        except OSError:
            return None

    def name(self, nameless: int, name: str) -> bool:
        """Give an open file its name here, or return False if that does not work; an existing name raises EEXIST."""
        try:
            os.link(f"/proc/self/fd/{nameless}", name, dst_dir_fd=self.fd, follow_symlinks=True)
        except FileExistsError:
            raise
        except OSError:  # no /proc, or no room: creating the name in the usual way will report what is wrong
            return False
        return True

    def status(self, name: str) -> os.stat_result:
        """Return what a name is, not what it points to."""
        return os.stat(self._at(name), dir_fd=self.fd, follow_symlinks=False)

    def scan(self) -> list[os.DirEntry[str]]:
        """Return the entries of this folder."""
        with os.scandir(self.path if self.fd is None else self.fd) as found:
            return list(found)

    def make_folder(self, name: str) -> None:
        """Make a folder; an existing folder is fine, a link raises ELOOP, anything else EEXIST."""
        try:
            os.mkdir(self._at(name), dir_fd=self.fd)
        except FileExistsError:
            self._raise_link(name)
            if not stat.S_ISDIR(self.status(name).st_mode):
                raise

    def remove_file(self, name: str) -> None:
        """Remove anything but a folder; a link itself, not what it points to."""
        os.unlink(self._at(name), dir_fd=self.fd)

    def remove(self, name: str, depth: int = 0) -> None:
        """Remove a file or a folder with everything in it; a missing one is fine."""
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISDIR(self.status(name).st_mode):
                self.remove_file(name)
                return
            if depth >= MAX_DEPTH:
                raise OSError(errno.ENAMETOOLONG, f"folders are nested more than {MAX_DEPTH} deep; remove them by hand")
            with self.step(name) as inner:
                for entry in inner.scan():
                    inner.remove(entry.name, depth + 1)
            os.rmdir(self._at(name), dir_fd=self.fd)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[OpenFolder]:
        """Open a subfolder; a link raises ELOOP, anything else that is not a folder ENOTDIR."""
        inner = self._into(name)
        try:
            yield inner
        finally:
            inner.close()

    def close(self) -> None:
        """Close the descriptor."""
        if self.fd is not None:
            os.close(self.fd)

    def _into(self, name: str) -> OpenFolder:
        self._refuse_link(name)
        if self.fd is None:
            if not stat.S_ISDIR(self.status(name).st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
            return OpenFolder(self.path / name, None)
        try:
            return OpenFolder(self.path / name, os.open(name, _AS_FOLDER | _NO_LINK, dir_fd=self.fd))
        except NotADirectoryError:
            self._raise_link(name)  # Linux says "not a directory" of a link, too
            raise

    def _at(self, name: str) -> str:
        return name if self.fd is not None else str(self.path / name)

    def _refuse_link(self, name: str) -> None:
        if self.fd is None:
            self._raise_link(name)

    def _raise_link(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISLNK(self.status(name).st_mode):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)


@contextlib.contextmanager
def opened(root: Path) -> Iterator[OpenFolder]:
    """Open the root folder. It may be a link itself: that is the user's choice."""
    place = OpenFolder(root, os.open(root, _AS_FOLDER)) if has_descriptors() else _looked_at(root)
    try:
        yield place
    finally:
        place.close()


def _looked_at(root: Path) -> OpenFolder:
    if not stat.S_ISDIR(root.stat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(root))
    return OpenFolder(root, None)
