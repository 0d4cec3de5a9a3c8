"""Virtual time: parties are greenlets that run until they sleep, and the one whose time comes first runs next.

A party runs production code unchanged. Time stands still while it computes; it passes only in `sleep`, which is what
waiting, and every operation on the channel, come down to. With the same seed everything happens in the same order.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

import greenlet


class Killed(BaseException):
    """The process of this party was ended from outside. Nothing may catch it."""


@dataclass(eq=False)
class Process:
    """One simulated process: parties that live, stop and die together, on one machine with its own clock."""

    name: str
    alive: bool = True
    frozen_until: float = 0.0  # stopped (as by SIGSTOP) until then
    operations: int = 0  # on the channel, so far
    parties: list[Party] = field(default_factory=list)


@dataclass(eq=False)
class Party:
    """One thread of control of a process."""

    process: Process
    name: str
    green: greenlet.greenlet


class Scheduler:
    """Runs parties in the order of virtual time, and of their request where the time is the same."""

    def __init__(self) -> None:
        self.now = 0.0
        self._count = 0
        self._queue: list[tuple[float, int, Party]] = []
        self._hub = greenlet.getcurrent()
        self.current: Party | None = None

    def start(self, process: Process, name: str, run: Callable[[], None], *, after_s: float = 0.0) -> None:
        """Let a new party of a process run `run` after some seconds."""

        def main() -> None:
            with contextlib.suppress(Killed):
                run()

        party = Party(process, name, greenlet.greenlet(main, self._hub))
        process.parties.append(party)
        self._wake(party, self.now + after_s)

    def sleep(self, seconds: float) -> None:
        """Let time pass for the party that runs now; others run meanwhile. Raises Killed where its process died."""
        party = self.current
        assert party is not None  # only parties sleep
        if not party.process.alive:
            raise Killed(party.name)
        self._wake(party, self.now + max(0.0, seconds))
        self._hub.switch()
        if not party.process.alive:
            raise Killed(party.name)

    def run(self, *, until: float, done: Callable[[], bool]) -> None:
        """Run until `done` is true, the time is up or nothing is left to run."""
        while self._queue and not done():
            at, _, party = heapq.heappop(self._queue)
            if at > until:
                self.now = until
                return
            self.now = max(self.now, at)
            if not party.process.alive or party.green.dead:
                continue
            if party.process.frozen_until > self.now:
                self._wake(party, party.process.frozen_until)
                continue
            self._switch(party)

    def kill(self, process: Process) -> None:
        """End a process between two operations: its parties unwind, and none of them touches the channel again."""
        process.alive = False
        for party in process.parties:
            if party is not self.current and party.green and not party.green.dead:
                self._throw(party)

    def _wake(self, party: Party, at: float) -> None:
        self._count += 1
        heapq.heappush(self._queue, (at, self._count, party))

    def _switch(self, party: Party) -> None:
        self.current = party
        try:
            party.green.switch()
        finally:
            self.current = None

    def _throw(self, party: Party) -> None:
        """Unwind a sleeping thread now, then continue with the running one."""
        before, self.current = self.current, party
        party.green.parent = greenlet.getcurrent()
        try:
            party.green.throw(Killed(party.name))
        finally:
            self.current = before
