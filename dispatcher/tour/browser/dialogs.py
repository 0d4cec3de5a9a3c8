"""Answers to what a page asks in the browser's own windows: dialogs (alert, confirm, prompt) and file choosers."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Dialog, FileChooser
from playwright.sync_api import Error as PlaywrightError

from dispatcher.tour.spec.action_models import DialogAction

COMES_WITHIN_S = 2.0
"""How long the end of a step waits for a dialog that was announced and has not opened yet."""


class DialogAnswers:
    """The answers to the next dialogs, in order. A dialog without one is dismissed, with a warning."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._expected: deque[DialogAction] = deque()
        self._warn = warn

    def expect(self, answer: DialogAction) -> None:
        """Add the answer to a dialog that is still to come."""
        self._expected.append(answer)

    @property
    def is_expecting(self) -> bool:
        """Say whether a dialog is still to come."""
        return bool(self._expected)

    def take(self, dialog: Dialog) -> DialogAction | None:
        """Return the answer to a dialog; None, with a warning, if there is none."""
        if not self._expected:
            fix = 'put {"type": "dialog", "answer": "accept" or "dismiss"} before the action that opens it'
            self._warn(f"the page opened {_named(dialog)} for which there is no dialog action; it was dismissed: {fix}")
            return None
        answer = self._expected.popleft()
        if answer.text is not None and dialog.type != "prompt":
            self._warn(f"the page opened {_named(dialog)}, which takes no text; the dialog action's text was ignored")
        return answer

    def end(self) -> None:
        """Forget the remaining answers, with a warning for each."""
        for _ in range(len(self._expected)):
            self._warn(
                "a dialog action was not used: no dialog opened; remove it, or check the action that opens the dialog"
            )
        self._expected.clear()

    def forget(self) -> None:
        """Forget the remaining answers."""
        self._expected.clear()


def _named(dialog: Dialog) -> str:
    article = "an" if dialog.type == "alert" else "a"
    message = " ".join(dialog.message.split())
    return f"{article} {dialog.type} ({message if len(message) <= 100 else message[:99] + '…'})"


def reply(dialog: Dialog, answer: DialogAction | None) -> None:
    """Answer a dialog; without an answer it is dismissed."""
    if answer is None or answer.answer == "dismiss":
        dialog.dismiss()
    elif dialog.type == "prompt":
        dialog.accept(dialog.default_value if answer.text is None else answer.text)
    else:
        dialog.accept()


class FileChoosers:
    """Answers file choosers; an unexpected one is left unanswered, as if cancelled, with a warning."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._files: Sequence[Path] | None = None
        self._failed: PlaywrightError | None = None

    @contextlib.contextmanager
    def given(self, files: Sequence[Path]) -> Iterator[Callable[[], bool]]:
        """Answer the next file chooser with these files; yield a function that says whether it has opened.

        That function raises the browser's error if the page does not accept the files.
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
