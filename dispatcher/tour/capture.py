"""From pages to takes: the browser's own frames, with their own times, from one moment to another.

Chromium's screencast sends a JPEG whenever the page has changed, stamped with the wall clock (milliseconds) of the
moment it was shown, and one at once when it starts. Frames arrive only while a Playwright call runs, so every wait is
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

from dispatcher.tour.dialogs import COMES_WITHIN_S
from dispatcher.tour.leaving import has_left, where_it_stays
from dispatcher.tour.painting import Painting
from media.take import TakeWriter
from protocol.errors import MediaError

QUALITY = 95
FIRST_FRAME_S = 10.0
IN_FLIGHT_MS = 50
"""How long a frame that is shown may take to arrive: measured 2 to 40 ms."""

KEPT_BACK_S = 0.4
"""A frame is written this long after it was shown: by then it is known whether its page had painted."""

SETTLED = """() => new Promise(done => {
  const late = setTimeout(done, 1000);
  requestAnimationFrame(() => requestAnimationFrame(() => { clearTimeout(late); done(); }));
})"""


REDRAW = "() => { document.documentElement.animate([{ opacity: 1 }, { opacity: 0.9999 }], 40); }"
"""Has a page drawn again as it is: nothing on it changes, and its own scripts do not notice."""

LOOK_MS = 200
OWN_FRAMES_S = 0.15
"""For so long after it was asked to draw again a page draws because of that."""


class Filming:
    """A take while it is filmed. Its time 0 is a moment at which everything drawn before has arrived."""

    def __init__(
        self,
        page: Page,
        path: Path,
        size: tuple[int, int],
        painting: Painting,
        *,
        on_look: Callable[[], None] = lambda: None,
        on_frame: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare a take. `on_frame` is called for each frame, `on_look` several times a second while it waits."""
        self._page = page
        self._casting: list[Page] = []  # the pages whose frames arrive; only those of `_page` are taken
        self._size = size
        self._on_look, self._on_frame = on_look, on_frame
        self._painting = painting
        self._kept_back: deque[tuple[float, bytes, Page]] = deque()
        self._writer = TakeWriter(path, size)
        self._waiting: list[tuple[float, bytes]] = []  # frames from before time 0; the last is the first picture
        self._started = time.time()
        self._zero: float | None = None
        self._zero_monotonic = 0.0
        self._seconds: float | None = None
        self._shown = self._redrawn = 0.0  # when the last frame was shown, and when one was last asked for
        self._turned = 0.0  # when this page was turned to: its frames are no older
        self._muted = False
        self.busy = False  # something is shown that must not be cut off: a take that is held goes on until it is over
        self.picture = b""  # the last frame, a JPEG

    @property
    def elapsed(self) -> float:
        """Return the seconds since the take's time 0."""
        return time.monotonic() - self._zero_monotonic

    @contextlib.contextmanager
    def casting(self) -> Iterator[None]:
        """Have the browser send its frames until the block ends."""
        self._cast(self._page)
        try:
            yield
        finally:
            for page in self._casting:
                with contextlib.suppress(PlaywrightError):  # it has crashed or is closed: there is nothing to stop
                    page.screencast.stop()

    def _cast(self, page: Page) -> None:
        wanted: Any = {"width": self._size[0], "height": self._size[1]}
        page.screencast.start(
            on_frame=lambda frame: self.take_frame(frame) if page is self._page else None, size=wanted, quality=QUALITY
        )
        self._casting.append(page)

    def turn_to(self, page: Page) -> None:
        """Record another page from now on. Until its first picture is here, the last one of the page before stays."""
        if page is self._page:
            return
        self._turned = time.time()
        self._page, self._shown = page, 0.0
        if page in self._casting:
            self.see_again()
        else:
            self._cast(page)
        deadline = time.monotonic() + FIRST_FRAME_S
        while self._shown == 0.0 and time.monotonic() < deadline:
            page.wait_for_timeout(10)

    @contextlib.contextmanager
    def muted(self) -> Iterator[None]:
        """Leave out what the page shows until the block ends."""
        self._muted = True
        try:
            yield
        finally:
            self._page.wait_for_timeout(IN_FLIGHT_MS)
            self._muted = False

    def take_frame(self, frame: Any) -> None:
        """Take a frame of the screencast of the page that is recorded."""
        self._on_frame()
        if self._muted:
            return
        shown = max(frame["timestamp"] / 1000, self._turned)
        self._shown = max(shown, self._shown)
        self.picture = frame["data"]
        if self._zero is None:
            if shown >= self._started:  # an older one comes from the take before
                self._waiting.append((shown, frame["data"]))
        elif self._seconds is None or shown - self._zero < self._seconds:
            self._kept_back.append((shown, frame["data"], self._page))
            self._write_until(time.time() - KEPT_BACK_S)

    def _write_until(self, moment: float) -> None:
        """Write what was shown until then, without the frames of a page that had not painted yet."""
        while self._kept_back and self._kept_back[0][0] <= moment:
            painted = self._painting.shows(self._kept_back[0][2], self._kept_back[0][0])
            if painted is None and moment < math.inf:
                return
            shown, data, _ = self._kept_back.popleft()
            if painted and self._zero is not None:  # nothing is kept back before time 0
                self._writer.add(data, shown - self._zero)

    def begin(self) -> None:
        """Set time 0. The first picture is what is on screen now: fresh, because all frames until now are here."""
        deadline = time.monotonic() + FIRST_FRAME_S
        while not self._waiting:
            if time.monotonic() > deadline:
                raise MediaError(f"the browser delivered no picture for {FIRST_FRAME_S:g} s")
            self._page.wait_for_timeout(10)
        where_it_stays(self._page, FIRST_FRAME_S, lambda: settle(self._page))
        self._zero, self._zero_monotonic = time.time(), time.monotonic()
        self._writer.add(max(self._waiting)[1], 0.0)

    def wait_until(self, seconds: float) -> bool:
        """Film on until the take is this long; while it is busy, longer. Say whether it took longer because of that."""
        was_extended = False
        while (left := seconds - self.elapsed) > 0 or self.busy:
            was_extended = left <= 0
            self._page.wait_for_timeout(LOOK_MS if was_extended else min(left * 1000 + 1, LOOK_MS))
            self._on_look()
            if self._shown < self._redrawn or self._shown > self._redrawn + OWN_FRAMES_S:
                self.see_again()
        return was_extended

    def film_on(self, seconds: float) -> None:
        """Film for so much longer."""
        self.wait_until(self.elapsed + seconds)

    def see_again(self) -> None:
        """Have the page draw what it shows now.

        A busy machine's browser leaves out frames, also the last one of a movement, and sends none while the page is
        still: without this the film would stop in the middle of a fade.
        """
        self._redrawn = time.time()
        try:
            self._page.evaluate(REDRAW)
        except PlaywrightError as error:
            if not has_left(error):  # it draws the next page now
                raise

    def hold(self, seconds: float, *, is_dialog_to_come: Callable[[], bool] = lambda: False) -> float:
        """Film on until the take is this long; return its length.

        It is longer only for a dialog that is still open, or is to come and opens within COMES_WITHIN_S.
        """
        was_extended = self.wait_until(seconds)
        if is_dialog_to_come():
            deadline = self.elapsed + COMES_WITHIN_S
            while is_dialog_to_come() and self.elapsed < deadline:
                self.film_on(LOOK_MS / 1000)
            was_extended = was_extended or not is_dialog_to_come()
        self._seconds = max(seconds, self.elapsed) if was_extended else seconds
        self._page.wait_for_timeout(IN_FLIGHT_MS)
        return self._seconds

    def close(self) -> None:
        """Write the take. One that was not held ends now."""
        self._write_until(math.inf)
        self._writer.close(self.elapsed if self._seconds is None else self._seconds)

    def give_up(self) -> None:
        """Close the file of a take that nobody wants; what ended it is the news."""
        with contextlib.suppress(MediaError):  # it holds no frame yet
            self.close()


def settle(page: Page) -> None:
    """Wait until what the page has drawn so far is on screen, and its frames are here."""
    page.evaluate(SETTLED)
    page.wait_for_timeout(IN_FLIGHT_MS)
