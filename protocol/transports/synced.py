"""A drop in a folder that is shared by other means: a mount, a network disk, a sync tool.

Every call has a deadline. What the folder is on decides what a barrier can tell and how fresh a listing is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from protocol.drop import Capabilities, Durability, Entry
from protocol.errors import ChannelError, NameMissing
from protocol.transports.bounded import CALL_S, BoundedFolder
from protocol.transports.ground import Ground
from protocol.transports.mount import MountControl
from protocol.transports.pace import NewsCounter, RemoteWatch

SYNCED = Capabilities(local=False, settle_s=30, poll_s=5, beat_s=30)
MOUNTED = Capabilities(local=False, settle_s=10, poll_s=3, beat_s=15)
"""An rclone mount that can be refreshed: uploads are visible at the next listing."""

ATTRIBUTES_S = 60.0
"""How long a barrier waits for Colab's Drive mount to say that files are committed."""

UNCOMMITTED, COMMITTED = "user.drive.uncommitted", "user.drive.id"


class SyncedDrop:
    """A drop at `root`, which is not on a plain disk of this machine."""

    def __init__(self, root: Path, ground: Ground, *, call_s: float = CALL_S, make: bool = False) -> None:
        self._folder = BoundedFolder(root, call_s=call_s)
        self._control = MountControl(ground.point) if ground.kind == "rclone" and ground.point else None
        self._above = (
            (ground.path or root).relative_to(ground.point).as_posix() if self._control and ground.point else ""
        )
        self._pace, self._listed = NewsCounter(), dict[str, tuple[Entry, ...]]()
        self._lock = threading.Lock()
        self._written: dict[
            str, None
        ] = {}  # since the last barrier, in this order; what was deleted again is not there
        self._open(make)
        self.capabilities = MOUNTED if self._control and self._control.is_there else SYNCED

    def _open(self, make: bool) -> None:
        try:
            if make:
                self._folder.make()
            self._folder.check()
        except BaseException:
            self.close()  # the caller gets no object to close
            raise

    def list(self, folder: str) -> tuple[Entry, ...]:
        """Return the entries of a folder, as fresh as possible."""
        if self._control:
            self._control.refresh("/".join(part for part in (self._above.strip("."), folder) if part))
        found = self._folder.list(folder)
        with self._lock:
            is_news = self._listed.get(folder, found) != found
            self._listed[folder] = found
        if is_news:
            self._pace.tell()
        return found

    def get(self, path: str, *, limit: int, copy: int = 0) -> bytes:
        """Return a whole small file."""
        return self._folder.get(path, limit=limit, copy=copy)

    def put(self, path: str, data: bytes) -> None:
        """Create a file."""
        self._folder.put(path, data)
        self._wrote(path)

    def copy_in(self, local: Path, path: str) -> None:
        """Create a file from a local one."""
        self._folder.copy_in(local, path)
        self._wrote(path)

    def copy_out(self, path: str, local: Path, *, limit: int, copy: int = 0) -> None:
        """Copy a file out."""
        self._folder.copy_out(path, local, limit=limit, copy=copy)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        self._folder.make_folder(path)
        self._pace.tell()

    def delete(self, path: str) -> None:
        """Remove a file or a whole folder."""
        with self._lock:  # first of all: a barrier that does not find it must know why
            for written in [it for it in self._written if it == path or it.startswith(f"{path}/")]:
                del self._written[written]
        self._folder.delete(path)
        self._pace.tell()

    def barrier(self) -> Durability:
        """Wait for the uploads, as far as they can be observed."""
        with self._lock:
            written = tuple(self._written)
        try:
            return self._control.uploaded() if self._control else self._committed(written)
        finally:
            with self._lock:
                for path in written:
                    self._written.pop(path, None)

    def watch(self) -> RemoteWatch:
        """Poll soon after news, otherwise at the drop's own interval: writes of the other side cause no events."""
        return RemoteWatch(self._pace, self.capabilities.poll_s)

    def close(self) -> None:
        """End the helper processes."""
        self._folder.close()
        if self._control:
            self._control.close()

    def _wrote(self, path: str) -> None:
        with self._lock:
            self._written[path] = None
        self._pace.tell()

    def _committed(self, written: Sequence[str]) -> Durability:
        """Wait until Colab's mount marks every file as committed; without such marks it is "unconfirmed"."""
        ends = time.monotonic() + ATTRIBUTES_S
        while True:
            try:
                signs = [sign for path in written if (sign := self._signs(path)) is not None]
            except ChannelError:
                return "unconfirmed"
            if signs and all(COMMITTED in sign and UNCOMMITTED not in sign for sign in signs):
                return "confirmed"
            if not any(UNCOMMITTED in sign for sign in signs) or time.monotonic() > ends:
                return "unconfirmed"
            time.sleep(0.5)

    def _signs(self, path: str) -> frozenset[str] | None:
        """Return the attributes of a written file; None if this side has deleted it since, like old heartbeats."""
        try:
            return self._folder.attributes(path)
        except NameMissing:
            with self._lock:
                if path in self._written:
                    raise
            return None
