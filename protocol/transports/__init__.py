"""How the bytes travel. The table says which opener serves which scheme; transports do not know each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from protocol.drop import Drop
from protocol.errors import UsageError


def _folder(rest: str) -> Drop:
    from protocol.transports.folder import FolderDrop  # the watcher's library is loaded only where a folder is opened

    return FolderDrop(Path(rest).expanduser())


def _memory(rest: str) -> Drop:
    from protocol.transports.memory import MemoryDrop, named_store

    return MemoryDrop(named_store(rest))


def _rclone(rest: str) -> Drop:
    from protocol.transports.rclone import RcloneDrop  # the HTTP library is loaded only where a remote is opened

    return RcloneDrop(rest)


OPENERS: dict[str, Callable[[str], Drop]] = {"folder": _folder, "memory": _memory, "rclone": _rclone}
"""`{scheme: opener}`; an opener takes what follows the colon."""


def open_drop(address: str | Path) -> Drop:
    """Open the drop at a path or at `SCHEME:REST` (folder, memory, rclone). An unknown scheme raises UsageError."""
    text = str(address)
    scheme, colon, rest = text.partition(":")
    if isinstance(address, Path) or not colon or len(scheme) < 2 or "/" in scheme or "\\" in scheme:
        return _folder(text)  # a bare path; one letter before a colon is a Windows drive
    if scheme not in OPENERS:
        raise UsageError(
            f"unknown kind of drop {scheme!r} in {text!r}; there are: a path, {', '.join(f'{it}:' for it in OPENERS)} "
            f"(for a folder of that name write ./{text})"
        )
    rest = rest.removeprefix("//")
    if not rest:
        raise UsageError(f"{text!r} names no drop: write {scheme}:///path or {scheme}:NAME")
    return OPENERS[scheme](rest)
