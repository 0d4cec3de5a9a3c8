"""What people see while they wait: live lines in a terminal, plain lines elsewhere, always on stderr."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from dispatcher import jobs

PLAIN_EVERY_S = 5.0


class Display:
    """One place for all that is said; `quiet` leaves only warnings."""

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._quiet = quiet

    def say(self, text: str) -> None:
        """Say what happens now."""
        if not self._quiet:
            self._console.print(text, markup=False)

    def warn(self, text: str) -> None:
        """Say what the user must not miss."""
        self._console.print(f"warning: {text}", style="yellow", markup=False)

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        """Show one stage of the work from its start to its end, with the time it took."""
        if self._quiet or not self._console.is_terminal:
            yield _PlainStage(self, title)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"),
        )
        with Progress(*columns, console=self._console) as progress:
            yield _LiveStage(progress, title)


class Stage:
    """What a stage is told; it shows it in its own way."""

    def update(self, done: float, total: float, note: str = "") -> None:
        """Say how far the stage is, in any unit, and what it is at."""
        raise AssertionError("each way of showing a stage has its own")

    def job(self, progress: jobs.Progress) -> None:
        """Show how a job stands."""
        note = progress.text
        if progress.silent_s is not None and progress.silent_s > 1:
            note += f" · last beat {progress.silent_s:.0f} s ago"
        self.update(progress.done, max(progress.total, 1), note)


class _LiveStage(Stage):
    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=1.0, note="")

    def update(self, done: float, total: float, note: str = "") -> None:
        self._progress.update(self._task, completed=done / total, note=note.replace("[", "\\["))


class _PlainStage(Stage):
    def __init__(self, display: Display, title: str) -> None:
        self._display, self._title = display, title
        self._said, self._note = 0.0, ""
        display.say(f"{title} …")

    def update(self, done: float, total: float, note: str = "") -> None:
        """Say a line when there is news, and not more than one every few seconds."""
        now = time.monotonic()
        if note == self._note or now - self._said < PLAIN_EVERY_S:
            return
        self._said, self._note = now, note
        self._display.say(f"{self._title}: {100 * done / total:.0f} % {note}".rstrip())
