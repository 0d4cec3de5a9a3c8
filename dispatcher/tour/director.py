"""From steps to takes: opens pages off camera, films each step as long as its narration, films failed ones again.

Independent: every step opens its address in a page of its own. Continuous: the steps share one page, which goes to
another address only where a step names one. Slides have a page of their own: the application's stays as it was left.
A step that fails is filmed again, but a continuous step only while it
has done nothing to the page yet: a button pressed twice would be another film.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

from dispatcher.assembly.timeline import Focus
from dispatcher.tour.actions import CHANGING, WAITING, explained, perform
from dispatcher.tour.assertions import check
from dispatcher.tour.attention import KEYBOARD, attention
from dispatcher.tour.browser import find_browser, launch
from dispatcher.tour.capture import Filming, Recorder
from dispatcher.tour.editors import clear_highlight
from dispatcher.tour.page_load import open_page
from dispatcher.tour.report import Checked
from dispatcher.tour.scrolling import scroll
from dispatcher.tour.slides.show import SlideProjector
from dispatcher.tour.spec import Spec
from dispatcher.tour.stage import Stage
from dispatcher.tour.steps import TAIL_S, Step
from protocol.errors import MediaError, StepFailed

OnStep = Callable[[int, str], None]


@dataclass(frozen=True, kw_only=True)
class Take:
    """A filmed step: `seconds` long, of which its actions and assertions took `actions_seconds`."""

    step_id: str
    path: Path
    seconds: float
    actions_seconds: float
    retries: int
    assertions: tuple[Checked, ...]
    focus: tuple[Focus, ...] = ()  # where it was busy
    opens_on: str = ""  # the address of its page, when it began and when it ended
    ends_on: str = ""


def direct(
    spec: Spec,
    narration_seconds: Mapping[str, float],
    *,
    work_dir: Path,
    browser: Path | None = None,
    root: bool = False,
    on_step: OnStep | None = None,
) -> list[Take]:
    """Film every step, each max(narration, actions or slides) + 0.5 s long, and return the takes in the spec's order.

    `on_step(done, step_id)` is called before each step, and with "done" after the last. Raises StepFailed for a step
    that cannot be filmed, with what shows why in work_dir/failures/<step>/, and EnvironmentNotReady where there is no
    browser.
    """
    path = browser or find_browser()
    with sync_playwright() as playwright:
        scale = spec.settings.scale
        chromium = launch(playwright, path, root=root, scale=scale)
        try:
            with Recorder(chromium, spec.settings.viewport, scale=scale) as recorder:
                return _Director(spec, recorder, work_dir).film(narration_seconds, on_step)
        finally:
            with contextlib.suppress(PlaywrightError):  # Ctrl-C may have cut the connection to it already
                chromium.close()


class _Director:
    """Films one spec with one recorder."""

    def __init__(self, spec: Spec, recorder: Recorder, work_dir: Path) -> None:
        self._spec = spec
        self._recorder = recorder
        self._work_dir = work_dir
        self._slides = SlideProjector(spec, work_dir / "slides")
        self._opened = ("", "")  # the address that was asked for last, and where that led
        self._touched = False  # this attempt has done something to its page on camera
        self._navigated = False  # this step has opened its address
        self._filming: Filming | None = None
        self._typed: list[tuple[float, float]] = []  # when keys were pressed in this attempt

    def film(self, narration_seconds: Mapping[str, float], on_step: OnStep | None) -> list[Take]:
        takes = []
        for done, step in enumerate(self._spec.steps):
            if on_step is not None:
                on_step(done, step.id)
            takes.append(self._film_step(step, narration_seconds.get(step.id, 0.0)))
        if on_step is not None:
            on_step(len(takes), "done")
        return takes

    def _film_step(self, step: Step, narration_s: float) -> Take:
        """Film a step, again after a failure as often as the spec allows."""
        self._navigated = False
        retries = 0
        while True:
            try:
                return self._attempt(step, narration_s, retries)
            except StepFailed as error:
                if retries >= self._spec.settings.max_retries_per_step or not self._may_repeat(error):
                    raise self._kept(error, step, retries) from error
                retries += 1

    def _attempt(self, step: Step, narration_s: float, retries: int) -> Take:
        self._touched = False  # neither what an earlier step did nor what opening the page takes counts
        self._filming = None
        try:
            if retries == 0:
                self._recorder.new_chapter()
            ahead = self._open(step)
            clear_highlight(self._recorder.page)
            return self._film(step, ahead, narration_s, retries)
        except (MediaError, PlaywrightError) as error:
            raise StepFailed(f"step {step.id!r}: {_what(error, self._stage())}", step=step.id) from error

    def _film(self, step: Step, ahead: int, narration_s: float, retries: int) -> Take:
        """Film what is left of a step on its page."""
        self._recorder.cursor.moves.clear()
        self._typed.clear()
        path, opens_on = self._work_dir / "takes" / f"{step.id}.mkv", self._recorder.page.url
        with self._recorder.take(path) as filming:
            self._filming = filming
            if step.show is not None:
                self._slides.play(self._recorder.page, filming, step, narration_s)
            checked = self._play(step, step.actions[ahead:], ahead)
            actions_s = filming.elapsed
            seconds = max(max(narration_s, actions_s) + TAIL_S, step.least_s)
            filming.hold(seconds)
            focus = self._focus(time.monotonic() - filming.elapsed)
        return Take(
            step_id=step.id,
            path=path,
            seconds=seconds,
            actions_seconds=actions_s,
            retries=retries,
            assertions=tuple(checked),
            focus=focus,
            opens_on=opens_on,
            ends_on=self._recorder.page.url,
        )

    def _open(self, step: Step) -> int:
        """Have the step's page there, off camera. Return how many leading waits were part of that."""
        if step.show is not None:
            self._open_slides(step)
            return 0
        self._recorder.turn_back()
        url = self._spec.resolve_url(step)
        if url is None or not self._must_open(url):
            return 0
        if self._spec.settings.mode == "independent" and self._opened[0]:
            self._recorder.fresh_page()
        try:
            self._open_address(step, url)
            return self._wait_ahead(step)
        finally:
            self._opened, self._navigated = (url, self._recorder.page.url), True

    def _open_address(self, step: Step, url: str) -> None:
        settings = self._spec.settings
        try:
            open_page(self._recorder.page, url, settings.default_step_timeout, settings.preloader_selector)
        except StepFailed as error:
            raise StepFailed(f"step {step.id!r}: {error}", step=step.id, retryable=error.retryable) from error

    def _open_slides(self, step: Step) -> None:
        self._recorder.turn_aside()
        try:
            self._slides.open(self._recorder.page, step)
        except StepFailed as error:
            raise _placed(error, step, "slides") from error
        except PlaywrightError as error:
            raise StepFailed(f"step {step.id!r}, slides: {_what(error, self._stage())}", step=step.id) from error

    def _must_open(self, url: str) -> bool:
        here = self._recorder.page.url
        at_home = url == here or self._opened == (url, here)
        return self._spec.settings.mode == "independent" or self._navigated or not at_home

    def _wait_ahead(self, step: Step) -> int:
        for n, action in enumerate(step.actions):
            if action.type not in WAITING:
                return n
            self._perform(step, n, action)
        return len(step.actions)

    def _play(self, step: Step, actions: Sequence[object], first: int) -> list[Checked]:
        if step.scroll is not None:
            scroll(self._stage(), step.scroll)
        for n, action in enumerate(actions, first):
            kind, began = getattr(action, "type", ""), time.monotonic()
            self._touched = self._touched or kind in CHANGING
            self._perform(step, n, action)
            if kind in KEYBOARD:
                self._typed.append((began, time.monotonic()))
        return [self._check(step, n, assertion) for n, assertion in enumerate(step.assertions)]

    def _focus(self, zero: float) -> tuple[Focus, ...]:
        return attention(self._recorder.cursor.moves, self._typed, self._recorder.size, zero)

    def _perform(self, step: Step, n: int, action: object) -> None:
        try:
            perform(self._stage(), action)
        except StepFailed as error:
            raise _placed(error, step, f"action {n + 1} ({_name(action)})") from error

    def _check(self, step: Step, n: int, assertion: object) -> Checked:
        try:
            return check(self._stage(), assertion)
        except StepFailed as error:
            raise _placed(error, step, f"assertion {n + 1} ({_name(assertion)})") from error

    def _stage(self) -> Stage:
        timeout_s = self._spec.settings.default_step_timeout
        film_on = self._filming.film_on if self._filming is not None else None
        return Stage(page=self._recorder.page, cursor=self._recorder.cursor, timeout_s=timeout_s, film_on=film_on)

    def _may_repeat(self, error: StepFailed) -> bool:
        return error.retryable and (self._spec.settings.mode == "independent" or not self._touched)

    def _kept(self, error: StepFailed, step: Step, retries: int) -> StepFailed:
        """Return the error that ends the tour, with the folder of what shows why."""
        folder = self._work_dir / "failures" / step.id
        self._recorder.keep_evidence(folder)
        tried = f" (filmed {retries + 1} times)" if retries else ""
        if self._touched and error.retryable and self._spec.settings.mode == "continuous":
            tried += " (not filmed again: the page was changed already)"
        names = ", ".join(sorted(path.name for path in folder.iterdir()))
        return StepFailed(f"{error}{tried}\nsee {folder}: {names}", step=step.id, retryable=False, kept=folder)


def _placed(error: StepFailed, step: Step, where: str) -> StepFailed:
    return StepFailed(f"step {step.id!r}, {where}: {error}", step=step.id, retryable=error.retryable)


def _name(part: object) -> str:
    """Return an action or assertion as people know it: its type and what it is about."""
    texts = (getattr(part, key, None) for key in ("selector", "key", "value", "to"))
    about = next((text for text in texts if text and isinstance(text, str)), None)
    kind = str(getattr(part, "type", "?"))
    return kind if about is None else f"{kind} {about!r}"


def _what(error: Exception, stage: Stage) -> str:
    return str(explained(error, stage, None)) if isinstance(error, PlaywrightError) else str(error)
