"""A drop on any remote that rclone supports, without a mount: every verb is one call to our own rclone process.

Unlike a mount it has no upload queue and no directory cache: when a write returns, it has arrived and was checked by
size and by the remote's own hash, and a listing is the provider's current one.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from protocol.drop import Capabilities, Durability, Entry
from protocol.errors import ChannelError, ChannelLost, NameMissing, NameTaken, StorageFull
from protocol.transports.copying import check_length
from protocol.transports.failures import mapped_local
from protocol.transports.names import split, split_folder
from protocol.transports.pace import NewsCounter, RemoteWatch
from protocol.transports.rc import Moved, Rc, RcFailed, is_folder
from protocol.transports.rclone_cache import RemoteCache
from protocol.transports.rclone_calls import RemoteCalls

STORE = Capabilities(local=False, settle_s=2, poll_s=2, beat_s=15)
"""A server on which writes are visible at once (SFTP, WebDAV, S3, SMB)."""

DRIVE = Capabilities(local=False, settle_s=30, poll_s=5, beat_s=30)
"""A provider where two files can have the same name: Google Drive. Its listings may lag, and creating is slow."""

Progress = Callable[[str, Moved], None]

BULK = 8 << 20
"""Larger files are copied by a job of rclone's, which may take as long as it makes progress."""

_T = TypeVar("_T")


