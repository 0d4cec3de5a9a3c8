"""The recorded browser: its tabs, the page in front, its dialogs and file choosers, and its evidence.

Nothing here knows what a step is.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from dispatcher.tour.browser.capture import FIRST_FRAME_S, POLL_MS, TakeRecorder, settle
from dispatcher.tour.browser.chromium import find_browser, launch
from dispatcher.tour.browser.context import BrowserContextOptions, context_options
from dispatcher.tour.browser.dialog_box import DialogBox, PagePatch, take_patch
from dispatcher.tour.browser.dialogs import COMES_WITHIN_S, DialogAnswers, FileChoosers, reply
from dispatcher.tour.browser.evidence import Secrets, first_line, keep_evidence
from dispatcher.tour.browser.navigation import DOCUMENT, settle_navigation
from dispatcher.tour.browser.page_load import describe_unfinished, wait_until_painted
from dispatcher.tour.browser.painting import PaintTracker
from dispatcher.tour.browser.pointer import Pointer
from dispatcher.tour.browser.tabs import Tabs, close_page
from dispatcher.tour.browser.watchdog import Watchdog
from dispatcher.tour.spec.action_models import DialogAction
from dispatcher.tour.spec.model import Spec
from protocol.errors import EnvironmentNotReady, StepFailed

TAB_S = 30.0
"""How long a new tab may take to show something, by default."""


class BrowserRecorder:
    """One browser context and the page that is recorded. All console messages are collected in `console`.

    `size` is the page's, in CSS pixels. Its frames are `scale` times as large, and equally sharp if the browser was
    launched with the same scale.
    """

    def __init__(
        self, browser: Browser, size: tuple[int, int], options: BrowserContextOptions | None = None, *, scale: int = 1
    ) -> None:
        options = options or BrowserContextOptions()
        self.size = size
        self.console: list[str] = []
        self.warnings: list[str] = []  # of the current step
        self.place = ""  # the current step and action, as warnings name them
        self._unfinished: set[float] = set()  # documents that never finish loading, and have a warning
        self.tab_s = TAB_S
        self.take_recorder: TakeRecorder | None = None
        self.on_tick: Callable[[], None] = lambda: None  # called every few seconds, also during a wait
        self._frame_size = (size[0] * scale, size[1] * scale)
        self._shape: Any = {"viewport": {"width": size[0], "height": size[1]}, "device_scale_factor": scale}
        self._browser = browser
        self._secrets = Secrets(options.secrets, options.pairs)
        self._application_page: Page | None = None  # the application's page, while another one is recorded
        self.context = _new_context(browser, self._shape, options)
        self.pointer = Pointer(self.context, (size[0] * 0.62, size[1] * 0.7))
        self._paint_tracker = PaintTracker(self.context)
        # Without screenshots: the first client of a screencast sets the frame size for all. Without snapshots: they
        # are taken before and after every key, and made typing in a large page four times slower.
        self.context.tracing.start(screenshots=False, snapshots=False)
        self.context.tracing.start_chunk()
        self.answers = DialogAnswers(self.warn)
        self.choosers = FileChoosers(self.warn)
        self._box = DialogBox(browser, self._shape, options.arguments.get("locale"))
        self._patch: PagePatch | None = None
        self.open_list: object = None  # the drawn drop-down list, an OpenList of select_list
        self._has_dialog = False  # a dialog is open, and its page is frozen
        self._stopped_script = ""  # the error for a script that had to be stopped
        self.page = self.context.new_page()  # before the watchdog, which checks it from its first tick on
        self._watchdog = Watchdog(
            browser,
            lambda: None if self._has_dialog else self.page,
            lambda: self.tab_s,
            self._stop,
            on_tick=self._tick,
        )
        self.tabs = Tabs(self._listen)
        self.tabs.begin(self.page)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(PlaywrightError):  # Ctrl-C in a terminal also ends the browser, often first
            self.turn_back()
            self._watchdog.close()
            self._box.close()
            self.context.close()

    def warn(self, text: str) -> None:
        """Add a warning with the current place; the same warning is added only once."""
        warning = self._secrets.removed_from(f"{self.place}: {text}" if self.place else text)
        if warning not in self.warnings:
            self.warnings.append(warning)

    def _tick(self) -> None:
        self.on_tick()

    def _stop(self, seconds: float) -> None:
        self._stopped_script = f"a script of the page ran for {seconds:.0f} s without returning, and was stopped"

    def check_scripts(self) -> None:
        """Raise StepFailed if a script of the page had to be stopped."""
        if self._stopped_script:
            stopped, self._stopped_script = self._stopped_script, ""
            fix = "look for an endless loop in the page, or raise settings.default_step_timeout"
            raise StepFailed(f"{stopped}; {fix}")

    def wait_for_dialogs(self) -> None:
        """Wait for announced dialogs that have not opened yet, for at most COMES_WITHIN_S."""
        deadline = time.monotonic() + COMES_WITHIN_S
        while self.answers.is_expecting and time.monotonic() < deadline:
            self.page.wait_for_timeout(POLL_MS)

    def check_loaded(self) -> None:
        """Warn of a page that never finishes loading, once for each page."""
        with contextlib.suppress(PlaywrightError):  # it is navigating to another page
            document = self.page.evaluate(DOCUMENT)
            if document not in self._unfinished and (text := describe_unfinished(self.page)) is not None:
                self._unfinished.add(document)
                self.warn(text)

    def begin_attempt(self, place: str, *, again: bool) -> None:
        """Forget expected dialogs and warnings of the attempt before."""
        self.place = place
        self.warnings.clear()
        self.answers.forget()
        if again:
            self._unfinished.clear()
            self.open_list = None

    def fresh_page(self) -> None:
        """Continue with a new page; close the old ones."""
        old, self.open_list = self.tabs.all, None
        self.page = self.tabs.begin(self.context.new_page())
        for page in old:
            close_page(self._browser, page)

    def first_tab(self) -> None:
        """Return to the application's first page; close the tabs that were opened since."""
        first, *others = self.tabs.all or [self.page]
        self.tabs.begin(first)
        for page in others:
            close_page(self._browser, page)
        if first is not self.page:
            self._show(first)

    def follow(self) -> None:
        """Record the tab that is in front now: a new one, or, after it has closed, the one that opened it."""
        while self._application_page is None and (front := self.tabs.front) is not None and front is not self.page:
            with contextlib.suppress(PlaywrightError):  # it closed at once, as a tab that only starts a download does
                front.set_viewport_size(self._shape["viewport"])
                wait_until_painted(front, self.tab_s)
            if front is self.tabs.front:
                self._show(front)

    def _show(self, page: Page) -> None:
        self.page = page
        page.bring_to_front()
        self.pointer.jump_to(page, *self.pointer.at)
        settle(page)
        if self.take_recorder is not None:
            self.take_recorder.turn_to(page)

    def turn_aside(self) -> None:
        """Record another page, without pointer, in its own context; the application's page stays as it is."""
        if self._application_page is None:
            self._application_page, self.page = self.page, self._browser.new_context(**self._shape).new_page()
            self.page.on("console", self._on_console)

    def turn_back(self) -> None:
        """Record the application's page again, as it was left."""
        if self._application_page is not None:
            self.page.context.close()
            self.page, self._application_page = self._application_page, None

    def new_chapter(self) -> None:
        """Discard console messages and trace so far."""
        self.console.clear()
        self.context.tracing.stop_chunk()
        self.context.tracing.start_chunk()

    @contextlib.contextmanager
    def take(self, path: Path) -> Iterator[TakeRecorder]:
        """Record the page to `path` until the block ends. If the block raises, there is no file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._box.prepare()
        settle_navigation(self.page, FIRST_FRAME_S, lambda: settle(self.page))
        with contextlib.ExitStack() as on_error:
            on_error.callback(path.unlink, missing_ok=True)
            take_recorder = TakeRecorder(
                self.page, path, self._frame_size, self._paint_tracker, on_poll=self.follow, on_frame=self.pointer.see
            )
            on_error.callback(take_recorder.give_up)
            with take_recorder.casting():
                take_recorder.begin()
                with self._recorded_by(take_recorder):
                    yield take_recorder
            take_recorder.close()
            on_error.pop_all()

    @contextlib.contextmanager
    def _recorded_by(self, take_recorder: TakeRecorder) -> Iterator[None]:
        self.take_recorder, self.pointer.is_recorded = take_recorder, True
        try:
            yield
        finally:
            self.take_recorder, self.pointer.is_recorded = None, False

    def keep_evidence(self, folder: Path) -> None:
        """Write the evidence of a failed step to a folder: screenshot.png, console.log and trace.zip."""
        keep_evidence(folder, self.page, self.console, self._secrets)

    def _listen(self, page: Page) -> None:
        """Listen to the console, errors, dialogs and file choosers of a page of the application."""
        self._watchdog.watch(page)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.console.append(f"[error] {error}"))
        page.on("crash", lambda _page: self.console.append("[recorder] the page crashed"))
        page.on("dialog", self._on_dialog)
        page.on("filechooser", self.choosers.on_chooser)

    def _on_console(self, message: ConsoleMessage) -> None:
        self.console.append(f"[{message.type}] {message.text}")

    def _on_dialog(self, dialog: Dialog) -> None:
        """Answer a dialog as the spec says, and show it; one that asks whether to leave the page is accepted."""
        if dialog.type == "beforeunload":
            dialog.accept()
            return
        answer = self.answers.take(dialog)
        is_accepted = answer is not None and answer.answer == "accept"
        outcome = "accepted" if is_accepted else "dismissed"
        self.console.append(f"[recorder] {outcome} a dialog ({dialog.type}): {dialog.message}")
        self._has_dialog = True
        try:
            with self._drawn(dialog, answer):
                reply(dialog, answer)
                self._has_dialog = False
        finally:
            self._has_dialog = False

    @contextlib.contextmanager
    def _drawn(self, dialog: Dialog, answer: DialogAction | None) -> Iterator[None]:
        """Show a dialog and how it is answered; the block answers it, and then its page is recorded again."""
        take_recorder, page = self.take_recorder, self.page
        if take_recorder is None or dialog.page is not page:
            yield
            return
        take_recorder.busy = True
        try:
            moves = self._draw(take_recorder, dialog, answer)
            yield
            if moves:
                self.pointer.jump_to(page, *self._box.pointer.at)
            take_recorder.turn_to(page)
        finally:
            take_recorder.busy = False

    def _draw(self, take_recorder: TakeRecorder, dialog: Dialog, answer: DialogAction | None) -> bool:
        """Show a dialog and how it is answered; say whether the pointer moved to its button."""
        box, patch = self._box, self._patch
        if patch is not None and not patch.covers(self.pointer.at):
            patch = None
        try:
            box.draw(dialog, take_recorder.last_frame, patch)
            take_recorder.turn_to(box.page)
            box.answer(answer, dialog, moves=patch is not None and answer is not None)
        except PlaywrightError as error:
            self.warn(f"the dialog could not be drawn: {first_line(error)}")
            return False
        return patch is not None and answer is not None

    def capture_below_pointer(self) -> None:
        """If a dialog is expected, remember what is below the pointer, so that it can move over the dialog."""
        self._patch = None
        if self.take_recorder is not None and self.answers.is_expecting:
            with self.take_recorder.muted():
                self._patch = take_patch(self.page, self.pointer, self.size)


def _new_context(browser: Browser, shape: Any, options: BrowserContextOptions) -> BrowserContext:
    try:
        return browser.new_context(**{**shape, **options.arguments})
    except PlaywrightError as error:
        reason = Secrets(options.secrets, options.pairs).removed_from(first_line(error))
        raise EnvironmentNotReady(f"the browser refuses settings.browser_context ({reason}); correct it") from error


@contextlib.contextmanager
def open_recorder(spec: Spec, browser: Path | None, *, root: bool) -> Iterator[BrowserRecorder]:
    """Run a browser for a tour until the block ends."""
    path = browser or find_browser()
    with sync_playwright() as playwright:
        scale = spec.settings.scale
        chromium = launch(playwright, path, root=root, scale=scale)
        try:
            options = context_options(spec, version=chromium.version)
            with BrowserRecorder(chromium, spec.settings.viewport, options, scale=scale) as recorder:
                yield recorder
        finally:
            with contextlib.suppress(PlaywrightError):  # Ctrl-C may have closed the connection already
                chromium.close()
