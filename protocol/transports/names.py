"""Paths in a drop, which every transport checks before it uses them.

`protocol.layout` builds them; a path from elsewhere must not reach a file system.
"""

from __future__ import annotations

from protocol.errors import ChannelError

_NEVER = frozenset({"", ".", ".."})


def split(path: str) -> tuple[str, ...]:
    """Return the components of a path in the drop; a path that could lead out of it raises ChannelError."""
    parts = tuple(path.split("/"))
    if _NEVER.intersection(parts) or "\\" in path or "\0" in path:
        raise ChannelError(f"{path!r} is not a path in a drop: names between single '/', no '..'", retryable=False)
    return parts


def split_folder(folder: str) -> tuple[str, ...]:
    """Return the components of a folder's path; "" is the drop itself."""
    return split(folder) if folder else ()
