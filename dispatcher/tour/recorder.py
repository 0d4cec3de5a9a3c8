"""The browser that is recorded: its tabs, the page in front, its dialogs and file choosers, and what it leaves behind.

Nothing here knows what a step is.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page
from playwright.sync_api import Error as PlaywrightError

from dispatcher.tour.browser_context import BrowserContextOptions
from dispatcher.tour.capture import FIRST_FRAME_S, LOOK_MS, Filming, settle
from dispatcher.tour.choosers import FileChoosers
from dispatcher.tour.cursor import Cursor
from dispatcher.tour.dialogs import COMES_WITHIN_S, Answers, DialogBox, Patch, reply, take_patch
from dispatcher.tour.evidence import clean_trace
from dispatcher.tour.leaving import DOCUMENT, where_it_stays
from dispatcher.tour.page_action_parts import DialogAction
from dispatcher.tour.page_load import unfinished, wait_until_painted
from dispatcher.tour.painting import Painting
from dispatcher.tour.secrets import Secrets
from dispatcher.tour.tabs import Tabs
from dispatcher.tour.watchdog import Watchdog
from protocol.errors import EnvironmentNotReady, StepFailed
from usertext.redaction import without_secrets

CLOSE_MS = 2000
TAB_S = 30.0
"""How long a new tab may take to show something, where nobody says."""


class Recorder:
    """One browser context and the page that is recorded. Everything the page says is kept in `console`.

    `size` is the page's, in CSS pixels. Its pictures are `scale` times as large, and as sharp as they are large if the
    browser was launched with the same scale.
    """

    def __init__(
        self, browser: Browser, size: tuple[int, int], options: BrowserContextOptions | None = None, *, scale: int = 1
    ) -> None:
        options = options or BrowserContextOptions()
        self.size = size
        self.console: list[str] = []
        self.warnings: list[str] = []  # of the step that is recorded
        self.place = ""  # the step and the action that are under way, as a warning names them
        self._unfinished: set[float] = set()  # documents that never finish loading, and are warned of
        self.tab_s = TAB_S
        self.filming: Filming | None = None
        self.on_tick: Callable[[], None] = lambda: None  # called every few seconds, also during a wait
        self._picture = (size[0] * scale, size[1] * scale)
        self._shape: Any = {"viewport": {"width": size[0], "height": size[1]}, "device_scale_factor": scale}
        self._browser = browser
        self._secrets = Secrets(options.secrets, options.pairs)
        self._waiting: Page | None = None  # the application's page, while another is filmed
        self.context = _new_context(browser, self._shape, options)
        self.cursor = Cursor(self.context, (size[0] * 0.62, size[1] * 0.7))
        self._painting = Painting(self.context)
        # Without its own pictures: the first client of a screencast decides the size for all. Without snapshots:
        # they are taken before and after every key, and made typing in a large page four times slower.
        self.context.tracing.start(screenshots=False, snapshots=False)
        self.context.tracing.start_chunk()
        self.answers = Answers(self.warn)
        self.choosers = FileChoosers(self.warn)
        self._box = DialogBox(browser, self._shape, options.arguments.get("locale"))
        self._patch: Patch | None = None
        self.open_list: object = None  # the drop-down list that is drawn: select_list knows what it is
        self._asks = False  # a dialog is open, and its page stands still
        self._stopped = ""  # what is to be said of a script that had to be stopped
        self.page = self.context.new_page()  # before the watchdog, which looks at it from its first tick on
        self._watchdog = Watchdog(
            browser,
            lambda: None if self._asks else self.page,
            lambda: self.tab_s,
            self._stop,
            on_tick=self._tick,
        )
        self.tabs = Tabs(self._listen)
        self.tabs.begin(self.page)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(PlaywrightError):  # Ctrl-C in a terminal ends the browser too, often first
            self.turn_back()
            self._watchdog.close()
            self._box.close()
            self.context.close()

    def warn(self, text: str) -> None:
        """Keep what must not be missed, with the place where it came up; each is kept once."""
        warning = self._secrets.removed_from(f"{self.place}: {text}" if self.place else text)
        if warning not in self.warnings:
            self.warnings.append(warning)

    def _tick(self) -> None:
        self.on_tick()

    def _stop(self, seconds: float) -> None:
        self._stopped = f"a script of the page ran for {seconds:.0f} s without returning, and was stopped"

    def check_answers(self) -> None:
        """Raise StepFailed if a script of the page had to be stopped."""
        if self._stopped:
            told, self._stopped = self._stopped, ""
            fix = "look for an endless loop in the page, or raise settings.default_step_timeout"
            raise StepFailed(f"{told}; {fix}")

    def wait_for_dialogs(self) -> None:
        """Wait, for at most COMES_WITHIN_S, until no dialog that an action announced is still to come."""
        deadline = time.monotonic() + COMES_WITHIN_S
        while self.answers.is_expecting and time.monotonic() < deadline:
            self.page.wait_for_timeout(LOOK_MS)

    def check_loaded(self) -> None:
        """Warn of a page that never finishes loading, once for each."""
        with contextlib.suppress(PlaywrightError):  # it goes to another page just now
            document = self.page.evaluate(DOCUMENT)
            if document not in self._unfinished and (told := unfinished(self.page)) is not None:
                self._unfinished.add(document)
                self.warn(told)

    def begin_attempt(self, place: str, *, again: bool) -> None:
        """Forget what was expected and warned of."""
        self.place = place
        self.warnings.clear()
        self.answers.forget()
        if again:
            self._unfinished.clear()
            self.open_list = None

    def fresh_page(self) -> None:
        """Go on with a new page; the old ones are gone, with all they held."""
        old, self.open_list = self.tabs.all, None
        self.page = self.tabs.begin(self.context.new_page())
        for page in old:
            _close(self._browser, page)

    def first_tab(self) -> None:
        """Return to the application's first page; the tabs that were opened since are closed."""
        first, *others = self.tabs.all or [self.page]
        self.tabs.begin(first)
        for page in others:
            _close(self._browser, page)
        if first is not self.page:
            self._show(first)

    def follow(self) -> None:
        """Record the tab that is in front now: one just opened, or after it has closed the one that opened it."""
        while self._waiting is None and (front := self.tabs.front) is not None and front is not self.page:
            with contextlib.suppress(PlaywrightError):  # it closes at once, as one that only starts a download does
                front.set_viewport_size(self._shape["viewport"])
                wait_until_painted(front, self.tab_s)
            if front is self.tabs.front:
                self._show(front)

    def _show(self, page: Page) -> None:
        self.page = page
        page.bring_to_front()
        self.cursor.jump_to(page, *self.cursor.at)
        settle(page)
        if self.filming is not None:
            self.filming.turn_to(page)

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
        self._box.prepare()
        where_it_stays(self.page, FIRST_FRAME_S, lambda: settle(self.page))
        with contextlib.ExitStack() as broken_off:
            broken_off.callback(path.unlink, missing_ok=True)
            filming = Filming(
                self.page, path, self._picture, self._painting, on_look=self.follow, on_frame=self.cursor.see
            )
            broken_off.callback(filming.give_up)
            with filming.casting():
                filming.begin()
                with self._filmed_by(filming):
                    yield filming
            filming.close()
            broken_off.pop_all()

    @contextlib.contextmanager
    def _filmed_by(self, filming: Filming) -> Iterator[None]:
        self.filming, self.cursor.is_filmed = filming, True
        try:
            yield
        finally:
            self.filming, self.cursor.is_filmed = None, False

    def keep_evidence(self, folder: Path) -> None:
        """Write what shows why a step failed, as far as it can be had: screenshot.png, console.log, trace.zip.

        Passwords, headers that open something and typed text are in none of them but the picture.
        """
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self.page.screenshot(path=folder / "screenshot.png", timeout=5000)
        except PlaywrightError as error:
            self.console.append(f"[recorder] no screenshot: {_first_line(error)}")
        try:
            self.context.tracing.stop_chunk(path=folder / "trace.zip")
            clean_trace(folder / "trace.zip")
            self._secrets.remove_from_zip(folder / "trace.zip")
            self.context.tracing.start_chunk()
        except PlaywrightError as error:
            self.console.append(f"[recorder] no trace: {_first_line(error)}")
        text = self._secrets.removed_from("".join(f"{line}\n" for line in self.console))
        (folder / "console.log").write_text(without_secrets(text), encoding="utf-8")

    def _listen(self, page: Page) -> None:
        """Hear what a page of the application says and asks."""
        self._watchdog.watch(page)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.console.append(f"[error] {error}"))
        page.on("crash", lambda _page: self.console.append("[recorder] the page crashed"))
        page.on("dialog", self._on_dialog)
        page.on("filechooser", self.choosers.on_chooser)

    def _on_console(self, message: ConsoleMessage) -> None:
        self.console.append(f"[{message.type}] {message.text}")

    def _on_dialog(self, dialog: Dialog) -> None:
        """Answer a dialog as the spec says, and show it; but a page that asks whether it may be left, may be left."""
        if dialog.type == "beforeunload":
            dialog.accept()
            return
        answer = self.answers.take(dialog)
        is_accepted = answer is not None and answer.answer == "accept"
        answered = "accepted" if is_accepted else "dismissed"
        self.console.append(f"[recorder] {answered} a dialog ({dialog.type}): {dialog.message}")
        self._asks = True
        try:
            with self._drawn(dialog, answer):
                reply(dialog, answer)
                self._asks = False
        finally:
            self._asks = False

    @contextlib.contextmanager
    def _drawn(self, dialog: Dialog, answer: DialogAction | None) -> Iterator[None]:
        """Show a dialog and how it is answered; answer it in the block, and record its page again."""
        filming, page = self.filming, self.page
        if filming is None or dialog.page is not page:
            yield
            return
        filming.busy = True
        try:
            moves = self._draw(filming, dialog, answer)
            yield
            if moves:
                self.cursor.jump_to(page, *self._box.cursor.at)
            filming.turn_to(page)
        finally:
            filming.busy = False

    def _draw(self, filming: Filming, dialog: Dialog, answer: DialogAction | None) -> bool:
        """Show a dialog and how it is answered; say whether the arrow moved to its button."""
        box, patch = self._box, self._patch
        if patch is not None and not patch.covers(self.cursor.at):
            patch = None
        try:
            box.draw(dialog, filming.picture, patch)
            filming.turn_to(box.page)
            box.answer(answer, dialog, moves=patch is not None and answer is not None)
        except PlaywrightError as error:
            self.warn(f"the dialog could not be drawn: {_first_line(error)}")
            return False
        return patch is not None and answer is not None

    def look_below(self) -> None:
        """Where a dialog is expected, keep what is below the arrow, so that the arrow can move on over the dialog."""
        self._patch = None
        if self.filming is not None and self.answers.is_expecting:
            with self.filming.muted():
                self._patch = take_patch(self.page, self.cursor, self.size)


def _new_context(browser: Browser, shape: Any, options: BrowserContextOptions) -> BrowserContext:
    try:
        return browser.new_context(**{**shape, **options.arguments})
    except PlaywrightError as error:
        why = Secrets(options.secrets, options.pairs).removed_from(_first_line(error))
        raise EnvironmentNotReady(f"the browser refuses settings.browser_context ({why}); correct it") from error


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
