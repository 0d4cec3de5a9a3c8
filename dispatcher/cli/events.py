"""The display for programs: one JSON object a line on stderr for all that happens (docs/events.md)."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from dispatcher.cli.display import Display, Pace, Stage
from dispatcher.jobs import job
from usertext.redaction import without_secrets_in

PROGRESS_EVERY_S = 1.0


def event_line(event: str, **told: Any) -> str:
    """Return one event as a line, without secrets; what is None is left out."""
    body = {"event": event, "at": round(time.time(), 3), **{k: v for k, v in told.items() if v is not None}}
    return json.dumps(without_secrets_in(body), ensure_ascii=False) + "\n"


class JsonDisplay(Display):
    """Says everything as events, also when quiet: who asks for events wants them."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self._stream = stream or sys.stderr

    def say(self, text: str) -> None:
        """Say what happens now."""
        self.emit("message", text=text)

    def warn(self, text: str) -> None:
        """Say what the user must not miss."""
        self.emit("warning", text=text)

    def fail(self, text: str) -> None:
        """Say what could not be done, while the rest goes on."""
        self.emit("failed", text=text)

    def emit(self, event: str, **told: Any) -> None:
        """Write one event at once."""
        self._stream.write(event_line(event, **told))
        self._stream.flush()

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        """Tell the start and the end of a stage, and in between how far it is."""
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
        self._pace = Pace(PROGRESS_EVERY_S)

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
