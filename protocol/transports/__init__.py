"""How the bytes travel. The table maps each scheme to its opener; transports do not know each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from protocol.drop import Drop
from protocol.errors import EnvironmentNotReady, UsageError


def _folder(rest: str, make: bool) -> Drop:
    # The watcher's library is imported only where a folder is opened.
    from protocol.transports.folder import CARRIED, LOCAL, FolderDrop
    from protocol.transports.ground import ground_of
    from protocol.transports.synced import SyncedDrop

    root = Path(rest).expanduser().absolute()
    ground = ground_of(root)
    if ground.kind != "disk" and not ground.is_disk:
        return SyncedDrop(root, ground, make=make)
    if make:
        _make_folder(root)
    return FolderDrop(root, capabilities=LOCAL if ground.kind == "disk" else CARRIED)


def _make_folder(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentNotReady(
            f"{root} cannot be made a drop: {error.strerror}. Name a folder that this user can write to: --drop PATH"
        ) from error


def _memory(rest: str, make: bool) -> Drop:
    from protocol.transports.memory import MemoryDrop, named_store

    return MemoryDrop(named_store(rest))


def _rclone(rest: str, make: bool) -> Drop:
    from protocol.transports.rclone import RcloneDrop  # the HTTP library is imported only where a remote is opened

    return RcloneDrop(rest, make=make)


OPENERS: dict[str, Callable[[str, bool], Drop]] = {"folder": _folder, "memory": _memory, "rclone": _rclone}
"""`{scheme: opener}`; an opener takes what follows the colon, and whether to create a missing folder."""


def read_address(text: str) -> str | Path:
    """Return a drop's address as the rest of the program uses it: a folder as a Path, anything else unchanged."""
    scheme, rest = _parted(text)
    if scheme in ("", "folder"):
        return Path(rest.removeprefix("//")).expanduser()
    return text


def check_address(text: str) -> str | Path:
    """Return a drop's address as `read_address` does. An address with an unknown scheme raises UsageError."""
    scheme, rest = _parted(text)
    if scheme:
        _opener(scheme, rest, text)
    return read_address(text)


def _parted(text: str) -> tuple[str, str]:
    """Return the scheme, "" for a bare path, and what follows it."""
    scheme, colon, rest = text.partition(":")
    if not colon or len(scheme) < 2 or "/" in scheme or "\\" in scheme:
        return "", text  # one letter before a colon is a Windows drive
    return scheme, rest


def open_drop(address: str | Path, *, make: bool = False) -> Drop:
    """Open the drop at a path, `folder:///path`, `rclone:REMOTE:PATH` or `memory:NAME`; `make` creates its folder.

    An unknown scheme raises UsageError.
    """
    text = str(address)
    scheme, rest = _parted(text)
    if isinstance(address, Path) or not scheme:
        return _folder(text, make)
    return _opener(scheme, rest, text)(rest.removeprefix("//"), make)


def _opener(scheme: str, rest: str, text: str) -> Callable[[str, bool], Drop]:
    if scheme not in OPENERS:
        raise UsageError(
            f"unknown kind of drop {scheme!r} in {text!r}; there are: a path, {', '.join(f'{it}:' for it in OPENERS)} "
            f"(for a folder of that name write ./{text})"
        )
    if not rest.removeprefix("//"):
        raise UsageError(f"{text!r} does not name a drop: write {scheme}:///path or {scheme}:NAME")
    return OPENERS[scheme]
