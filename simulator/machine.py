"""One simulated machine: its clock, its randomness, and its view of the drop, where every operation takes time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from protocol.drop import Capabilities, Durability, Entry
from protocol.transports.host import Host
from protocol.transports.memory import MemoryDrop
from simulator.scheduler import Killed, Process, Scheduler

Struck = Callable[[Process], None]
"""Called before each operation on the channel: may kill or stop the process that makes it."""


@dataclass(frozen=True, kw_only=True)
class Skew:
    """How wrong a machine's clocks are: the offset of the wall clock, and the origin of the monotonic one."""

    wall_s: float
    monotonic_s: float


def host(scheduler: Scheduler, skew: Skew, chance: Random, name: str) -> Host:
    """Return a machine's `Host`."""
    return Host(
        monotonic=lambda: scheduler.now + skew.monotonic_s,
        wall=lambda: EPOCH + scheduler.now + skew.wall_s,
        sleep=scheduler.sleep,
        token=lambda size: chance.randbytes(size).hex(),
        system=lambda: name,
    )


BARRIER_S = 120.0
"""How long a barrier waits for uploads."""

EPOCH = 1_750_000_000.0
"""The Unix time at which every schedule begins."""


class SimulatedDrop:
    """A process's view of a drop: each operation takes its turn and its time, and a dead process makes none."""

    def __init__(
        self,
        inner: MemoryDrop,
        scheduler: Scheduler,
        process: Process,
        chance: Random,
        *,
        slow_s: float,
        struck: Struck,
        uploads_s: Callable[[], float] | None,
    ) -> None:
        self._inner, self._scheduler, self._process = inner, scheduler, process
        self._chance, self._slow_s, self._struck, self._uploads_s = chance, slow_s, struck, uploads_s
        self.capabilities: Capabilities = inner.capabilities

    def list(self, folder: str) -> tuple[Entry, ...]:
        """List a folder, in this process's turn."""
        with self._turn():
            return self._inner.list(folder)

    def get(self, path: str, *, limit: int, copy: int = 0) -> bytes:
        """Read a file, in this process's turn."""
        with self._turn():
            return self._inner.get(path, limit=limit, copy=copy)

    def put(self, path: str, data: bytes) -> None:
        """Write a file, in this process's turn."""
        with self._turn():
            self._inner.put(path, data)

    def copy_in(self, local: Path, path: str) -> None:
        """Copy a file in, in this process's turn."""
        with self._turn():
            self._inner.copy_in(local, path)

    def copy_out(self, path: str, local: Path, *, limit: int, copy: int = 0) -> None:
        """Copy a file out, in this process's turn."""
        with self._turn():
            self._inner.copy_out(path, local, limit=limit, copy=copy)

    def make_folder(self, path: str) -> None:
        """Make a folder, in this process's turn."""
        with self._turn():
            self._inner.make_folder(path)

    def delete(self, path: str) -> None:
        """Remove a file or folder, in this process's turn."""
        with self._turn():
            self._inner.delete(path)

    def barrier(self) -> Durability:
        """Wait until this machine's writes are uploaded, like a mount that reports its uploads."""
        with self._turn():
            if self._uploads_s is None:
                return "unconfirmed"
            left_s = self._uploads_s()
            self._scheduler.sleep(min(left_s, BARRIER_S))
            return "confirmed" if left_s <= BARRIER_S else "unconfirmed"

    def watch(self) -> SimulatedWatch:
        """Return what sleeps on virtual time."""
        return SimulatedWatch(self._scheduler, self.capabilities.poll_s, self._chance)

    def close(self) -> None:
        """Do nothing."""

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._process.alive:
            raise Killed(self._process.name)  # it is unwinding: what it does now must not reach the channel
        self._process.operations += 1
        self._struck(self._process)
        self._scheduler.sleep(self._chance.random() * self._slow_s)
        yield


class SimulatedWatch:
    """Knows only the time, as on a synced folder: wakes after a polling interval, give or take a fifth."""

    def __init__(self, scheduler: Scheduler, poll_s: float, chance: Random) -> None:
        self._scheduler, self._poll_s, self._chance = scheduler, poll_s, chance

    def wait(self, timeout_s: float) -> bool:
        """Sleep for a poll, or for a shorter `timeout_s`."""
        self._scheduler.sleep(min(timeout_s, self._poll_s) * (0.8 + 0.4 * self._chance.random()))
        return True

    def changed(self) -> None:
        """Return None: the names are unknown."""

    def close(self) -> None:
        """Do nothing."""
