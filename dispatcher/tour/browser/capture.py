"""Recording a take: the browser's own frames, with their own times.

Chromium's screencast sends a JPEG whenever the page has changed, with the wall-clock time (milliseconds) at which it
was shown, and one immediately when it starts. Frames arrive only during a Playwright call, so every wait is
`page.wait_for_timeout`. Nothing here knows what a step is.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page

from dispatcher.tour.browser.dialogs import COMES_WITHIN_S
from dispatcher.tour.browser.navigation import is_navigation_error, settle_navigation
from dispatcher.tour.browser.painting import PaintTracker
from media.take import TakeWriter
from protocol.errors import MediaError

QUALITY = 95
FIRST_FRAME_S = 10.0
IN_FLIGHT_MS = 50
"""How long a frame takes to arrive after it is shown: measured 2 to 40 ms."""

DELAY_S = 0.4
"""How long after it was shown a frame is written: by then it is known whether its page had painted."""

SETTLED = """() => new Promise(done => {
  const late = setTimeout(done, 1000);
  requestAnimationFrame(() => requestAnimationFrame(() => { clearTimeout(late); done(); }));
})"""


REDRAW = "() => { document.documentElement.animate([{ opacity: 1 }, { opacity: 0.9999 }], 40); }"
"""Makes a page redraw without any change, unnoticed by its own scripts."""

POLL_MS = 200
REDRAW_S = 0.15
"""How long after a requested redraw a frame is attributed to it."""


class TakeRecorder:
    """Records one take. At its time 0, all earlier frames have arrived."""

    def __init__(
        self,
        page: Page,
        path: Path,
        size: tuple[int, int],
        paint_tracker: PaintTracker,
        *,
        on_poll: Callable[[], None] = lambda: None,
        on_frame: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_frame` is called for each frame, `on_poll` several times a second during waits."""
        self._page = page
        self._casting: list[Page] = []  # pages with a screencast; only the frames of `_page` are recorded
        self._size = size
        self._on_poll, self._on_frame = on_poll, on_frame
        self._paint_tracker = paint_tracker
        self._delayed: deque[tuple[float, bytes, Page]] = deque()
        self._writer = TakeWriter(path, size)
        self._waiting: list[
            tuple[float, bytes]
        ] = []  # frames before time 0; the last of them is the first frame of the take
        self._started = time.time()
        self._zero: float | None = None
        self._zero_monotonic = 0.0
        self._seconds: float | None = None
        self._shown = self._redrawn = 0.0  # when the last frame was shown, and when the last redraw was requested
        self._turned = 0.0  # since when this page is recorded: its frames are not older
        self._muted = False
        self.busy = False  # something is shown that must not be cut off: `hold` lasts until it is over
        self.last_frame = b""  # a JPEG

    @property
    def elapsed(self) -> float:
        """Return the seconds since the take's time 0."""
        return time.monotonic() - self._zero_monotonic

    @contextlib.contextmanager
    def casting(self) -> Iterator[None]:
        """Receive the browser's frames until the block ends."""
        self._cast(self._page)
        try:
            yield
        finally:
            for page in self._casting:
                with contextlib.suppress(PlaywrightError):  # it has crashed or is closed
                    page.screencast.stop()

    def _cast(self, page: Page) -> None:
        size: Any = {"width": self._size[0], "height": self._size[1]}
        page.screencast.start(
            on_frame=lambda frame: self.take_frame(frame) if page is self._page else None, size=size, quality=QUALITY
        )
        self._casting.append(page)

    def turn_to(self, page: Page) -> None:
        """Record another page from now on. Until its first frame arrives, the last frame of the previous page stays."""
        if page is self._page:
            return
        self._turned = time.time()
        self._page, self._shown = page, 0.0
        if page in self._casting:
            self.redraw()
        else:
            self._cast(page)
        deadline = time.monotonic() + FIRST_FRAME_S
        while self._shown == 0.0 and time.monotonic() < deadline:
            page.wait_for_timeout(10)

    @contextlib.contextmanager
    def muted(self) -> Iterator[None]:
        """Record nothing until the block ends."""
        self._muted = True
        try:
            yield
        finally:
            self._page.wait_for_timeout(IN_FLIGHT_MS)
            self._muted = False

    def take_frame(self, frame: Any) -> None:
        """Take a frame of the recorded page's screencast."""
        self._on_frame()
        if self._muted:
            return
        shown = max(frame["timestamp"] / 1000, self._turned)
        self._shown = max(shown, self._shown)
        self.last_frame = frame["data"]
        if self._zero is None:
            if shown >= self._started:  # an older one belongs to the previous take
                self._waiting.append((shown, frame["data"]))
        elif self._seconds is None or shown - self._zero < self._seconds:
            self._delayed.append((shown, frame["data"], self._page))
            self._write_until(time.time() - DELAY_S)

    def _write_until(self, moment: float) -> None:
        """Write the frames that were shown until then, except those of a page that had not painted yet."""
        while self._delayed and self._delayed[0][0] <= moment:
            painted = self._paint_tracker.shows(self._delayed[0][2], self._delayed[0][0])
            if painted is None and moment < math.inf:
                return
            shown, data, _ = self._delayed.popleft()
            if painted and self._zero is not None:  # no frame is delayed before time 0
                self._writer.add(data, shown - self._zero)

    def begin(self) -> None:
        """Set time 0. The first frame is the current one, as all frames until now have arrived."""
        deadline = time.monotonic() + FIRST_FRAME_S
        while not self._waiting:
            if time.monotonic() > deadline:
                raise MediaError(f"the browser delivered no frame for {FIRST_FRAME_S:g} s")
            self._page.wait_for_timeout(10)
        settle_navigation(self._page, FIRST_FRAME_S, lambda: settle(self._page))
        self._zero, self._zero_monotonic = time.time(), time.monotonic()
        self._writer.add(max(self._waiting)[1], 0.0)

    def wait_until(self, seconds: float) -> bool:
        """Record until the take is this long, and longer while it is busy; say whether it was longer."""
        was_extended = False
        while (remaining := seconds - self.elapsed) > 0 or self.busy:
            was_extended = remaining <= 0
            self._page.wait_for_timeout(POLL_MS if was_extended else min(remaining * 1000 + 1, POLL_MS))
            self._on_poll()
            if self._shown < self._redrawn or self._shown > self._redrawn + REDRAW_S:
                self.redraw()
        return was_extended

    def record_for(self, seconds: float) -> None:
        """Record for some more seconds."""
        self.wait_until(self.elapsed + seconds)

    def redraw(self) -> None:
        """Make the page redraw what it shows.

        On a busy machine the browser drops frames, even the last one of an animation, and sends none while the page
        does not change: without this the video would stop in the middle of a fade.
        """
        self._redrawn = time.time()
        try:
            self._page.evaluate(REDRAW)
        except PlaywrightError as error:
            if not is_navigation_error(error):  # the next page is drawn
                raise

    def hold(self, seconds: float, *, is_dialog_to_come: Callable[[], bool] = lambda: False) -> float:
        """Record until the take is this long; return its length.

        It is longer only if a dialog is still open, or an announced one opens within COMES_WITHIN_S.
        """
        was_extended = self.wait_until(seconds)
        if is_dialog_to_come():
            deadline = self.elapsed + COMES_WITHIN_S
            while is_dialog_to_come() and self.elapsed < deadline:
                self.record_for(POLL_MS / 1000)
            was_extended = was_extended or not is_dialog_to_come()
        self._seconds = max(seconds, self.elapsed) if was_extended else seconds
        self._page.wait_for_timeout(IN_FLIGHT_MS)
        return self._seconds

    def close(self) -> None:
        """Write the take. Without `hold` it ends now."""
        self._write_until(math.inf)
        self._writer.close(self.elapsed if self._seconds is None else self._seconds)

    def give_up(self) -> None:
        """Close the file after an error; the error is reported elsewhere."""
        with contextlib.suppress(MediaError):  # it has no frame yet
            self.close()


def settle(page: Page) -> None:
    """Wait until everything that the page has drawn is shown, and the frames have arrived."""
    page.evaluate(SETTLED)
    page.wait_for_timeout(IN_FLIGHT_MS)