class RcloneDrop:
    """A drop at `REMOTE:PATH`. `operations` counts the calls on the remote, by kind.

    A name is checked before it is written, and never overwritten; but remotes have no exclusive creation, so two
    machines that write one name at the same moment may both succeed (FORMAT.md avoids this by its names).
    """

    def __init__(
        self,
        address: str,
        *,
        make: bool = False,
        progress: Progress | None = None,
        calls: RemoteCalls | None = None,
    ) -> None:
        self._calls, self._fs, self._progress = calls or RemoteCalls(address), address, progress
        self.operations = self._calls.operations
        self._pace, self._groups = NewsCounter(), itertools.count(1)
        try:
            features = self._calls.features()
            if make:
                self._calls.do("mkdir", f"rclone:{address}", "operations/mkdir", {"fs": address, "remote": ""})
        except BaseException:
            self.close()
            raise
        self._is_slow_to_date = bool(features.get("SlowModTime"))
        self._keeps_folders = bool(features.get("CanHaveEmptyDirectories"))
        self._known = RemoteCache(keeps_folders=self._keeps_folders)
        self.capabilities = DRIVE if features.get("DuplicateFiles") else STORE

    def __str__(self) -> str:
        return f"rclone:{self._fs}"

    def list(self, folder: str) -> tuple[Entry, ...]:
        """Return the entries of `folder`, by name; of two folders with the same name, the one that rclone uses."""
        split_folder(folder)
        options = {"noMimeType": True, "noModTime": self._is_slow_to_date}
        try:
            answer = self._calls.do(
                "list", folder, "operations/list", {"fs": self._fs, "remote": folder, "opt": options}
            )
        except NameMissing as error:
            self._known.forget(folder)
            if not folder:
                raise ChannelLost(
                    f"there is no folder rclone:{self._fs}. Make the drop: gpudrop init --drop rclone:{self._fs}"
                ) from error
            raise
        found, is_news = self._known.listed(folder, answer["list"])
        if is_news:
            self._pace.tell()
        if found is None:
            raise NameMissing(f"{folder} is not in the drop, or not yet")
        return found

    def get(self, path: str, *, limit: int, copy: int = 0) -> bytes:
        """Return a whole small file."""
        split(path)
        if twin := self._twin(path, copy):
            with tempfile.TemporaryDirectory() as folder:
                local = Path(folder) / "file"
                self._copy_twin(path, twin, local, limit)
                return local.read_bytes()
        return self._read(path, lambda answer: _whole(path, answer, limit))

    def put(self, path: str, data: bytes) -> None:
        """Create `path`."""
        split(path)
        with contextlib.ExitStack() as here:
            with mapped_local(f"{path}, before it is sent"):
                folder = here.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
                local = Path(folder) / "file"
                local.write_bytes(data)
            self._write(path, local)

    def copy_in(self, local: Path, path: str) -> None:
        """Create `path` from a local file, with progress for large ones."""
        split(path)
        with mapped_local(str(local)), local.open("rb"):
            source = local.resolve()
        self._write(path, source)

    def copy_out(self, path: str, local: Path, *, limit: int, copy: int = 0) -> None:
        """Copy a file out, at most `limit` bytes; after a failure `local` is not there."""
        split(path)
        twin = self._twin(path, copy)
        with mapped_local(str(local)), local.open("wb"):
            pass
        try:
            if twin:
                self._copy_twin(path, twin, local, limit)
            elif not self._read(path, lambda answer: _into(path, answer, local, limit)):
                self._fetch(path, local)
        except StorageFull as error:  # rclone does not say where; reading needs no room on the remote
            local.unlink(missing_ok=True)
            raise StorageFull(
                f"no room on this machine to write {local}, copied from {path}. Free some space"
            ) from error
        except BaseException:
            local.unlink(missing_ok=True)
            raise

    def make_folder(self, path: str) -> None:
        """Make a folder and its parents; if the remote has no empty folders, the first file creates it."""
        split(path)
        if self._known.is_there(path):
            return
        there = self._there(path, above_may_be_missing=True)
        if there is not None and not there.is_folder:
            raise NameTaken(f"{path} is a file, and names are written once")
        if there is None and self._keeps_folders:
            self._calls.do("mkdir", path, "operations/mkdir", {"fs": self._fs, "remote": path})
        self._known.made(path, new=there is None)
        self._pace.tell()

    def delete(self, path: str) -> None:
        """Remove a file (all files of that name), or a whole folder."""
        split(path)
        ways = ["operations/deletefile", "operations/purge"]
        times = len(self._known.twins(path) or ()) or 1
        for way in reversed(ways) if self._known.was_seen(path) else ways:
            if all(self._removed(path, way) for _ in range(times)):
                break
        self._known.forget(path)
        self._pace.tell()

    def barrier(self) -> Durability:
        """Return at once: every write had arrived and was checked when it returned."""
        return "confirmed"

    def watch(self) -> RemoteWatch:
        """Poll soon after news, otherwise at the drop's own interval: remotes send no events."""
        return RemoteWatch(self._pace, self.capabilities.poll_s)

    def close(self) -> None:
        """Let rclone go; with the last drop of this process it ends."""
        self._calls.close()

    def _twin(self, path: str, copy: int) -> str:
        """Return the id by which to read one of several files of a name, or "" if the name is unique."""
        if copy and self._known.twins(path) is None:
            self.list(path.rpartition("/")[0])
        twins = self._known.twins(path) or []
        if copy and copy >= len(twins):
            raise NameMissing(f"there are {len(twins) or 1} file(s) named {path}, and no copy {copy}")
        return twins[copy] if twins else ""

    def _copy_twin(self, path: str, twin: str, local: Path, limit: int) -> None:
        parameters = {"command": "copyid", "fs": self._fs, "arg": [twin, str(local)]}
        self._calls.do("read", path, "backend/command", parameters)
        check_length(path, local.stat().st_size, limit)

    def _read(self, path: str, take: Callable[[httpx.Response], _T]) -> _T:
        def act(rc: Rc) -> _T:
            with rc.read(self._fs, path) as answer:
                return take(answer)

        try:
            return self._calls.run("read", path, act)
        except ChannelError as error:
            if isinstance(error.__cause__, RcFailed) and is_folder(error.__cause__):
                raise ChannelError(f"{path} is not a regular file, and is not read", retryable=False) from error
            raise

    def _fetch(self, path: str, local: Path) -> None:
        """Copy a large file out by a job of rclone's, which checks its size and hash."""
        where = {"srcFs": self._fs, "srcRemote": path, "dstFs": str(local.absolute().parent), "dstRemote": local.name}
        self._calls.run("read", path, lambda rc: self._move(rc, path, where, is_bulk=True))

    def _move(self, rc: Rc, path: str, where: dict[str, Any], *, is_bulk: bool) -> None:
        """Copy one file with rclone."""
        if is_bulk:
            tell, group = self._progress, f"gpudrop/{next(self._groups)}"
            rc.job("operations/copyfile", where, group=group, progress=tell and (lambda moved: tell(path, moved)))
        else:
            rc.call("operations/copyfile", where)

    def _write(self, path: str, local: Path) -> None:
        """Create a file unless its name exists; rclone checks what arrived."""
        if self._there(path) is not None:
            raise NameTaken(f"{path} exists already, and names are written once")
        where = {"srcFs": str(local.parent), "srcRemote": local.name, "dstFs": self._fs, "dstRemote": path}
        with mapped_local(str(local)):
            is_bulk = local.stat().st_size > BULK
        tried: list[Rc] = []

        def act(rc: Rc) -> None:
            tried.append(rc)
            if len(tried) == 1 or not self._is_there(path, local):  # a failed try may have created it
                self._move(rc, path, where, is_bulk=is_bulk)

        try:
            self._calls.run("write", path, act)
        except ChannelError:
            if not self._is_there(path, local):
                raise
        self._known.wrote(path)
        self._pace.tell()

    def _is_there(self, path: str, local: Path) -> bool:
        """Say whether the remote has exactly this file: an earlier try that seemed to fail has created it."""
        options = {"showHash": True, "noModTime": True, "noMimeType": True}
        item = self._calls.do("stat", path, "operations/stat", {"fs": self._fs, "remote": path, "opt": options})["item"]
        if not item or item["IsDir"] or item["Size"] != local.stat().st_size:
            return False
        known = {name: value for name, value in item.get("Hashes", {}).items() if name in hashlib.algorithms_available}
        for name, value in known.items():
            with local.open("rb") as file:
                if hashlib.file_digest(file, name).hexdigest() != value:
                    return False
        if known or item["Size"] > BULK:
            return True
        return self.get(path, limit=BULK) == local.read_bytes()

    def _removed(self, path: str, way: str) -> bool:
        """Remove a path with one command; return whether there was something of that type."""
        try:
            self._calls.do("delete", path, way, {"fs": self._fs, "remote": path})
        except NameMissing:
            return False
        except ChannelError as error:
            if isinstance(error.__cause__, RcFailed) and is_folder(error.__cause__):
                return False
            raise
        return True

    def _there(self, path: str, *, above_may_be_missing: bool = False) -> Entry | None:
        """Return the entry of a name. A missing parent raises: rclone would create it, and undo a deletion."""
        parent, _, name = path.rpartition("/")
        try:
            return next((entry for entry in self.list(parent) if entry.name == name), None)
        except NameMissing:
            if above_may_be_missing:
                return None
            raise NameMissing(f"the folder of {path} is not in the drop, or not yet") from None


def _length(answer: httpx.Response) -> int:
    """Return the length that the remote reports, or 0 if it reports none."""
    return int(answer.headers.get("Content-Length", 0))


def _whole(path: str, answer: httpx.Response, limit: int) -> bytes:
    check_length(path, _length(answer), limit)
    data = bytearray()
    for chunk in answer.iter_raw():
        data += chunk
        check_length(path, len(data), limit)
    return bytes(data)


def _into(path: str, answer: httpx.Response, local: Path, limit: int) -> bool:
    """Write a file's bytes to `local`; return False for a large one, which is left to a job of rclone's."""
    check_length(path, _length(answer), limit)
    if _length(answer) > BULK:
        return False
    with mapped_local(str(local)), local.open("wb") as target:
        length = 0
        for chunk in answer.iter_raw():
            length += len(chunk)
            check_length(path, length, limit)
            target.write(chunk)
    return True
