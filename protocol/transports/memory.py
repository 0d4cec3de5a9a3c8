"""The shipped fake: a drop in memory that keeps the contract, with weather where a test or a simulation wants some."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from protocol.drop import Capabilities, Durability, Entry, Watch
from protocol.errors import ChannelError, NameMissing, NameTaken

Operation = Literal["list", "get", "put", "copy_in", "copy_out", "delete"]
LOCAL = Capabilities(local=True, settle_s=0, poll_s=0.05, beat_s=2)


@dataclass
class Weather:
    """What the channel does to one observer. Hooks are pure functions of the path, so a run can be replayed."""

    fails: Callable[[Operation, str], ChannelError | None] = lambda operation, path: None
    hides: Callable[[str], bool] = lambda path: False  # not visible to this observer (yet)
    shows: Callable[[str, bytes], bytes] = lambda path, data: data  # what of a file this observer sees
    copies: Callable[[str], int] = lambda path: 1  # how many files carry the name


@dataclass
class MemoryStore:
    """What is really there. Several drops (observers) may stand on one store."""

    files: dict[str, bytes] = field(default_factory=dict)
    folders: set[str] = field(default_factory=lambda: {""})
    changed: threading.Condition = field(default_factory=threading.Condition)
    version: int = 0


_named: dict[str, MemoryStore] = {}


def named_store(name: str) -> MemoryStore:
    """Return the store of that name in this process, made when first asked for."""
    return _named.setdefault(name, MemoryStore())


class MemoryDrop:
    """One observer's view of a store."""

    def __init__(self, store: MemoryStore, weather: Weather | None = None, capabilities: Capabilities = LOCAL) -> None:
        self._store, self.weather, self.capabilities = store, weather or Weather(), capabilities

    def list(self, folder: str) -> tuple[Entry, ...]:
        """Return what `folder` holds, as this observer sees it."""
        self._weather("list", folder)
        if folder not in self._store.folders or (folder and self.weather.hides(folder)):
            raise NameMissing(f"{folder} is not in the drop")
        with self._store.changed:
            files = [(path, data) for path, data in self._store.files.items() if _parent(path) == folder]
            inner = [path for path in self._store.folders if path and _parent(path) == folder]
        entries = [Entry(name=_name(path), is_folder=True) for path in inner if not self.weather.hides(path)]
        for path, data in files:
            if not self.weather.hides(path):
                size = len(self.weather.shows(path, data))
                entries += [
                    Entry(name=_name(path), is_folder=False, size=size, copy=copy)
                    for copy in range(self.weather.copies(path))
                ]
        return tuple(entries)

    def get(self, path: str, *, limit: int, copy: int = 0) -> bytes:
        """Return a file as this observer sees it."""
        self._weather("get", path)
        return self._read(path, limit)

    def put(self, path: str, data: bytes) -> None:
        """Create a file, once."""
        self._weather("put", path)
        self._create(path, data)

    def copy_in(self, local: Path, path: str) -> None:
        """Create a file from a local one."""
        self._weather("copy_in", path)
        self._create(path, local.read_bytes())

    def copy_out(self, path: str, local: Path, *, limit: int, copy: int = 0) -> None:
        """Copy a file out as this observer sees it."""
        self._weather("copy_out", path)
        local.write_bytes(self._read(path, limit))

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        parts = path.split("/")
        with self._store.changed:
            self._store.folders.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
            self._notify()

    def delete(self, path: str) -> None:
        """Remove a file, or a folder with all it holds."""
        self._weather("delete", path)
        with self._store.changed:
            for found in [f for f in self._store.files if f == path or f.startswith(f"{path}/")]:
                del self._store.files[found]
            self._store.folders -= {f for f in self._store.folders if f == path or f.startswith(f"{path}/")}
            self._notify()

    def barrier(self) -> Durability:
        """Return at once."""
        return "local" if self.capabilities.local else "unconfirmed"

    def watch(self) -> Watch:
        """Wake at every change of the store."""
        return _MemoryWatch(self._store)

    def close(self) -> None:
        """Hold nothing."""

    def _weather(self, operation: Operation, path: str) -> None:
        if (error := self.weather.fails(operation, path)) is not None:
            raise error

    def _read(self, path: str, limit: int) -> bytes:
        if path not in self._store.files or self.weather.hides(path):
            raise NameMissing(f"{path} is not in the drop")
        data = self.weather.shows(path, self._store.files[path])
        if len(data) > limit:
            raise ChannelError(f"{path} is longer than the {limit} bytes allowed", retryable=False)
        return data

    def _create(self, path: str, data: bytes) -> None:
        with self._store.changed:
            if path in self._store.files or path in self._store.folders:
                raise NameTaken(f"{path} is written already")
            if _parent(path) not in self._store.folders:
                raise NameMissing(f"{_parent(path)} is not in the drop")
            self._store.files[path] = data
            self._notify()

    def _notify(self) -> None:
        self._store.version += 1
        self._store.changed.notify_all()


class _MemoryWatch:
    def __init__(self, store: MemoryStore) -> None:
        self._store, self._seen = store, store.version

    def wait(self, timeout_s: float) -> bool:
        """Return True as soon as the store has changed since the last call."""
        with self._store.changed:
            woken = self._store.changed.wait_for(lambda: self._store.version != self._seen, timeout_s)
            self._seen = self._store.version
        return woken

    def close(self) -> None:
        """Hold nothing."""


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _name(path: str) -> str:
    return path.rpartition("/")[2]
