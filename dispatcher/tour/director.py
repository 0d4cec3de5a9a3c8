"""From steps to takes: opens pages off camera, films each step as long as its narration, films failed ones again.

Independent: every step opens its address in a page of its own. Continuous: the steps share one page, which goes to
another address only where a step names one. Slides have a page of their own: the application's stays as it was left.
A step that fails is filmed again, but a continuous step only while it
has done nothing to the page yet: a button pressed twice would be another film.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from playwright.sync_api import Error as PlaywrightError

from dispatcher.assembly.timeline import Focus
from dispatcher.tour import select_list
from dispatcher.tour.action_parts import Action
from dispatcher.tour.actions import perform
from dispatcher.tour.assertions import check
from dispatcher.tour.attention import attention
from dispatcher.tour.browser_errors import named
from dispatcher.tour.capture import Filming
from dispatcher.tour.duration import action_s
from dispatcher.tour.editors import clear_highlight
from dispatcher.tour.framing import framed
from dispatcher.tour.page_load import open_page
from dispatcher.tour.recorder import Recorder
from dispatcher.tour.recorder_opening import open_recorder
from dispatcher.tour.report import Checked
from dispatcher.tour.scrolling import scroll
from dispatcher.tour.slides.show import SlideProjector
from dispatcher.tour.spec import Spec
from dispatcher.tour.stage import Stage
from dispatcher.tour.step_errors import placed, what_of
from dispatcher.tour.steps import TAIL_S, Step
from dispatcher.tour.waiting import OnWait, Waiting
from protocol.errors import MediaError, StepFailed

OnStep = Callable[[int, str], None]
Done = TypeVar("Done")


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
    warnings: tuple[str, ...] = ()
    opens_on: str = ""  # the address of its page, when it began and when it ended
    ends_on: str = ""


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """A step that works: how long it took (seconds), and what must not be missed."""

    step_id: str
    seconds: float
    warnings: tuple[str, ...] = ()


def direct(
    spec: Spec,
    narration_seconds: Mapping[str, float],
    *,
    work_dir: Path,
    browser: Path | None = None,
    root: bool = False,
    on_step: OnStep | None = None,
    on_wait: OnWait | None = None,
) -> list[Take]:
    """Film every step, each max(narration, actions or slides) + 0.5 s long, and return the takes in the spec's order.

    `on_step(done, step_id)` is called before each step, and with "done" after the last; `on_wait(place, seconds)` while
    an action takes long. Raises StepFailed for a step that cannot be filmed, with what shows why in
    work_dir/failures/<step>/, and EnvironmentNotReady where there is no browser.
    """
    with open_recorder(spec, browser, root=root) as recorder:
        return _Director(spec, recorder, work_dir, on_wait=on_wait).film(narration_seconds, on_step)


def rehearse(
    spec: Spec,
    *,
    work_dir: Path,
    browser: Path | None = None,
    root: bool = False,
    on_step: OnStep | None = None,
    on_wait: OnWait | None = None,
) -> list[Rehearsed]:
    """Do every step once, as fast as the pages allow, and record nothing. Raises as `direct` does."""
    with open_recorder(spec, browser, root=root) as recorder:
        return _Director(spec, recorder, work_dir, on_wait=on_wait, hurries=True).rehearse(on_step)


class _Director:
    """Films one spec with one recorder."""

    def __init__(
        self, spec: Spec, recorder: Recorder, work_dir: Path, *, on_wait: OnWait | None, hurries: bool = False
    ) -> None:
        self._spec = spec
        self._recorder = recorder
        self._hurries = recorder.cursor.hurries = hurries
        self._waiting = Waiting(on_wait)
        recorder.on_tick = self._waiting.look
        self._retries = 0 if hurries else spec.settings.max_retries_per_step
        recorder.tab_s = spec.settings.default_step_timeout
        self._work_dir = work_dir
        self._slides = SlideProjector(spec, work_dir / "slides")
        self._opened = ("", "")  # the address that was asked for last, and where that led
        self._touched = False  # this attempt has done something to its page on camera
        self._navigated = False  # this step has opened its address
        self._filming: Filming | None = None
        self._typed: list[tuple[float, float]] = []  # when keys were pressed in this attempt

    def film(self, narration_seconds: Mapping[str, float], on_step: OnStep | None) -> list[Take]:
        def film(step: Step, ahead: int, retries: int) -> Take:
            return self._film(step, ahead, narration_seconds.get(step.id, 0.0), retries)

        return self._each(film, on_step)

    def rehearse(self, on_step: OnStep | None) -> list[Rehearsed]:
        return self._each(self._rehearse, on_step)

    def _each(self, do: Callable[[Step, int, int], Done], on_step: OnStep | None) -> list[Done]:
        """Do every step on its page, and return what that gives in the spec's order."""
        done: list[Done] = []
        for step in self._spec.steps:
            if on_step is not None:
                on_step(len(done), step.id)
            done.append(self._do_step(step, do))
        if on_step is not None:
            on_step(len(done), "done")
        return done

    def _do_step(self, step: Step, do: Callable[[Step, int, int], Done]) -> Done:
        """Do a step, again after a failure as often as the spec allows; never again in a rehearsal."""
        self._navigated = False
        retries = 0
        while True:
            try:
                return self._attempt(step, do, retries)
            except StepFailed as error:
                if retries >= self._retries or not self._may_repeat(error):
                    raise self._kept(error, step, retries) from error
                retries += 1

    def _attempt(self, step: Step, do: Callable[[Step, int, int], Done], retries: int) -> Done:
        self._touched = False  # neither what an earlier step did nor what opening the page takes counts
        self._filming = None
        self._recorder.begin_attempt(f"step {step.id!r}", again=retries > 0)
        try:
            if retries == 0:
                self._recorder.new_chapter()
            ahead = self._open(step)
            clear_highlight(self._recorder.page)
            done = do(step, ahead, retries)
            self._check_answers(step)
            return done
        except (MediaError, PlaywrightError) as error:
            raise StepFailed(f"step {step.id!r}: {what_of(error, self._stage())}", step=step.id) from error

    def _check_answers(self, step: Step) -> None:
        try:
            self._recorder.check_answers()
        except StepFailed as error:
            raise StepFailed(f"step {step.id!r}: {error}", step=step.id) from error

    def _rehearse(self, step: Step, ahead: int, _retries: int) -> Rehearsed:
        """Do what is left of a step on its page."""
        began = time.monotonic()
        self._play(step, step.actions[ahead:], ahead)
        self._recorder.wait_for_dialogs()
        self._end_actions(step)
        return Rehearsed(step_id=step.id, seconds=time.monotonic() - began, warnings=tuple(self._recorder.warnings))

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
            planned_s = max(max(narration_s, actions_s) + TAIL_S, step.least_s)
            seconds = filming.hold(planned_s, is_dialog_to_come=lambda: self._recorder.answers.is_expecting)
            self._end_actions(step)
            focus = self._focus(step, time.monotonic() - filming.elapsed)
        return Take(
            step_id=step.id,
            path=path,
            seconds=seconds,
            actions_seconds=actions_s,
            retries=retries,
            assertions=tuple(checked),
            focus=focus,
            warnings=tuple(self._recorder.warnings),
            opens_on=opens_on,
            ends_on=self._recorder.page.url,
        )

    def _end_actions(self, step: Step) -> None:
        """Warn of what came up, or did not, while a step was done."""
        self._recorder.place = f"step {step.id!r}"
        self._recorder.answers.end()
        if step.show is None:
            self._recorder.check_loaded()

    def _open(self, step: Step) -> int:
        """Have the step's page there, off camera. Return how many leading waits were part of that."""
        if step.show is not None:
            self._open_slides(step)
            return 0
        self._recorder.turn_back()
        self._recorder.follow()
        prepared = self._prepare(step)
        url = self._spec.resolve_url(step)
        if url is None:
            return prepared
        if self._spec.settings.mode == "independent" and self._opened[0]:
            self._recorder.fresh_page()
        else:
            self._recorder.first_tab()
        if not self._must_open(url):
            return prepared
        select_list.close_list(self._stage())
        try:
            self._open_address(step, url)
            return self._wait_ahead(step, prepared)
        finally:
            self._opened, self._navigated = (url, self._recorder.page.url), True

    def _prepare(self, step: Step) -> int:
        """Do what begins a step and only says what will happen, also while its page opens; return how much."""
        for n, action in enumerate(step.actions):
            if not action.prepares:
                return n
            self._perform(step, n, action)
        return len(step.actions)

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
            raise placed(error, step, "slides") from error
        except PlaywrightError as error:
            raise StepFailed(f"step {step.id!r}, slides: {what_of(error, self._stage())}", step=step.id) from error

    def _must_open(self, url: str) -> bool:
        here = self._recorder.page.url
        at_home = url == here or self._opened == (url, here)
        return self._spec.settings.mode == "independent" or self._navigated or not at_home

    def _wait_ahead(self, step: Step, first: int) -> int:
        """Do the waits that come next, off camera. Return the number of the first action that is not one."""
        for n, action in enumerate(step.actions[first:], first):
            if not action.waits:
                return n
            self._perform(step, n, action)
        return len(step.actions)

    def _play(self, step: Step, actions: Sequence[Action], first: int) -> list[Checked]:
        for n, action in enumerate(actions, first):
            began = time.monotonic()
            self._touched = self._touched or action.changes_page
            self._perform(step, n, action)
            if action.uses_keyboard:
                self._typed.append((began, time.monotonic()))
        if step.scroll is not None:
            scroll(self._stage(), step.scroll)
        return [self._check(step, n, assertion) for n, assertion in enumerate(step.assertions)]

    def _focus(self, step: Step, zero: float) -> tuple[Focus, ...]:
        """Return where the camera looks: where the step says, else where it was busy."""
        if step.zoom is not None:
            return framed(self._stage(), step.zoom, self._recorder.size)
        return attention(self._recorder.cursor.moves, self._typed, self._recorder.size, zero)

    def _perform(self, step: Step, n: int, action: Action) -> None:
        where = f"action {n + 1} ({named(action)})"
        self._recorder.place = f"step {step.id!r}, {where}"
        try:
            with self._waiting.at(self._recorder.place, action_s(action)):
                perform(self._stage().now(), action)
            self._recorder.check_answers()
            self._recorder.follow()
        except StepFailed as error:
            failed = placed(error, step, where)
            if not (action.optional and error.retryable):
                raise failed from error
            self._recorder.warn(f"{error}. The action is optional: the step went on")

    def _check(self, step: Step, n: int, assertion: object) -> Checked:
        where = f"assertion {n + 1} ({named(assertion)})"
        self._recorder.place = f"step {step.id!r}, {where}"
        try:
            with self._waiting.at(self._recorder.place):
                return check(self._stage().now(), assertion)
        except StepFailed as error:
            raise placed(error, step, where) from error

    def _stage(self) -> Stage:
        timeout_s = self._spec.settings.default_step_timeout
        return Stage(
            page=self._recorder.page,
            cursor=self._recorder.cursor,
            timeout_s=timeout_s,
            film_on=self._filming.film_on if self._filming is not None else None,
            recorder=self._recorder,
            folder=self._spec.source.parent,
            hurries=self._hurries,
        )

    def _may_repeat(self, error: StepFailed) -> bool:
        return error.retryable and (self._spec.settings.mode == "independent" or not self._touched)

    def _kept(self, error: StepFailed, step: Step, retries: int) -> StepFailed:
        """Return the error that ends the tour, with the folder of what shows why."""
        folder = self._work_dir / "failures" / step.id
        self._recorder.keep_evidence(folder)
        tried = f" (filmed {retries + 1} times)" if retries else ""
        if retries < self._retries and error.retryable and not self._may_repeat(error):
            tried += " (not filmed again: the page was changed already)"
        names = ", ".join(sorted(path.name for path in folder.iterdir()))
        return StepFailed(f"{error}{tried}\nsee {folder}: {names}", step=step.id, retryable=False, kept=folder)
