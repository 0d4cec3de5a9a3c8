"""What people and programs see of a tour, and what they are asked: on a terminal, and nowhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from dispatcher.cli.display import Display, PlainStage, Stage
from dispatcher.cli.events import JsonDisplay
from dispatcher.cli.review import Changed, review
from usertext.redaction import legible, without_secrets


class TourDisplay(Display):
    """The display, which can also ask before a spec's shell lines run. What is said is kept in `log` too."""

    def __init__(self, *, quiet: bool = False, log: Path | None = None) -> None:
        super().__init__(quiet=quiet)
        self._log = log

    def say(self, text: str) -> None:
        """Say what happens now."""
        super().say(text)
        self._keep(text)

    def warn(self, text: str) -> None:
        """Say what the user must not miss."""
        super().warn(text)
        self._keep(f"warning: {text}")

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        """Show one stage; the log tells when it began and how long it took."""
        began = time.monotonic()
        with super().stage(title) as stage:
            if not isinstance(stage, PlainStage):  # whose lines are said, and so kept
                self._keep(f"{title} …")
            yield stage
        self._keep(f"{title}: done in {time.monotonic() - began:.0f} s")

    def _keep(self, text: str) -> None:
        if self._log is not None:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("a", encoding="utf-8") as log:
                log.write(f"{time.strftime('%H:%M:%S')} {legible(without_secrets(text))}\n")

    def confirm(self, lines: Sequence[str]) -> bool:
        """Show the lines; without a terminal to ask on, the answer is no."""
        self.warn("the spec wants to run these shell lines on this machine:")
        for line in lines:
            self.warn(f"  {line}")
        return sys.stdin.isatty() and typer.confirm("Run them?", default=False, err=True)

    def review(self, changed: Sequence[Changed], engine: str, *, yes: bool) -> Collection[str]:
        """Show what would be said instead, and ask for it."""
        return review(self._console, changed, engine, yes=yes)

    def ask(self, lines: Sequence[str], question: str) -> bool:
        """Show the lines and ask; without a terminal to ask on, the answer is no."""
        for line in lines:
            self.warn(line)
        return sys.stdin.isatty() and typer.confirm(question, default=False, err=True)


class TourEvents(JsonDisplay):
    """The events, which ask nobody: who reads them is a program."""

    def confirm(self, lines: Sequence[str]) -> bool:
        """Say which lines would have run; the answer is no."""
        self.emit("confirm", text="the spec wants to run these shell lines; allow them with --allow-setup", lines=lines)
        return False

    def review(self, changed: Sequence[Changed], engine: str, *, yes: bool) -> Collection[str]:
        """Tell what is said instead; without `yes` nothing is."""
        steps = [{"step": step, "before": before, "after": after} for step, before, after in changed]
        self.emit("enhanced", engine=engine, accepted=yes, steps=steps)
        return [step for step, _, _ in changed] if yes else []

    def ask(self, lines: Sequence[str], question: str) -> bool:
        """Say what would have been asked; the answer is no."""
        self.emit("confirm", text=question, lines=lines)
        return False
