"""Where a recording says what it does: the command line has one, a script may bring its own."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from typing import Protocol

from dispatcher.jobs import Progress


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


class StageView(Protocol):
    """Where a stage says how far it is."""

    def update(self, done: float, total: float, note: str = "") -> None:
        """Say how far the stage is."""
        ...

    def job(self, progress: Progress) -> None:
        """Show how a job stands."""
        ...
