"""A drop that counts what one side does on it and strikes at the n-th operation, in one of the ways channels fail."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

from protocol.drop import Capabilities, Drop, Durability, Entry, Watch
from protocol.errors import ChannelError, ChannelLost

HANG_S = 45.0
"""How long a call hangs before its deadline ends it: longer than any lease of the tests."""


class Fault(StrEnum):
    """What happens at the operation that is struck."""

    FAILS = "fails"  # not done, and may be tried again
    FAILS_DONE = "fails, although done"
    REFUSES = "refuses"  # not done, and trying again is of no use
    HANGS = "hangs"  # not done, and it takes its whole deadline to say so
    SLOW = "slow"  # done, after as long
    TRUNCATES = "truncates"  # half of it is done, as a success
    DIES = "dies before"
    DIES_HALF = "dies half-way"
    DIES_DONE = "dies after"


DEADLY = frozenset({Fault.DIES, Fault.DIES_HALF, Fault.DIES_DONE})


class Killed(BaseException):
    """The process is gone. Nothing that it has on the stack touches the drop any more."""


class FaultyDrop:
    """One side's view of a drop. Operations are counted from 1; `strike` says which one the fault meets (0: none)."""

    def __init__(
        self, drop: Drop, fault: Fault = Fault.FAILS, strike: int = 0, sleep: Callable[[float], None] = lambda _: None
    ) -> None:
        self._drop, self.fault, self._strike, self._sleep = drop, fault, strike, sleep
        self.capabilities: Capabilities = drop.capabilities
        self.operations: list[str] = []
        self.struck = False
        self.dead = False

    @property
    def met(self) -> str:
        """What was struck, as verb and path."""
        return self.operations[self._strike - 1] if self.struck else ""

    def list(self, folder: str) -> tuple[Entry, ...]:
        """List; cut short, half of the entries."""
        return self._do(f"list {folder}", lambda: self._drop.list(folder), lambda all_: all_[: len(all_) // 2])

    def get(self, path: str, *, limit: int, copy: int = 0) -> bytes:
        """Read; cut short, half of the bytes."""
        return self._do(f"get {path}", lambda: self._drop.get(path, limit=limit, copy=copy), lambda d: d[: len(d) // 2])

    def put(self, path: str, data: bytes) -> None:
        """Write; cut short, half of the bytes stay."""
        half = data[: len(data) // 2]
        self._do(f"put {path}", lambda: self._drop.put(path, data), instead=lambda: self._drop.put(path, half))

    def copy_in(self, local: Path, path: str) -> None:
        """Copy in; cut short, half of the bytes stay."""
        data = local.read_bytes()
        half = data[: len(data) // 2]
        self._do(f"copy_in {path}", lambda: self._drop.copy_in(local, path), instead=lambda: self._drop.put(path, half))

    def copy_out(self, path: str, local: Path, *, limit: int, copy: int = 0) -> None:
        """Copy out; cut short, half of the bytes arrive."""

        def cut(_: None) -> None:
            data = local.read_bytes()
            local.write_bytes(data[: len(data) // 2])

        self._do(f"copy_out {path}", lambda: self._drop.copy_out(path, local, limit=limit, copy=copy), cut)

    def make_folder(self, path: str) -> None:
        """Make a folder; cut short, it is not made."""
        self._do(f"make_folder {path}", lambda: self._drop.make_folder(path), instead=lambda: None)

    def delete(self, path: str) -> None:
        """Delete; cut short, it stays."""
        self._do(f"delete {path}", lambda: self._drop.delete(path), instead=lambda: None)

    def barrier(self) -> Durability:
        """Wait for the barrier; cut short, it says so too early."""
        return self._do("barrier", self._drop.barrier)

    def watch(self) -> Watch:
        """Watch, uncounted: a watch only says when to look."""
        return self._drop.watch()

    def close(self) -> None:
        """Close, uncounted."""
        self._drop.close()

    def _do(
        self,
        name: str,
        act: Callable[[], Any],
        cut: Callable[[Any], Any] = lambda found: found,
        *,
        instead: Callable[[], Any] | None = None,
    ) -> Any:
        """Act; where the fault strikes, do what it says. `cut` shortens what is read, `instead` what is written."""
        if self.dead:
            raise Killed(name)
        self.operations.append(name)
        if len(self.operations) != self._strike:
            return act()
        self.struck = True
        self.dead = self.fault in DEADLY
        return self._struck(name, act, lambda: instead() if instead else cut(act()))

    def _struck(self, name: str, act: Callable[[], Any], half: Callable[[], Any]) -> Any:
        match self.fault:
            case Fault.FAILS:
                raise ChannelError(f"{name} fails")
            case Fault.FAILS_DONE:
                act()
                raise ChannelError(f"{name} fails, and was done")
            case Fault.REFUSES:
                raise ChannelError(f"{name} is refused", retryable=False)
            case Fault.HANGS:
                self._sleep(HANG_S)
                raise ChannelLost(f"{name} did not answer within {HANG_S:.0f} s")
            case Fault.SLOW:
                self._sleep(HANG_S)
                return act()
            case Fault.TRUNCATES:
                return half()
            case Fault.DIES_HALF:
                half()
            case Fault.DIES_DONE:
                act()
        raise Killed(name)
