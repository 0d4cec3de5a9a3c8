"""Where a recording shows its progress: the command line has a screen, a script may provide its own."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Sequence
from typing import Protocol

from dispatcher.jobs.job import Progress

log = logging.getLogger(__name__)


class Screen(Protocol):
    """Where a recording shows its progress, and asks."""

    def say(self, text: str) -> None:
        """Show a message."""
        ...

    def warn(self, text: str) -> None:
        """Show a warning."""
        ...

    def stage(self, title: str) -> contextlib.AbstractContextManager[StageView]:
        """Show a stage of the work until the block ends."""
        ...

    def confirm(self, lines: Sequence[str]) -> bool:
        """Show shell lines and ask whether they may run."""
        ...

    def review(self, changed: Sequence[tuple[str, str, str]], engine: str, *, yes: bool) -> Collection[str]:
        """Show changed narrations (step, before, after) and return the accepted steps; with `yes`, all of them."""
        ...

    def ask(self, lines: Sequence[str], question: str) -> bool:
        """Show lines and ask a question; if nobody can be asked, the answer is no."""
        ...


class Unattended:
    """The default screen of a script: warnings go to the log, and every answer is no."""

    def say(self, text: str) -> None:
        """Log a message at level INFO."""
        log.info("%s", text)

    def warn(self, text: str) -> None:
        """Log a warning."""
        log.warning("%s", text)

    def stage(self, title: str) -> contextlib.AbstractContextManager[StageView]:
        """Log that the stage begins; its progress is not shown."""
        log.info("%s …", title)
        return contextlib.nullcontext(_NoProgress())

    def confirm(self, lines: Sequence[str]) -> bool:
        """Refuse."""
        return False

    def review(self, changed: Sequence[tuple[str, str, str]], engine: str, *, yes: bool) -> Collection[str]:
        """Accept all with `yes`, else nothing."""
        return [step for step, _, _ in changed] if yes else []

    def ask(self, lines: Sequence[str], question: str) -> bool:
        """Refuse, and log what would have been asked."""
        log.warning("%s %s", " ".join(lines), question)
        return False


class _NoProgress:
    def update(self, done: float, total: float, note: str = "") -> None:
        """Show nothing."""

    def job(self, progress: Progress) -> None:
        """Show nothing."""


class StageView(Protocol):
    """Where a stage shows its progress."""

    def update(self, done: float, total: float, note: str = "") -> None:
        """Show the progress of the stage."""
        ...

    def job(self, progress: Progress) -> None:
        """Show the progress of a job."""
        ...
