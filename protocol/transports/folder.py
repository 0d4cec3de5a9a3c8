"""A drop in a folder: a plain disk, or whatever a sync tool or a mount shows as one.

Every path is opened one component at a time without following links, so that nothing a stranger puts into the folder
can lead out of it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from protocol.drop import Capabilities, Durability, Entry, Watch
from protocol.errors import ChannelError, ChannelLost, NameMissing, NameTaken, StorageFull
from protocol.transports.ground import is_local_disk
from protocol.transports.watching import EventWatch, PollWatch

LOCAL = Capabilities(local=True, settle_s=0, poll_s=0.5, beat_s=2)
SYNCED = Capabilities(local=False, settle_s=30, poll_s=5, beat_s=30)

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOST = frozenset({errno.EIO, errno.ENOTCONN, errno.ETIMEDOUT, errno.ESTALE, errno.EHOSTDOWN, errno.ENXIO})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CHUNK = 1 << 20


class FolderDrop:
    """A drop at `root`. On a plain local disk it wakes by events and needs no barrier; elsewhere it polls."""

    def __init__(self, root: Path, *, capabilities: Capabilities | None = None) -> None:
        self._root = root.absolute()
        with self._at(""):
            pass
        self.capabilities = capabilities or (LOCAL if is_local_disk(self._root) else SYNCED)

    def list(self, folder: str) -> tuple[Entry, ...]:
        """Return the regular files and folders in `folder`; links and devices are left out."""
        with _mapped(folder or str(self._root)), self._at(folder) as fd, os.scandir(fd) as found:
            return tuple(entry for item in found if (entry := _entry(item)) is not None)

    def get(self, path: str, *, limit: int, copy: int = 0) -> bytes:
        """Return a whole small file."""
        with _mapped(path), self._open(path) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise ChannelError(f"{path} is longer than the {limit} bytes allowed", retryable=False)
        return data

    def put(self, path: str, data: bytes) -> None:
        """Create `path`; what could be written only in part is removed again."""
        with _mapped(path), self._create(path) as file:
            file.write(data)

    def copy_in(self, local: Path, path: str) -> None:
        """Create `path` from a local file."""
        with _mapped(path), local.open("rb") as reader, self._create(path) as writer:
            shutil.copyfileobj(reader, writer, _CHUNK)

    def copy_out(self, path: str, local: Path, *, limit: int, copy: int = 0) -> None:
        """Copy a file out, at most `limit` bytes."""
        with _mapped(path), self._open(path) as reader, local.open("wb") as writer:
            left = limit + 1
            while left and (chunk := reader.read(min(left, _CHUNK))):
                writer.write(chunk)
                left -= len(chunk)
        if not left:
            raise ChannelError(f"{path} is longer than the {limit} bytes allowed", retryable=False)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            parent, name = "/".join(parts[: depth - 1]), parts[depth - 1]
            with _mapped(path), self._at(parent) as fd, contextlib.suppress(FileExistsError):
                os.mkdir(name, dir_fd=fd)

    def delete(self, path: str) -> None:
        """Remove a file or a whole folder; a link is removed, never followed."""
        parent, _, name = path.rpartition("/")
        with contextlib.suppress(NameMissing), _mapped(path), self._at(parent) as fd:
            if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                shutil.rmtree(name, dir_fd=fd)
            else:
                os.unlink(name, dir_fd=fd)

    def barrier(self) -> Durability:
        """Return at once: between processes of one machine what is written is there; elsewhere nobody can tell."""
        return "local" if self.capabilities.local else "unconfirmed"

    def watch(self) -> Watch:
        """Watch by events on a local disk; elsewhere events tell nothing of the other side, so time is all there is."""
        return EventWatch(self._root) if self.capabilities.local else PollWatch()

    def close(self) -> None:
        """Hold nothing between calls, so there is nothing to free."""

    @contextlib.contextmanager
    def _at(self, folder: str) -> Iterator[int]:
        """Open a folder component by component, without following a link below the root."""
        try:
            fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise ChannelLost(
                f"the drop {self._root} cannot be opened: {error.strerror}. Is it mounted, and the path right?"
            ) from error
        try:
            for part in folder.split("/") if folder else ():
                inner = os.open(part, _FOLDER, dir_fd=fd)
                os.close(fd)
                fd = inner
            yield fd
        finally:
            os.close(fd)

    @contextlib.contextmanager
    def _open(self, path: str) -> Iterator[BinaryIO]:
        parent, _, name = path.rpartition("/")
        with self._at(parent) as fd, os.fdopen(os.open(name, _READ, dir_fd=fd), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ChannelError(f"{path} is not a regular file", retryable=False)
            yield file

    @contextlib.contextmanager
    def _create(self, path: str) -> Iterator[BinaryIO]:
        parent, _, name = path.rpartition("/")
        with self._at(parent) as fd:
            file = os.fdopen(os.open(name, _CREATE, 0o666, dir_fd=fd), "wb")
            try:
                with file:
                    yield file
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(name, dir_fd=fd)
                raise


def _entry(item: os.DirEntry[str]) -> Entry | None:
    try:
        if item.is_dir(follow_symlinks=False):
            return Entry(name=item.name, is_folder=True)
        if item.is_file(follow_symlinks=False):
            return Entry(name=item.name, is_folder=False, size=item.stat(follow_symlinks=False).st_size)
    except FileNotFoundError:
        return None  # removed while it was listed
    return None


@contextlib.contextmanager
def _mapped(what: str) -> Iterator[None]:
    """Turn the system's errors into the channel's."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NameMissing(f"{what} is not in the drop") from error
    except FileExistsError as error:
        raise NameTaken(f"{what} is written already") from error
    except OSError as error:
        raise _channel_error(what, error) from error


def _channel_error(what: str, error: OSError) -> ChannelError:
    if error.errno == errno.ELOOP:
        return ChannelError(f"{what} is a symbolic link, which is never followed", retryable=False)
    if error.errno in _FULL:
        return StorageFull(f"no room to write {what}: {error.strerror}. Free some space and run the same command again")
    if error.errno in _LOST:
        return ChannelLost(f"{what}: {error.strerror}. The mount may be down; it is tried again")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ChannelError(f"{what}: {error.strerror}. Make the drop writable for this user", retryable=False)
    return ChannelError(f"{what}: {error.strerror or error}")
