"""Sessions of tours for tests, with a screen that records everything it is shown."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from dispatcher.config import Settings
from dispatcher.jobs.job import Progress
from dispatcher.tour.options import TourOptions
from dispatcher.tour.session import TourSession


@dataclass
class RecordingScreen:
    """Records what it is shown, accepts the steps in `accepts`, and answers questions with `answer`."""

    accepts: Collection[str] = ()
    answer: bool = False
    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    changes: list[tuple[str, str, str]] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Record a message."""
        self.said.append(text)

    def warn(self, text: str) -> None:
        """Record a warning."""
        self.warned.append(text)

    @contextlib.contextmanager
    def stage(self, title: str) -> Iterator[Self]:
        """Record the title of a stage."""
        self.stages.append(title)
        yield self

    def update(self, done: float, total: float, note: str = "") -> None:
        """Ignore the progress of a stage."""

    def job(self, progress: Progress) -> None:
        """Ignore the progress of a job."""

    def confirm(self, lines: Sequence[str]) -> bool:
        """Record shell lines, and answer."""
        self.asked += lines
        return self.answer

    def review(self, changed: Sequence[tuple[str, str, str]], engine: str, *, yes: bool) -> Collection[str]:
        """Record the changes; accept all of them with `yes`, else those of the steps in `accepts`."""
        self.changes = list(changed)
        return [step for step, _, _ in changed if yes or step in self.accepts]

    def ask(self, lines: Sequence[str], question: str) -> bool:
        """Record a question, and answer."""
        self.asked += [*lines, question]
        return self.answer


def session(
    folder: Path,
    *,
    spec_path: Path | None = None,
    settings: Settings | None = None,
    screen: RecordingScreen | None = None,
    **options: Any,
) -> TourSession:
    """Return a session with `folder` as its work folder, unless the options name another one."""
    return TourSession(
        spec_path=spec_path or folder / "tour.json",
        options=TourOptions(**{"work_dir": folder, **options}),
        settings=settings or Settings(data_dir=folder / "data", config_dir=folder / "config", home=folder),
        screen=screen or RecordingScreen(),
    )
