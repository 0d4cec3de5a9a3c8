"""A drop in a folder on a plain disk. Folders that are shared by other means are a `SyncedDrop`."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from protocol.drop import ONE_MACHINE, SYNC_TOOL, Capabilities, Durability, Entry, Watch
from protocol.errors import ChannelError, ChannelLost, NameMissing
from protocol.transports.beneath import CREATE, READ, OpenFolder, opened
from protocol.transports.copying import check_length, read_up_to, stream, write_all
from protocol.transports.failures import MISSING, channel_error, mapped, mapped_local
from protocol.transports.names import split, split_folder
from protocol.transports.watching import PollWatch, watch_events

LOCAL = Capabilities(local=True, settle_s=0, poll_s=0.5, beat_s=2, limits=ONE_MACHINE, events=True)

CARRIED = Capabilities(local=False, settle_s=30, poll_s=5, beat_s=30, limits=SYNC_TOOL, events=True)
"""A folder on this disk that a sync tool shares: files that the tool writes cause events like any others."""

_DELETE_TRIES = 3
_BLOCK_BYTES = 512  # what `st_blocks` counts, whatever the disk's own blocks are


class FolderDrop:
    """A drop at `root`. It uses events and needs no barrier, unless other `capabilities` are given.

    Keeps nothing open between calls, so that a mount that comes back works again.
    """

    def __init__(self, root: Path, *, capabilities: Capabilities = LOCAL) -> None:
        self._root = root.absolute()
        with self._at(()) as place:
            found = place.path.stat() if place.fd is None else os.fstat(place.fd)
        folder = f"{found.st_dev}:{found.st_ino}" if capabilities.local else ""
        self.capabilities = replace(capabilities, folder=folder)

    def list(self, folder: str) -> tuple[Entry, ...]:
        """Return the regular files and folders in `folder`, by name, without links, devices and pipes."""
        with mapped(folder or str(self._root)), self._at(split_folder(folder)) as place:
            found = [_entry(item) for item in place.scan()]
        return tuple(sorted((entry for entry in found if entry is not None), key=lambda entry: entry.name))

    def get(self, path: str, *, limit: int, copy: int = 0) -> bytes:
        """Return a whole small file."""
        with mapped(path), self._open(path, limit, copy) as fd:
            data = read_up_to(fd, limit + 1)
        check_length(path, len(data), limit)
        return data

    def put(self, path: str, data: bytes) -> None:
        """Create `path`; a file that could only be written in part is removed again.

        On a disk of a Linux machine it is complete as soon as it is visible: older programs do not read twice, and a
        sync tool does not send half of it.
        """
        with mapped(path):
            if self.capabilities.events and self._put_whole(path, data):
                return
            with self._create(path) as fd:
                write_all(fd, data)

    def copy_in(self, local: Path, path: str) -> None:
        """Create `path` from a local file; a file that could only be written in part is removed again."""
        with mapped_local(str(local)):
            source = local.open("rb", buffering=0)
        with source, mapped(path), self._create(path) as fd:
            stream(source.fileno(), fd, sys.maxsize)

    def copy_out(self, path: str, local: Path, *, limit: int, copy: int = 0) -> None:
        """Copy a file out, at most `limit` bytes; after a failure `local` is not there."""
        with mapped(path), self._open(path, limit, copy) as fd:
            with mapped_local(str(local)):
                target = local.open("wb", buffering=0)
            try:
                with target, mapped(f"{path}, copied to {local}"):
                    check_length(path, stream(fd, target.fileno(), limit + 1), limit)
            except BaseException:
                local.unlink(missing_ok=True)
                raise

    def make_folder(self, path: str) -> None:
        """Make a folder and its parents."""
        with mapped(path), self._at(split(path), make=True):
            pass

    def delete(self, path: str) -> None:
        """Remove a file or a whole folder; a link is removed, never followed."""
        for tries_left in reversed(range(_DELETE_TRIES)):
            try:
                with contextlib.suppress(NameMissing), mapped(path), self._parent(path) as (place, name):
                    place.remove(name)
                return
            except ChannelError as error:
                if not (tries_left and error.retryable):  # another process may still be writing into the folder
                    raise

    def barrier(self) -> Durability:
        """Return at once: on one machine writes are visible immediately; elsewhere that is unknown."""
        return "local" if self.capabilities.local else "unconfirmed"

    def watch(self) -> Watch:
        """Watch by events on a disk; elsewhere by polling, because the other side causes no events."""
        with self._at(()):
            pass  # a watcher on a missing folder would sleep forever
        poll_s = self.capabilities.poll_s
        return watch_events(self._root, poll_s) if self.capabilities.events else PollWatch(poll_s)

    def close(self) -> None:
        """Do nothing: nothing is open between calls."""

    @contextlib.contextmanager
    def _at(self, parts: tuple[str, ...], *, make: bool = False) -> Iterator[OpenFolder]:
        """Open a folder of the drop step by step; `make` creates missing ones."""
        with contextlib.ExitStack() as steps:
            try:
                place = steps.enter_context(opened(self._root))
            except OSError as error:
                raise self._lost(error) from error
            for part in parts:
                if make:
                    place.make_folder(part)
                place = steps.enter_context(place.step(part))
            yield place

    def _lost(self, error: OSError) -> ChannelError:
        if error.errno not in MISSING:
            return channel_error(f"the drop {self._root}", error)
        return ChannelLost(
            f"there is no folder {self._root}. Mount the drive, or make the drop: gpudrop init --drop {self._root}"
        )

    @contextlib.contextmanager
    def _parent(self, path: str) -> Iterator[tuple[OpenFolder, str]]:
        *folder, name = split(path)
        with self._at(tuple(folder)) as place:
            yield place, name

    @contextlib.contextmanager
    def _open(self, path: str, limit: int, copy: int) -> Iterator[int]:
        if copy:
            raise NameMissing(f"there is one file named {path}, and no copy {copy}")
        with self._parent(path) as (place, name):
            fd = place.open(name, READ)
            try:
                found = os.fstat(fd)
                if not stat.S_ISREG(found.st_mode):
                    raise ChannelError(f"{path} is not a regular file, and is not read", retryable=False)
                check_length(path, found.st_size, limit)
                yield fd
            finally:
                os.close(fd)

    def _put_whole(self, path: str, data: bytes) -> bool:
        """Write a file without a name, then name it; return whether that is supported here."""
        with self._parent(path) as (place, name):
            fd = place.open_nameless()
            if fd is None:
                return False
            try:
                write_all(fd, data)
                return place.name(fd, name)
            finally:
                os.close(fd)

    @contextlib.contextmanager
    def _create(self, path: str) -> Iterator[int]:
        with self._parent(path) as (place, name):
            fd = place.open(name, CREATE)
            try:
                try:
                    yield fd
                finally:
                    os.close(fd)  # some file systems only report a full disk now
            except BaseException:
                with contextlib.suppress(OSError):  # the first error is the one to report
                    place.remove_file(name)
                raise


def _entry(item: os.DirEntry[str]) -> Entry | None:
    try:
        if item.is_dir(follow_symlinks=False):
            return Entry(name=item.name, is_folder=True)
        if item.is_file(follow_symlinks=False):
            return _file(item.name, item.stat(follow_symlinks=False))
    except FileNotFoundError:
        return None  # removed while it was listed
    return None


def _file(name: str, status: os.stat_result) -> Entry:
    """Return the entry of a file. Sync tools may give a file its full size first, and its content later."""
    stored = getattr(status, "st_blocks", None)
    sparse = stored is not None and stored * _BLOCK_BYTES < status.st_size
    return Entry(
        name=name,
        is_folder=False,
        size=status.st_size,
        stored=stored * _BLOCK_BYTES if sparse and stored is not None else None,
        modified=status.st_mtime,
    )
