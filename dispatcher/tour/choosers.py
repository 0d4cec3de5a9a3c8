"""File choosers: the browser's own box, which a video cannot show, is answered by the upload action that expects it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import FileChooser


class FileChoosers:
    """Answers file choosers; one that nobody expects is left unanswered, as if cancelled, and warned of."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._files: Sequence[Path] | None = None
        self._failed: PlaywrightError | None = None

    @contextlib.contextmanager
    def given(self, files: Sequence[Path]) -> Iterator[Callable[[], bool]]:
        """Answer the next file chooser with these files; yield a function that says whether it has come.

        That function raises what the browser says of files that the page does not take.
        """
        self._files, self._failed = files, None
        try:
            yield self._is_answered
        finally:
            self._files = None

    def _is_answered(self) -> bool:
        if self._failed is not None:
            raise self._failed
        return self._files is None

    def on_chooser(self, chooser: FileChooser) -> None:
        """Answer a file chooser."""
        files = self._files
        if files is None:
            fix = 'use {"type": "upload", "selector": …, "files": […]} in place of the click that opens it'
            self._warn(f"the page asked for a file and got none; {fix}")
            return
        try:
            chooser.set_files(list(files))
        except PlaywrightError as error:
            self._failed = error
        self._files = None
