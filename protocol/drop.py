"""The few verbs that both sides use on a drop, and what a drop says of itself.

Everything above this line of the house speaks of names in a drop ("<job>/request.json"), never of file systems.
How the bytes travel is a transport's business (`protocol/transports/`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

Durability = Literal["local", "confirmed", "unconfirmed"]
"""What a barrier can promise: nothing is needed on one machine, the channel said so, or only hope."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a listing. Two entries may carry one name; `copy` tells them apart for `get` and `copy_out`."""

    name: str
    is_folder: bool
    size: int = 0
    copy: int = 0
    modified: float | None = field(default=None, compare=False)  # Unix time as the channel tells it: for people only


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a drop is like, so that the pace of both sides can follow it. All times in seconds."""

    local: bool  # both sides are processes of one machine: no settling, no barrier, exclusive creation holds
    settle_s: float  # how long a claimant waits for rival claims to become visible
    poll_s: float  # how long to wait between two looks when nothing wakes the watcher
    beat_s: float  # how often a worker beats


class Watch(Protocol):
    """Tells when looking again is worth while."""

    def wait(self, timeout_s: float) -> bool:
        """Return True as soon as something may have changed since the last call, False after `timeout_s`."""
        ...

    def changed(self) -> frozenset[str] | None:
        """Return the names in the drop itself at or below which something changed since this was last asked.

        None where the watch does not know: then everything may have changed.
        """
        ...

    def close(self) -> None:
        """Stop watching and free what it took."""
        ...


class Drop(Protocol):
    """A shared place. Paths are relative, `/`-separated, and were built by `protocol.layout`.

    Every call raises a `ChannelError` (`NameMissing`, `NameTaken`, `StorageFull`, `ChannelLost`) and nothing else
    when the channel fails, and follows no symbolic link.

    Several threads may use one drop at once: a worker's beats are written and deleted beside its work. After `close`,
    whatever another thread still asks for fails like a channel that is lost.
    """

    capabilities: Capabilities

    def list(self, folder: str) -> tuple[Entry, ...]:
        """Return what `folder` ("" is the drop itself) holds now. A missing folder raises `NameMissing`."""
        ...

    def get(self, path: str, *, limit: int, copy: int = 0) -> bytes:
        """Return a whole small file; more than `limit` bytes raise `ChannelError` (not retryable)."""
        ...

    def put(self, path: str, data: bytes) -> None:
        """Create `path` with `data`. A name is written once: an existing one raises `NameTaken`."""
        ...

    def copy_in(self, local: Path, path: str) -> None:
        """Create `path` from a local file, under the same rule as `put`."""
        ...

    def copy_out(self, path: str, local: Path, *, limit: int, copy: int = 0) -> None:
        """Copy a file out of the drop to `local`, at most `limit` bytes. StorageFull: there is no room for `local`."""
        ...

    def make_folder(self, path: str) -> None:
        """Make a folder; one that exists already is fine."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file, or a folder with everything in it; a missing one is fine."""
        ...

    def barrier(self) -> Durability:
        """Wait until what this side wrote is where the other side can see it, as well as the channel can tell.

        What it has deleted since is not waited for.
        """
        ...

    def watch(self) -> Watch:
        """Start watching the whole drop."""
        ...

    def close(self) -> None:
        """Free connections and watchers."""
        ...
