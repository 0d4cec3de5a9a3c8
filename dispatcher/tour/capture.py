"""From a page to takes: the browser's own frames, with their own times, from one moment to another.

Chromium's screencast sends a JPEG whenever the page has changed, stamped with the wall clock (milliseconds) of the
moment it was shown, and one at once when it starts. Frames arrive only while a Playwright call runs, so every wait is
`page.wait_for_timeout`. Nothing here knows what a step is.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page
from playwright.sync_api import Error as PlaywrightError

from dispatcher.tour.cursor import Cursor
from dispatcher.tour.evidence import clean_trace
from dispatcher.tour.leaving import has_left, where_it_stays
from dispatcher.tour.painting import Painting
from media.frames import TakeWriter
from protocol.errors import MediaError
from protocol.redaction import without_secrets

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
CLOSE_MS = 2000
OWN_FRAMES_S = 0.15
"""For so long after it was asked to draw again a page draws because of that."""


class Filming:
    """A take while it is filmed. Its time 0 is a moment at which everything drawn before has arrived."""

    def __init__(self, page: Page, path: Path, size: tuple[int, int], painting: Painting) -> None:
        self._page = page
        self._painting = painting
        self._kept_back: deque[tuple[float, bytes]] = deque()
        self._writer = TakeWriter(path, size)
        self._waiting: list[tuple[float, bytes]] = []  # frames from before time 0; the last is the first picture
        self._started = time.time()
        self._zero: float | None = None
        self._zero_monotonic = 0.0
        self._seconds: float | None = None
        self._shown = self._redrawn = 0.0  # when the last frame was shown, and when one was last asked for

    @property
    def elapsed(self) -> float:
        """Return the seconds since the take's time 0."""
        return time.monotonic() - self._zero_monotonic

    def take_frame(self, frame: Any) -> None:
        """Take a frame of the screencast."""
        shown = frame["timestamp"] / 1000
        self._shown = max(shown, self._shown)
        if self._zero is None:
            if shown >= self._started:  # an older one comes from the take before
                self._waiting.append((shown, frame["data"]))
        elif self._seconds is None or shown - self._zero < self._seconds:
            self._kept_back.append((shown, frame["data"]))
            self._write_until(time.time() - KEPT_BACK_S)

    def _write_until(self, moment: float) -> None:
        """Write what was shown until then, without the frames of a page that had not painted yet."""
        while self._kept_back and self._kept_back[0][0] <= moment:
            painted = self._painting.shows(self._page, self._kept_back[0][0])
            if painted is None and moment < math.inf:
                return
            shown, data = self._kept_back.popleft()
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

    def wait_until(self, seconds: float) -> None:
        """Film on until the take is this long."""
        while (left := seconds - self.elapsed) > 0:
            self._page.wait_for_timeout(min(left * 1000 + 1, LOOK_MS))
            if self._shown < self._redrawn or self._shown > self._redrawn + OWN_FRAMES_S:
                self.see_again()

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

    def hold(self, seconds: float) -> None:
        """Film on until the take is this long, and end it there."""
        self.wait_until(seconds)
        self._seconds = seconds
        self._page.wait_for_timeout(IN_FLIGHT_MS)

    def close(self) -> None:
        """Write the take. One that was not held ends now."""
        self._write_until(math.inf)
        self._writer.close(self.elapsed if self._seconds is None else self._seconds)

    def give_up(self) -> None:
        """Close the file of a take that nobody wants; what ended it is the news."""
        with contextlib.suppress(MediaError):  # it holds no frame yet
            self.close()


