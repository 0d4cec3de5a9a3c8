"""Takes: what the browser shows, as the frames it delivers with their own times."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from media.frames import TakeWriter
from protocol.errors import MediaError

QUALITY = 95
FIRST_FRAME_S = 5.0
IN_FLIGHT_MS = 120
"""A frame reaches us this long after it was shown, at most, as measured."""

_PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def settle(page: Page) -> None:
    """Wait until fonts are there and the page has painted twice, so that what is shown is what is meant."""
    page.evaluate("() => document.fonts.ready.then(() => true)")
    page.evaluate(_PAINTED)


class Take:
    """A take that is being filmed. Its clock starts when the first frame is in hand."""

    def __init__(self, page: Page, path: Path, size: tuple[int, int]) -> None:
        self._page = page
        self._writer = TakeWriter(path, size)
        self._frames: list[tuple[float, bytes]] = []
        self._started = 0.0
        self.seconds = 0.0

    def on_frame(self, frame: Any) -> None:
        """Keep a frame; its time stamp is this machine's wall clock in milliseconds."""
        self._frames.append((frame["timestamp"] / 1000, frame["data"]))

    def begin(self) -> None:
        """Wait for the first frame: the picture as it stands, even if nothing moves."""
        deadline = time.time() + FIRST_FRAME_S
        while not self._frames:
            if time.time() > deadline:
                raise MediaError("the browser delivers no picture; is its window closed?")
            self._page.wait_for_timeout(10)
        self._started = time.time()

    def elapsed(self) -> float:
        """Return the seconds since the take began."""
        return time.time() - self._started

    def hold_until(self, seconds: float) -> None:
        """Keep filming until the take is this long."""
        while (left := seconds - self.elapsed()) > 0:
            self._page.wait_for_timeout(min(1000 * left, 500))

    def end(self) -> None:
        """End the take now; frames that were shown before now and are still on their way belong to it."""
        self.seconds = self.elapsed()
        self._page.wait_for_timeout(IN_FLIGHT_MS)

    def write(self) -> None:
        """Write what was filmed. Frames of before the beginning show the state it began with."""
        for at, jpeg in sorted(self._frames, key=lambda frame: frame[0]):
            if at - self._started <= self.seconds:
                self._writer.add(jpeg, at - self._started)
        self._writer.close(self.seconds)

    def discard(self) -> None:
        """Close the file of a take that failed."""
        self._writer.abandon()


@contextmanager
def take(page: Page, path: Path, size: tuple[int, int]) -> Iterator[Take]:
    """Film what happens in the block. The page must be settled; a block that raises leaves no take."""
    made = Take(page, path, size)
    width, height = size
    try:
        page.screencast.start(on_frame=made.on_frame, size={"width": width, "height": height}, quality=QUALITY)
        try:
            made.begin()
            yield made
            made.end()
        finally:
            page.screencast.stop()
        made.write()
    except BaseException:
        made.discard()
        path.unlink(missing_ok=True)
        raise
