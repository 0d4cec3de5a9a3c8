"""Where a recording says what it does: the command line has one, a script may bring its own."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Sequence
from typing import Protocol

from dispatcher.jobs.job import Progress

log = logging.getLogger(__name__)


class Screen(Protocol):
    """Where the recording says what it does."""

    def say(self, text: str) -> None:
        """Say what happens now."""
        ...

    def warn(self, text: str) -> None:
        """Say what must not be missed."""
        ...

    def stage(self, title: str) -> contextlib.AbstractContextManager[StageView]:
        """Show one stage of the work."""
        ...

    def confirm(self, lines: Sequence[str]) -> bool:
        """Show shell lines and ask whether they may run."""
        ...

    def review(self, changed: Sequence[tuple[str, str, str]], engine: str, *, yes: bool) -> Collection[str]:
        """Show narrations (step, before, after) and return the steps whose new words are accepted; with `yes`, all."""
        ...

    def ask(self, lines: Sequence[str], question: str) -> bool:
        """Show what must be known and ask a question; where nobody can be asked the answer is no."""
        ...


class Unattended:
    """The screen of a script: warnings go to the log, and since nobody can be asked, every answer is no."""

    def say(self, text: str) -> None:
        """Log it; only those who ask for the log's details see it."""
        log.info("%s", text)

    def warn(self, text: str) -> None:
        """Log it as a warning."""
        log.warning("%s", text)

    def stage(self, title: str) -> contextlib.AbstractContextManager[StageView]:
        """Log that the stage begins; how far it is, is not told."""
        log.info("%s …", title)
        return contextlib.nullcontext(_Untold())

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


class _Untold:
    def update(self, done: float, total: float, note: str = "") -> None:
        """Tell nobody."""

    def job(self, progress: Progress) -> None:
        """Tell nobody."""


class StageView(Protocol):
    """Where a stage says how far it is."""

    def update(self, done: float, total: float, note: str = "") -> None:
        """Say how far the stage is."""
        ...

    def job(self, progress: Progress) -> None:
        """Show how a job stands."""
        ...