class Recorder:
    """One browser context and the page that is filmed. Everything the page says is kept in `console`.

    `size` is the page's, in CSS pixels. Its pictures are `scale` times as large, and as sharp as they are large if the
    browser was launched with the same scale.
    """

    def __init__(self, browser: Browser, size: tuple[int, int], *, scale: int = 1) -> None:
        self.size = size
        self.console: list[str] = []
        self._picture = (size[0] * scale, size[1] * scale)
        self._shape: Any = {"viewport": {"width": size[0], "height": size[1]}, "device_scale_factor": scale}
        self._browser = browser
        self._waiting: Page | None = None  # the application's page, while another is filmed
        self.context = browser.new_context(**self._shape)
        self.cursor = Cursor(self.context, (size[0] * 0.62, size[1] * 0.7))
        self._painting = Painting(self.context)
        # Without its own pictures: the first client of a screencast decides the size for all. Without snapshots:
        # they are taken before and after every key, and made typing in a large page four times slower.
        self.context.tracing.start(screenshots=False, snapshots=False)
        self.context.tracing.start_chunk()
        self.page = self._new_page()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(PlaywrightError):  # Ctrl-C in a terminal ends the browser too, often first
            self.turn_back()
            self.context.close()

    def fresh_page(self) -> None:
        """Go on with a new page; the old one is gone, with all it held."""
        old, self.page = self.page, self._new_page()
        _close(self._browser, old)

    def turn_aside(self) -> None:
        """Film a page of our own, without arrow; the application's page stays as it is. Does nothing there."""
        if self._waiting is None:
            self._waiting, self.page = self.page, self._browser.new_context(**self._shape).new_page()
            self.page.on("console", self._on_console)

    def turn_back(self) -> None:
        """Film the application's page again, as it was left."""
        if self._waiting is not None:
            self.page.context.close()
            self.page, self._waiting = self._waiting, None

    def new_chapter(self) -> None:
        """Forget console and trace of what came before."""
        self.console.clear()
        self.context.tracing.stop_chunk()
        self.context.tracing.start_chunk()

    @contextlib.contextmanager
    def take(self, path: Path) -> Iterator[Filming]:
        """Film the page into `path` from now until the block ends. A block that raises leaves no file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        where_it_stays(self.page, FIRST_FRAME_S, lambda: settle(self.page))
        with contextlib.ExitStack() as broken_off:
            broken_off.callback(path.unlink, missing_ok=True)
            filming = Filming(self.page, path, self._picture, self._painting)
            broken_off.callback(filming.give_up)
            with _screencast(self.page, filming, self.cursor, self._picture):
                filming.begin()
                yield filming
            filming.close()
            broken_off.pop_all()

    def keep_evidence(self, folder: Path) -> None:
        """Write what shows why a step failed, as far as it can be had: screenshot.png, console.log, trace.zip.

        Passwords of addresses, headers that open something and typed text are in none of them but the picture.
        """
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self.page.screenshot(path=folder / "screenshot.png", timeout=5000)
        except PlaywrightError as error:
            self.console.append(f"[recorder] no screenshot: {_first_line(error)}")
        try:
            self.context.tracing.stop_chunk(path=folder / "trace.zip")
            clean_trace(folder / "trace.zip")
            self.context.tracing.start_chunk()
        except PlaywrightError as error:
            self.console.append(f"[recorder] no trace: {_first_line(error)}")
        lines = "".join(f"{line}\n" for line in self.console)
        (folder / "console.log").write_text(without_secrets(lines), encoding="utf-8")

    def _new_page(self) -> Page:
        page = self.context.new_page()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.console.append(f"[error] {error}"))
        page.on("crash", lambda _page: self.console.append("[recorder] the page crashed"))
        page.on("dialog", self._on_dialog)
        page.on("popup", lambda popup: self.console.append(f"[recorder] a new tab is not filmed: {popup.url}"))
        return page

    def _on_console(self, message: ConsoleMessage) -> None:
        self.console.append(f"[{message.type}] {message.text}")

    def _on_dialog(self, dialog: Dialog) -> None:
        """Dismiss alerts and questions; but a page that asks whether it may be left, may be left."""
        self.console.append(f"[recorder] dismissed a {dialog.type} dialog: {dialog.message}")
        if dialog.type == "beforeunload":
            dialog.accept()
        else:
            dialog.dismiss()


@contextlib.contextmanager
def _screencast(page: Page, filming: Filming, cursor: Cursor, size: tuple[int, int]) -> Iterator[None]:
    """Have the browser send its frames until the block ends."""
    wanted: Any = {"width": size[0], "height": size[1]}

    def take(frame: Any) -> None:
        filming.take_frame(frame)
        cursor.see()

    page.screencast.start(on_frame=take, size=wanted, quality=QUALITY)
    cursor.is_filmed = True
    try:
        yield
    finally:
        cursor.is_filmed = False
        with contextlib.suppress(PlaywrightError):  # the page has crashed: there is nothing to stop
            page.screencast.stop()


def settle(page: Page) -> None:
    """Wait until what the page has drawn so far is on screen, and its frames are here."""
    page.evaluate(SETTLED)
    page.wait_for_timeout(IN_FLIGHT_MS)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _close(browser: Browser, page: Page) -> None:
    """Have a page closed, and wait for none of it: its scripts are switched off, and its target is closed.

    One that has crashed or is in a loop without end never answers, and one that sends its visitor to and fro is not
    always told to be gone; what is left of either goes with its context.
    """
    with contextlib.suppress(PlaywrightError):
        session = page.context.new_cdp_session(page)
        target = session.send("Target.getTargetInfo", timeout=CLOSE_MS)["targetInfo"]["targetId"]
        with contextlib.suppress(PlaywrightError):
            session.send("Emulation.setScriptExecutionDisabled", {"value": True}, timeout=CLOSE_MS)
        closer = browser.new_browser_cdp_session()
        closer.send("Target.closeTarget", {"targetId": target}, timeout=CLOSE_MS)
        closer.detach()
