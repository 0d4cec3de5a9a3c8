"""What is shown while a command works, always on stderr: live lines, plain lines in a log, or JSON for programs."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column

from dispatcher.cli.errors import event_line
from dispatcher.jobs import job
from usertext.redaction import legible, without_secrets

PLAIN_EVERY_S = 5.0
EVENTS_EVERY_S = 1.0
ALIVE_EVERY_S = 30.0
"""A log gets a line at least this often, to show that the command is still waiting."""

SILENT_S = 3.0
"""After this many seconds without a heartbeat, the live line shows how old the last one is."""


def _safe(text: str) -> str:
    """Return a text without secrets and without terminal control characters."""
    return legible(without_secrets(text))


class Display:
    """Shows messages, warnings and progress; `quiet` leaves only warnings and errors."""

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._quiet = quiet

    def say(self, text: str) -> None:
        """Show what is happening."""
        if not self._quiet:
            self._console.print(_safe(text), markup=False, soft_wrap=not self._console.is_terminal)

    def warn(self, text: str) -> None:
        """Show a warning, also if quiet."""
        wraps = not self._console.is_terminal
        self._console.print(f"warning: {_safe(text)}", style="yellow", markup=False, soft_wrap=wraps)

    def fail(self, text: str) -> None:
        """Show an error that does not end the command, also if quiet."""
        wraps = not self._console.is_terminal
        self._console.print(f"error: {_safe(text)}", style="red", markup=False, soft_wrap=wraps)

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        """Show one stage of the work from start to end, with the time it took."""
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
    """Limits how often progress is shown: changes at once, progress at intervals, and a line at least now and then."""

    def __init__(self, progress_every_s: float) -> None:
        self._every_s = progress_every_s
        self._shown_at: float | None = None
        self._subject: Hashable = None
        self._done: float = 0

    def due(self, subject: Hashable, done: float, now: float) -> bool:
        """Return whether a line about `subject` should be shown now; if so, it counts as shown."""
        waited = None if self._shown_at is None else now - self._shown_at
        due = (
            waited is None
            or subject != self._subject
            or (done != self._done and waited >= self._every_s)
            or waited >= ALIVE_EVERY_S
        )
        if due:
            self._shown_at, self._subject, self._done = now, subject, done
        return due


class Stage:
    """Shows the progress of one stage."""

    def update(self, done: float, total: float, note: str = "") -> None:
        """Show how much is done, in any unit, and a note."""
        raise NotImplementedError

    def job(self, progress: job.Progress) -> None:
        """Show the progress of a job."""
        raise NotImplementedError


def _so_far(progress: job.Progress) -> tuple[float, float]:
    """Return the units done and in total; 0 of 1 before the first heartbeat."""
    return progress.done, max(progress.total, 1)


class _LiveStage(Stage):
    """A line that changes in place; hints stay above it."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress, self._title = progress, title
        self._task = progress.add_task(title, total=1.0, note="")
        self._shown: job.Why | None = None

    def update(self, done: float, total: float, note: str = "") -> None:
        self._progress.update(self._task, completed=done / total, note=escape(_safe(note)))

    def job(self, progress: job.Progress) -> None:
        if progress.hint and progress.why != self._shown:
            self._progress.console.print(_safe(f"{self._title}: {progress.text}. {progress.hint}"), markup=False)
        self._shown = progress.why
        silent = f" · last heartbeat {progress.silent_s:.0f} s ago" if (progress.silent_s or 0) > SILENT_S else ""
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


class JsonDisplay(Display):
    """Writes everything as events, one JSON object a line (docs/events.md)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self._stream = stream or sys.stderr

    def say(self, text: str) -> None:
        """Write a `message` event."""
        self.emit("message", text=text)

    def warn(self, text: str) -> None:
        """Write a `warning` event."""
        self.emit("warning", text=text)

    def fail(self, text: str) -> None:
        """Write a `failed` event."""
        self.emit("failed", text=text)

    def emit(self, event: str, **fields: Any) -> None:
        """Write one event at once."""
        self._stream.write(event_line(event, **fields))
        self._stream.flush()

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        """Write events for the start, the progress and the end of a stage."""
        started = time.monotonic()
        self.emit("stage", stage=title, state="started")
        try:
            yield _JsonStage(self, title)
        except BaseException:
            self.emit("stage", stage=title, state="failed", seconds=round(time.monotonic() - started, 3))
            raise
        self.emit("stage", stage=title, state="finished", seconds=round(time.monotonic() - started, 3))


class _JsonStage(Stage):
    def __init__(self, display: JsonDisplay, title: str) -> None:
        self._display, self._title = display, title
        self._pace = Pace(EVENTS_EVERY_S)

    def update(self, done: float, total: float, note: str = "") -> None:
        if self._pace.due(note, done, time.monotonic()):
            self._display.emit("progress", stage=self._title, text=note, done=done, total=total)

    def job(self, progress: job.Progress) -> None:
        if not self._pace.due(progress.why, progress.done, time.monotonic()):
            return
        self._display.emit(
            "progress",
            stage=self._title,
            run=progress.run,
            state=str(progress.state),
            why=str(progress.why),
            text=progress.text,
            hint=progress.hint,
            done=progress.done,
            total=progress.total,
            waited_s=round(progress.waited_s, 1),
            attempt=progress.attempt,
            worker=progress.worker,
            silent_s=None if progress.silent_s is None else round(progress.silent_s, 1),
        )


def without_hint(progress: job.Progress, *, is_local: bool) -> job.Progress:
    """Return the progress to show: with a local worker there is nothing for the user to start."""
    return replace(progress, hint="") if is_local else progress


class Stages:
    """Shows several files, one after the other; the stage of a file begins with its first progress."""

    def __init__(self, display: Display, files: Sequence[Path], *, is_local: bool) -> None:
        self._display, self._count, self._is_local = display, len(files), is_local
        self._number = {path: number for number, path in enumerate(files, 1)}
        self._open: contextlib.ExitStack | None = None
        self._stage: Stage | None = None

    def __enter__(self) -> Stages:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def progress(self, path: Path, progress: job.Progress) -> None:
        """Show the progress of a file."""
        if self._stage is None:
            self._open = contextlib.ExitStack()
            number = f"[{self._number[path]}/{self._count}] " if self._count > 1 else ""
            self._stage = self._open.enter_context(self._display.stage(f"{number}{path.name}"))
        self._stage.job(without_hint(progress, is_local=self._is_local))

    def end(self) -> None:
        """End the stage of the current file."""
        if self._open is not None:
            self._open.close()
        self._open = self._stage = None
