"""What a drop on a remote remembers between its calls, so that it needs fewer. Thread-safe; makes no calls itself.

A remote without empty folders (S3, B2) has the same answer for a missing folder as for an empty one. There a folder
exists if it has entries, or if this side has made it and it has not been used yet.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, TypeAlias

from protocol.drop import Entry

KNOWN_S = 60.0
"""How long a folder that was seen counts as existing when something is put into it."""

Twins: TypeAlias = list[str]


class RemoteCache:
    """Which folders exist, their entries at the last listing, and which names are shared by several files."""

    def __init__(self, *, keeps_folders: bool) -> None:
        self._keeps_folders = keeps_folders
        self._lock = threading.Lock()
        self._seen_at: dict[str, float] = {}  # folder → when it last was known to exist
        self._made: set[str] = set()  # folders that this side made and that have had no entry yet
        self._listed: dict[str, tuple[Entry, ...]] = {}
        self._twins: dict[str, Twins] = {}  # path → the remote's ids of its files, if there are several

    def listed(self, folder: str, items: Iterable[dict[str, Any]]) -> tuple[tuple[Entry, ...] | None, bool]:
        """Record a listing by rclone. Return the entries (None for a missing folder), and whether they are new.

        Of two folders with the same name one is returned; of two files both.
        """
        found, ids = _entries(items)
        with self._lock:
            is_news = self._listed.get(folder, found) != found
            if not (found or not folder or self._keeps_folders or folder in self._made):
                self._forget(folder)
                return None, is_news
            self._seen_at[folder], self._listed[folder] = time.monotonic(), found
            if found:
                self._made.discard(folder)
            for name, twins in ids.items():
                path = f"{folder}/{name}" if folder else name
                self._twins.pop(path, None)
                if len(twins) > 1:
                    self._twins[path] = twins
        return found, is_news

    def is_there(self, folder: str) -> bool:
        """Say whether a folder existed a moment ago."""
        with self._lock:
            return time.monotonic() - self._seen_at.get(folder, -KNOWN_S) < KNOWN_S

    def was_seen(self, folder: str) -> bool:
        """Say whether it is a folder, and was there when it was last asked for."""
        with self._lock:
            return folder in self._seen_at

    def made(self, folder: str, *, new: bool) -> None:
        """Take note that this side wants a folder to be there, and those above it; not a `new` one holds something."""
        with self._lock:
            if new:
                self._made.update(each for each in _and_above(folder) if each not in self._seen_at)
            self._know(folder)

    def wrote(self, path: str) -> None:
        """Take note that this side has written a file: its folder has content from now on, or is gone."""
        folder = path.rpartition("/")[0]
        with self._lock:
            self._made.difference_update(_and_above(folder))
            self._know(folder)

    def forget(self, path: str) -> None:
        """Forget what was known of a path and of everything below it."""
        with self._lock:
            self._forget(path)

    def twins(self, path: str) -> Twins | None:
        """Return the ids of the files that carry a name; None where there is one, or none."""
        with self._lock:
            return self._twins.get(path)

    def _know(self, folder: str) -> None:
        self._seen_at.update(dict.fromkeys(_and_above(folder), time.monotonic()))

    def _forget(self, path: str) -> None:
        for known in (self._seen_at, self._listed, self._twins):
            for each in [it for it in known if it == path or it.startswith(f"{path}/")]:
                known.pop(each, None)
        self._made = {it for it in self._made if it != path and not it.startswith(f"{path}/")}


def _and_above(folder: str) -> Iterator[str]:
    """Yield a folder and those above it, up to the drop itself."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _entries(items: Iterable[dict[str, Any]]) -> tuple[tuple[Entry, ...], dict[str, Twins]]:
    """Return the entries of rclone's listing, by name, and the remote's ids of the files of each name."""
    found: list[Entry] = []
    ids: dict[str, Twins] = {}
    for item in sorted(items, key=lambda item: (item["Name"], item.get("ID", ""))):
        name = str(item["Name"])
        if item["IsDir"]:
            if not any(entry.name == name and entry.is_folder for entry in found[-1:]):
                found.append(Entry(name=name, is_folder=True))
            continue
        twins = ids.setdefault(name, [])
        size, at = max(0, int(item["Size"])), _unix(str(item.get("ModTime") or ""))
        found.append(Entry(name=name, is_folder=False, size=size, copy=len(twins), modified=at))
        twins.append(str(item.get("ID", "")))
    return tuple(found), ids


def _unix(when: str) -> float | None:
    """Return Unix time of rclone's RFC 3339, None where it says nothing that can be read."""
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", when)).timestamp()
    except ValueError:
        return None
