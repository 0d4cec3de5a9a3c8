"""Saying how far a download is: often to whoever waits for the file, at a humane pace to the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from colab.models.table import ModelFile

TELL_S = 2.0
LOG_S = 10.0

Tell = Callable[[str], None]
"""Told a line every few seconds while a file is on its way. It may raise, which ends the fetching."""

Watch = Callable[[ModelFile, int], None]
"""Told how many bytes of a file are here, with every piece that arrives."""

log = logging.getLogger(__name__)


def nobody(_file: ModelFile, _done: int) -> None:
    """Watch nothing."""


class DownloadReporter:
    """Tells of one file. The first line comes at once, the others when their time has come."""

    def __init__(
        self, file: ModelFile, tell: Tell, watch: Watch = nobody, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._file, self._tell, self._watch, self._clock = file, tell, watch, clock
        self._told = self._logged = -LOG_S + clock()

    def arrived(self, done: int) -> None:
        """Say that `done` bytes of the file are here."""
        size = self._file.size
        self._watch(self._file, done)
        self.say(f"downloading {self._file.name}: {100 * done // size} % of {size / 1e6:.1f} MB")

    def say(self, text: str) -> None:
        """Tell and log `text`, if it is time to."""
        now = self._clock()
        if now - self._logged >= LOG_S:
            self._logged = now
            log.info("%s", text)
        if now - self._told >= TELL_S:
            self._told = now
            self._tell(text)
