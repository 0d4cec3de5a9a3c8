"""What people see while they wait: live lines in a terminal, plain lines elsewhere, always on stderr."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column

from dispatcher.jobs import job
from usertext.redaction import legible, without_secrets

PLAIN_EVERY_S = 5.0
ALIVE_EVERY_S = 30.0
"""A log shows at least this often that the wait goes on."""

SILENT_S = 3.0
"""From so many seconds without a sign of life on, the live line says how long it is."""


def _fit(text: str) -> str:
    """Return a text that may be shown, and kept in the log of a command: no terminal obeys it, no secret is in it."""
    return legible(without_secrets(text))


class Display:
    """One place for all that is said; `quiet` leaves only warnings."""

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._quiet = quiet

    def say(self, text: str) -> None:
        """Say what happens now."""
        if not self._quiet:
            self._console.print(_fit(text), markup=False, soft_wrap=not self._console.is_terminal)

    def warn(self, text: str) -> None:
        """Say what the user must not miss."""
        wraps = not self._console.is_terminal
        self._console.print(f"warning: {_fit(text)}", style="yellow", markup=False, soft_wrap=wraps)

    def fail(self, text: str) -> None:
        """Say what could not be done, while the rest goes on."""
        wraps = not self._console.is_terminal
        self._console.print(f"error: {_fit(text)}", style="red", markup=False, soft_wrap=wraps)

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        """Show one stage of the work from its start to its end, with the time it took."""
        if self._quiet or not self._console.is_terminal:
            yield PlainStage(self, title)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[note]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
        )
        with Progress(*columns, console=self._console, expand=True) as progress:
            yield _LiveStage(progress, title)


class Pace:
    """Decides when to speak: news at once, progress now and then, and a sign of life however long nothing happens."""

    def __init__(self, progress_every_s: float) -> None:
        self._every_s = progress_every_s
        self._said_at: float | None = None
        self._subject: Hashable = None
        self._done: float = 0

    def due(self, subject: Hashable, done: float, now: float) -> bool:
        """Say whether it is time for a line about `subject`, and take it as said if so."""
        waited = None if self._said_at is None else now - self._said_at
        due = (
            waited is None
            or subject != self._subject
            or (done != self._done and waited >= self._every_s)
            or waited >= ALIVE_EVERY_S
        )
        if due:
            self._said_at, self._subject, self._done = now, subject, done
        return due


class Stage:
    """What a stage is told; it shows it in its own way."""

    def update(self, done: float, total: float, note: str = "") -> None:
        """Say how far the stage is, in any unit, and what it is at."""
        raise AssertionError("each way of showing a stage has its own")

    def job(self, progress: job.Progress) -> None:
        """Show how a job stands."""
        raise AssertionError("each way of showing a stage has its own")


def _so_far(progress: job.Progress) -> tuple[float, float]:
    """Return units done and in all; nothing of one where no beat has told yet."""
    return progress.done, max(progress.total, 1)


class _LiveStage(Stage):
    """A line that changes in place; what to do about a trouble stays above it."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress, self._title = progress, title
        self._task = progress.add_task(title, total=1.0, note="")
        self._told: job.Why | None = None

    def update(self, done: float, total: float, note: str = "") -> None:
        self._progress.update(self._task, completed=done / total, note=escape(_fit(note)))

    def job(self, progress: job.Progress) -> None:
        if progress.hint and progress.why != self._told:
            told = _fit(f"{self._title}: {progress.text}. {progress.hint}")
            self._progress.console.print(told, markup=False)
        self._told = progress.why
        silent = f" · last beat {progress.silent_s:.0f} s ago" if (progress.silent_s or 0) > SILENT_S else ""
        self.update(*_so_far(progress), progress.text + silent)


class PlainStage(Stage):
    """Lines for a log."""

    def __init__(self, display: Display, title: str) -> None:
        self._display, self._title = display, title
        self._pace = Pace(PLAIN_EVERY_S)
        display.say(f"{title} …")

    def update(self, done: float, total: float, note: str = "") -> None:
        if self._pace.due(None, done, time.monotonic()):
            self._say(done, total, note)

    def job(self, progress: job.Progress) -> None:
        if self._pace.due(progress.why, progress.done, time.monotonic()):
            hint = f". {progress.hint}" if progress.hint else ""
            self._say(*_so_far(progress), f"{progress.text}{hint} ({progress.waited_s:.0f} s)")

    def _say(self, done: float, total: float, note: str) -> None:
        self._display.say(f"{self._title}: {100 * done / total:.0f} % {note}".rstrip())
