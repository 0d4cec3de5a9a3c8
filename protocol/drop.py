"""The few verbs that both sides use on a drop, and what a drop says of itself.

Everything above this line of the house speaks of names in a drop ("<job>/request.json"), never of file systems.
How the bytes travel is a transport's business (`protocol/transports/`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from protocol.layout import parse_job_name, temporary_of

Durability = Literal["local", "confirmed", "unconfirmed"]
"""What a barrier can promise: nothing is needed on one machine, the channel said so, or only hope."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a listing. Two entries may carry one name; `copy` tells them apart for `get` and `copy_out`."""

    name: str
    is_folder: bool
    size: int = 0
    stored: int | None = None  # bytes that really lie on the disk, where that is known and less than `size`
    copy: int = 0
    modified: float | None = field(default=None, compare=False)  # Unix time as the channel tells it: for people only


@dataclass(frozen=True, kw_only=True)
class TimeLimits:
    """How long both sides wait before they conclude that something will not come. All times in seconds.

    One record for each way in which two parties can be connected; every wait of this kind is looked up here.
    """

    data_s: float  # a result's data may stay away this long, from the last time that any of it arrived
    need_s: tuple[float, ...]  # when within that time the worker is asked to publish the data again
    slowest_bps: float  # the bytes/second that are assumed before a rate was measured
    longest_s: float  # the most that waiting may be prolonged for the size of what is missing
    gone_s: float  # a folder that was seen must be missing this long to count as deleted (R12)
    publish_gone_s: float  # how long a worker goes on publishing into a job's folder that seems to be gone
    flush_s: float  # how often a worker publishes the outputs that are finished so far
    again_s: float  # a control message that its own writer does not see in the drop is written again after this
    unsent_s: float  # a request that its own writer does not see is offered again after this
    untaken_s: float  # an offer that able workers leave alone is offered again after this
    plain_s: float  # how long an answer in the simple form may be unusable
    engine_s: float  # how long a required engine may be missing on every living worker
    late_s: float  # how long a result may still come to a job that nobody may claim any more
    dead_wait_s: float  # how long a result may still come after the last attempt that is allowed
    orphan_s: float  # how long a job of ours may be unknown here before that is a fault
    untold_s: float  # how long the drop may not have been told of an end before that is a fault
    settle_s: float = 0.0  # at least this long claims settle, and
    lease_s: float = 0.0  # at least this long a lease is, whatever the request says

    def more_s(self, missing: int, bytes_per_s: float | None) -> float:
        """Return how many more seconds data may take for its size: at a measured rate twice as many as that says."""
        expected_s = 2 * missing // bytes_per_s if bytes_per_s else missing // self.slowest_bps
        return min(expected_s, self.longest_s)


ONE_MACHINE = TimeLimits(
    data_s=10,
    need_s=(1, 4),
    slowest_bps=math.inf,
    longest_s=0,
    gone_s=2,
    publish_gone_s=4,
    flush_s=2,
    again_s=2,
    unsent_s=10,
    untaken_s=math.inf,
    plain_s=90,
    engine_s=2,
    late_s=10,
    dead_wait_s=0,
    orphan_s=10,
    untold_s=10,
)
"""Two processes that see one folder of one disk: what is written is there."""

REMOTE = TimeLimits(
    data_s=600,
    need_s=(60, 240),
    slowest_bps=64_000,
    longest_s=3600,
    gone_s=600,
    publish_gone_s=60,
    flush_s=60,
    again_s=600,
    unsent_s=600,
    untaken_s=1200,
    plain_s=600,
    engine_s=120,
    late_s=600,
    dead_wait_s=900,
    orphan_s=600,
    untold_s=120,
)
"""A mount, a remote, a network disk: files arrive in any order, and some never do."""

SYNC_TOOL = replace(REMOTE, data_s=1800, need_s=(960, 1320), dead_wait_s=1800, settle_s=30, lease_s=240)
"""A plain folder that a sync tool carries to another machine: it is slow, and it loses nothing.

A second copy of the data would only queue behind the first one, so it is asked for late.
"""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a drop is like, so that the pace of both sides can follow it. All times in seconds."""

    local: bool  # a disk of this machine: no barrier, exclusive creation holds among its processes
    settle_s: float  # how long a claimant waits for rival claims to become visible
    poll_s: float  # how long to wait between two looks when nothing wakes the watcher
    beat_s: float  # how often a worker beats
    limits: TimeLimits = REMOTE  # how long to wait for what does not come
    events: bool = False  # writes of the other side, or of the tool that brings them, are told of by the system
    folder: str = field(default="", compare=False)
    """Which folder of this machine it is, for processes to prove that they see the same one (`protocol.place`).

    Empty where there is nothing to prove: all parties are in one process, or the drop is not local at all.
    """

    def limits_for(self, *, is_here: bool) -> TimeLimits:
        """Return the limits towards a party that has proved to be on this machine, or has not.

        A local folder may be carried elsewhere by a tool that leaves no trace in it, so only the proof counts.
        """
        return self.limits if is_here or not self.folder else SYNC_TOOL


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


def sizes_of(entries: Iterable[Entry]) -> dict[str, int]:
    """Return the size of every file; of several that carry one name the largest."""
    sizes: dict[str, int] = {}
    for entry in entries:
        if not entry.is_folder:
            sizes[entry.name] = max(entry.size, sizes.get(entry.name, 0))
    return sizes


def outputs_here(entries: Iterable[Entry]) -> dict[str, int]:
    """Return how much of each output lies here, under its own name or in a temporary file of a sync tool."""
    found: dict[str, int] = {}
    for entry in entries:
        name = parse_job_name(entry.name)
        output = entry.name if name is not None and name.role == "out" else temporary_of(entry.name)
        if output is not None and not entry.is_folder:
            here = entry.size if entry.stored is None else entry.stored
            found[output] = max(here, found.get(output, 0))
    return found
