"""The few verbs that both sides use on a drop, and what a drop says about itself.

All other code uses names in a drop ("<job>/request.json"), never file systems. How the bytes travel is up to the
transports (`protocol/transports/`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from protocol.layout import parse_job_name, temporary_of

Durability = Literal["local", "confirmed", "unconfirmed"]
"""What a barrier guarantees: written on this machine, confirmed by the channel, or unknown."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a listing. Two entries may carry one name; `copy` tells them apart for `get` and `copy_out`."""

    name: str
    is_folder: bool
    size: int = 0
    stored: int | None = None  # bytes that are really on the disk, where that is known and less than `size`
    copy: int = 0
    modified: float | None = field(default=None, compare=False)  # Unix time by the channel: for people only


@dataclass(frozen=True, kw_only=True)
class TimeLimits:
    """How long both sides wait before they conclude that something will not arrive. All times in seconds.

    There is one record for each way in which two parties can be connected; every wait of this kind is defined here.
    """

    data_s: float  # a result's data may be missing this long, from the last time that any of it arrived
    need_s: tuple[float, ...]  # when within that time the worker is asked to publish the data again
    slowest_bps: float  # the bytes/second that are assumed before a rate has been measured
    longest_s: float  # the longest extension for the size of what is missing
    gone_s: float  # a folder that was seen must be missing this long to count as deleted (R12)
    publish_gone_s: float  # how long a worker keeps publishing into a job's folder that seems to be gone
    flush_s: float  # how often a worker publishes the outputs that are finished so far
    again_s: float  # a control message that its own writer does not see in the drop is written again after this
    unsent_s: float  # a request that its own writer does not see is offered again after this
    untaken_s: float  # an offer that no able worker takes is offered again after this
    plain_s: float  # how long an answer in the simple form may be unusable
    engine_s: float  # how long a required engine may be missing on every live worker
    late_s: float  # how long a result may still arrive for a job that can no longer be claimed
    dead_wait_s: float  # how long a result may still arrive after the last allowed attempt
    probe_s: float  # how long a worker may take to answer a probe
    orphan_s: float  # how long a job of ours may be missing from the run database before that is a fault
    untold_s: float  # how long the end of a run may be missing from the drop before that is a fault
    settle_s: float = 0.0  # claims settle for at least this long, and
    lease_s: float = 0.0  # a lease is at least this long, whatever the request says

    def more_s(self, missing: int, bytes_per_s: float | None) -> float:
        """Return how many more seconds data may take for its size: twice what a measured rate predicts."""
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
    probe_s=10,
    orphan_s=10,
    untold_s=10,
)
"""Two processes that use one folder of one disk: what is written is there."""

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
    probe_s=120,
    orphan_s=600,
    untold_s=120,
)
"""A mount, a remote, a network disk: files arrive in any order, and some never do."""

SYNC_TOOL = replace(REMOTE, data_s=1800, need_s=(960, 1320), dead_wait_s=1800, settle_s=30, lease_s=240)
"""A plain folder that a sync tool copies to another machine: slow, but nothing is lost.

A second copy of the data would only queue behind the first one, so it is requested late.
"""


READS_A_HEARTBEAT = 2
"""How many times a heartbeat the workers of a remote drop are read."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a drop can do and how fast it is, so that both sides can adapt. All times in seconds."""

    local: bool  # a disk of this machine: no barrier is needed, and exclusive creation works between its processes
    settle_s: float  # how long a claimant waits for rival claims to become visible
    poll_s: float  # the polling interval when no event arrives
    beat_s: float  # how often a worker sends a heartbeat
    limits: TimeLimits = REMOTE  # how long to wait for what does not arrive
    events: bool = False  # the system reports writes of the other side, or of the tool that copies them
    folder: str = field(default="", compare=False)
    """Which folder of this machine it is, so that processes can prove that they use the same one (`neighbours`).

    Empty where there is nothing to prove: all parties are in one process, or the drop is not local.
    """

    def workers_every_s(self, poll_s: float) -> float:
        """Return how often to read the workers of this drop: at every look on one machine, else twice a heartbeat.

        `poll_s` is how often the caller looks. Listing a folder is the most expensive call of a remote drop.
        """
        return 0.0 if self.local else max(poll_s, self.beat_s / READS_A_HEARTBEAT)

    def limits_for(self, *, is_here: bool) -> TimeLimits:
        """Return the limits for a party that has proved to be on this machine (`is_here`), or has not.

        A sync tool that leaves no trace may copy a local folder elsewhere, so only the proof counts.
        """
        return self.limits if is_here or not self.folder else SYNC_TOOL


class Watch(Protocol):
    """Tells when it is worthwhile to read the drop again."""

    def wait(self, timeout_s: float) -> bool:
        """Return True as soon as something may have changed since the last call, False after `timeout_s`."""
        ...

    def changed(self) -> frozenset[str] | None:
        """Return the names in the drop's root at or below which something changed since the last call.

        None means unknown: everything may have changed.
        """
        ...

    def close(self) -> None:
        """Stop watching and free its resources."""
        ...


class Drop(Protocol):
    """A shared folder. Paths are relative, `/`-separated, and built by `protocol.layout`.

    When the channel fails, every call raises a `ChannelError` (`NameMissing`, `NameTaken`, `StorageFull`,
    `ChannelLost`) and nothing else. No call follows symbolic links.

    Several threads may use one drop at once: a worker's heartbeats are written and deleted beside its work. After
    `close`, calls of other threads fail as if the channel were lost.
    """

    capabilities: Capabilities

    def list(self, folder: str) -> tuple[Entry, ...]:
        """Return what `folder` ("" is the drop itself) holds now. A missing folder raises `NameMissing`."""
        ...

    def get(self, path: str, *, limit: int, copy: int = 0) -> bytes:
        """Return a whole small file; more than `limit` bytes raise `ChannelError` (not retryable)."""
        ...

    def put(self, path: str, data: bytes) -> None:
        """Create `path` with `data`. Names are written once: an existing one raises `NameTaken`."""
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
        """Wait until the other side can see what this side wrote, as far as the channel can tell.

        Files that this side has deleted since are not waited for.
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
    """Return how much of each output is here, under its own name or in a temporary file of a sync tool."""
    found: dict[str, int] = {}
    for entry in entries:
        name = parse_job_name(entry.name)
        output = entry.name if name is not None and name.role == "out" else temporary_of(entry.name)
        if output is not None and not entry.is_folder:
            here = entry.size if entry.stored is None else entry.stored
            found[output] = max(here, found.get(output, 0))
    return found
