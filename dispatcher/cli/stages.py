"""The stages of a command on several files, one after the other as their jobs are waited for."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dispatcher.cli.display import Display, Stage
from dispatcher.jobs.job import Progress
from dispatcher.operations.plan import Plan


def shown(progress: Progress, *, is_local: bool) -> Progress:
    """Return what is shown of a job: nobody has to start a worker where this command does."""
    return replace(progress, hint="") if is_local else progress


class Stages:
    """Shows one file after the other: the stage of a file begins with the first word of it."""

    def __init__(self, display: Display, plans: Sequence[Plan], *, is_local: bool) -> None:
        self._display, self._many, self._is_local = display, len(plans), is_local
        self._order = {each.source.path: number for number, each in enumerate(plans, 1)}
        self._open: contextlib.ExitStack | None = None
        self._stage: Stage | None = None

    def __enter__(self) -> Stages:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def progress(self, path: Path, progress: Progress) -> None:
        """Show how a file stands."""
        if self._stage is None:
            self._open = contextlib.ExitStack()
            number = f"[{self._order[path]}/{self._many}] " if self._many > 1 else ""
            self._stage = self._open.enter_context(self._display.stage(f"{number}{path.name}"))
        self._stage.job(shown(progress, is_local=self._is_local))

    def end(self) -> None:
        """End the stage of a file."""
        self._close()

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = self._stage = None
