"""The shipped fake: a drop in memory that keeps the contract, with weather where a test or a simulation wants some."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from protocol.drop import ONE_MACHINE, Capabilities, Durability, Entry
from protocol.errors import ChannelError, NameMissing, NameTaken
from protocol.transports.copying import check_length
from protocol.transports.failures import mapped_local
from protocol.transports.names import split, split_folder
from protocol.transports.weather import Operation, Weather

LOCAL = Capabilities(local=True, settle_s=0, poll_s=0.5, beat_s=2, limits=ONE_MACHINE)

_stores: dict[str, MemoryStore] = {}


def named_store(name: str) -> MemoryStore:
    """Return the store of that name in this process, made when first asked for."""
    return _stores.setdefault(name, MemoryStore())


class MemoryStore:
    """What is really there. Several drops (sides) may stand on one store, from any thread."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.version = 0
        self.files: dict[str, bytes] = {}
        self.doubles: dict[str, list[bytes]] = {}  # further files of a name that is in `files`
        self.folders: set[str] = {""}
        self._names: dict[str, set[str]] = {}  # folder → the paths of what it holds

    def children(self, folder: str) -> tuple[list[str], list[tuple[str, int, bytes]]]:
        """Return the folders, and the files as (path, copy, content), that `folder` holds; both by name."""
        with self.changed:
            if folder not in self.folders:
                raise NameMissing(f"{folder} is not in the drop, or not yet")
            paths = sorted(self._names.get(folder, ()))
            inner = [path for path in paths if path in self.folders]
            files = [(path, copy, data) for path in paths for copy, data in enumerate(self._copies(path))]
        return inner, files

    def read(self, path: str, copy: int) -> bytes:
        """Return one of the files that carry a name."""
        with self.changed:
            if path in self.folders:
                raise ChannelError(f"{path} is not a regular file, and is not read", retryable=False)
            copies = self._copies(path)
            if copy >= len(copies):
                raise NameMissing(f"{path} is not in the drop, or not yet")
            return copies[copy]

    def write(self, path: str, data: bytes, *, double: bool) -> None:
        """Create a file; with `double`, a name that is there gets another file."""
        with self._changing():
            if _parent(path) not in self.folders:
                raise NameMissing(f"the folder of {path} is not in the drop, or not yet")
            if path not in self.files and path not in self.folders:
                self.files[path] = data
                self._names.setdefault(_parent(path), set()).add(path)
            elif double and path in self.files:
                self.doubles.setdefault(path, []).append(data)
            else:
                raise NameTaken(f"{path} exists already, and names are written once")

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        parts = split(path)
        wanted = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        with self._changing():
            for folder in wanted:
                if folder in self.files:
                    raise NameTaken(f"{folder} is a file already, and names are written once")
                self._names.setdefault(_parent(folder), set()).add(folder)
            self.folders.update(wanted)

    def remove(self, path: str) -> None:
        """Remove a file with all its copies, or a folder with everything in it."""
        with self._changing():
            gone = {it for it in (*self.files, *self.folders) if it == path or it.startswith(f"{path}/")}
            self.folders -= gone
            for name in gone:
                self.files.pop(name, None)
                self.doubles.pop(name, None)
                self._names.pop(name, None)
                self._names.get(_parent(name), set()).discard(name)

    def _copies(self, path: str) -> list[bytes]:
        return [self.files[path], *self.doubles.get(path, [])] if path in self.files else []

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        with self.changed:
            yield
            self.version += 1
            self.changed.notify_all()


class MemoryDrop:
    """One side's view of a store, under its own weather."""

    def __init__(
        self, store: MemoryStore, weather: Weather | None = None, *, capabilities: Capabilities = LOCAL
    ) -> None:
        self.store, self.weather, self.capabilities = store, weather or Weather(), capabilities

    def list(self, folder: str) -> tuple[Entry, ...]:
        """Return what `folder` holds, as this side sees it."""
        split_folder(folder)
        with self._under("list", folder):
            self._check_visible(folder)
            folders, files = self.store.children(folder)
        entries = [Entry(name=_name(path), is_folder=True) for path in folders if not self.weather.hides(path)]
        entries += [
            Entry(
                name=_name(self.weather.called(path)),
                is_folder=False,
                size=len(self.weather.shows(path, data)),
                copy=copy,
            )
            for path, copy, data in files
            if not self.weather.hides(path)
        ]
        return tuple(sorted(entries, key=lambda entry: (entry.name, entry.copy)))

    def get(self, path: str, *, limit: int, copy: int = 0) -> bytes:
        """Return a file as this side sees it."""
        return self._read("get", path, limit, copy)

    def put(self, path: str, data: bytes) -> None:
        """Create a file, once."""
        self._write("put", path, data)

    def copy_in(self, local: Path, path: str) -> None:
        """Create a file from a local one."""
        with mapped_local(str(local)):
            data = local.read_bytes()
        self._write("copy_in", path, data)

    def copy_out(self, path: str, local: Path, *, limit: int, copy: int = 0) -> None:
        """Copy a file out as this side sees it."""
        data = self._read("copy_out", path, limit, copy)
        with mapped_local(str(local)):
            local.write_bytes(data)

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        with self._under("make_folder", path):
            self.store.make_folder(path)

    def delete(self, path: str) -> None:
        """Remove a file, or a folder with everything in it."""
        split(path)
        with self._under("delete", path):
            self.store.remove(path)

    def barrier(self) -> Durability:
        """Return at once: what is written is there."""
        with self._under("barrier", ""):
            return "local" if self.capabilities.local else "unconfirmed"

    def watch(self) -> MemoryWatch:
        """Watch the store."""
        return MemoryWatch(self.store)

    def close(self) -> None:
        """Hold nothing, so there is nothing to free."""

    @contextlib.contextmanager
    def _under(self, operation: Operation, path: str) -> Iterator[None]:
        if error := self.weather.fails(operation, path):
            raise error
        yield
        if error := self.weather.loses(operation, path):
            raise error

    def _read(self, operation: Operation, path: str, limit: int, copy: int) -> bytes:
        split(path)
        with self._under(operation, path):
            self._check_visible(path)
            data = self.weather.shows(path, self.store.read(path, copy))
        check_length(path, len(data), limit)
        return data

    def _write(self, operation: Operation, path: str, data: bytes) -> None:
        split(path)
        with self._under(operation, path):
            self.store.write(path, self.weather.keeps(path, data), double=self.weather.doubles(path))

    def _check_visible(self, path: str) -> None:
        if path and (self.weather.hides(path) or self.weather.called(path) != path):
            raise NameMissing(f"{path} is not in the drop, or not yet")


class MemoryWatch:
    """Wakes at once when the store changes."""

    def __init__(self, store: MemoryStore) -> None:
        self._store, self._seen, self._closed = store, store.version, False

    def wait(self, timeout_s: float) -> bool:
        """Return True as soon as the store has changed since the last call."""
        with self._store.changed:
            woken = self._store.changed.wait_for(self._news, timeout_s)
            self._seen = self._store.version
        return woken

    def changed(self) -> None:
        """Know nothing of names."""

    def close(self) -> None:
        """End a wait that is under way."""
        with self._store.changed:
            self._closed = True
            self._store.changed.notify_all()

    def _news(self) -> bool:
        return self._closed or self._store.version != self._seen


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _name(path: str) -> str:
    return path.rpartition("/")[2]
