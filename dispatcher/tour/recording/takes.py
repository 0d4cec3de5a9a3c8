"""What recording and rehearsing a step result in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dispatcher.assembly.timeline import Focus
from dispatcher.tour.actions.assertions import AssertionResult


@dataclass(frozen=True, kw_only=True)
class Take:
    """A recorded step: `seconds` long, of which its actions and assertions took `actions_seconds`."""

    step_id: str
    path: Path
    seconds: float
    actions_seconds: float
    retries: int
    assertions: tuple[AssertionResult, ...]
    focus: tuple[Focus, ...] = ()  # where the camera looks
    warnings: tuple[str, ...] = ()
    opens_on: str = ""  # the address of its page at the beginning, and at the end
    ends_on: str = ""


@dataclass(frozen=True, kw_only=True)
class RehearsedStep:
    """A step that works: how long it took (seconds), and its warnings."""

    step_id: str
    seconds: float
    warnings: tuple[str, ...] = ()
