"""Why a worker's session ends. Who started the worker decides by it what happens to the machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """What ended a session."""

    IDLE = "idle"  # no job for as long as it was told to wait
    DRAINED = "drained"  # somebody asked this session to end after its job
    STOPPED = "stopped"  # a signal, an interrupt, or whoever holds the worker
    ORPHANED = "orphaned"  # the process that it was started for is gone
    NOTHING_LEFT = "nothing left"  # with `once`: there is no job to take


@dataclass(frozen=True)
class Ending:
    """A reason, and the words for the log."""

    reason: Reason
    text: str

    @property
    def frees_machine(self) -> bool:
        """Say whether nobody needs this machine any more: a person who interrupts may be about to start again."""
        return self.reason in (Reason.IDLE, Reason.DRAINED)


NOTHING_LEFT = Ending(Reason.NOTHING_LEFT, "there is no job left to take")
ORPHANED = Ending(Reason.ORPHANED, "the process that started this worker is gone")
DRAINED = Ending(Reason.DRAINED, "it was asked to drain")
