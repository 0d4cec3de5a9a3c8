"""The end of a log. However long it is, so much of it is read and no more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from protocol.errors import NotFoundError

TAIL = 64 << 10
"""Bytes."""


@dataclass(frozen=True, kw_only=True)
class Tail:
    """A piece of a log and where the next one begins."""

    text: str
    begin: int
    next: int

    @property
    def is_cut(self) -> bool:
        """Say whether there is more before it."""
        return self.begin > 0


def tail(path: Path, offset: int | None = None) -> Tail:
    """Return what is in a log from `offset` on, but never more than its last TAIL bytes, in whole lines.

    A log that has become shorter than `offset` was begun anew and is read from its beginning.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = 0 if offset is None or offset > size else offset
            begin = max(start, size - TAIL)
            file.seek(begin)
            data = file.read(TAIL)
    except OSError as error:
        raise NotFoundError(f"the log {path} cannot be read: {error.strerror}") from error
    whole = data[: data.rfind(b"\n") + 1] if offset is not None and b"\n" in data else data
    lost = 0
    if begin > start and (first := whole.find(b"\n")) >= 0:
        lost = first + 1
    return Tail(text=whole[lost:].decode("utf-8", "replace"), begin=begin + lost, next=begin + len(whole))
