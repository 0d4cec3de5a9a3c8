"""From steps to takes: pages are opened off camera, each step is recorded as long as its narration, failed ones again.

Independent steps: each opens its address in a new page. Continuous steps: all share one page, which only goes to
another address where a step has a different one. Slides have their own page; the application's page stays as it is.
A failed step is recorded again, but a continuous one only if it has not changed the page yet: a button that is
clicked twice would not give the same video.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypeVar

from playwright.sync_api import Error as PlaywrightError

from dispatcher.tour.actions import select_list
from dispatcher.tour.actions.editors import clear_highlight
from dispatcher.tour.browser.pace import slow_step_warning
from dispatcher.tour.browser.page_load import open_page
from dispatcher.tour.browser.recorder import BrowserRecorder, open_recorder
from dispatcher.tour.recording.playing import StepPlayer, leading, with_place
from dispatcher.tour.recording.takes import RehearsedStep, Take
from dispatcher.tour.recording.waiting import OnWait, Waiting
from dispatcher.tour.slides.show import SlideProjector
from dispatcher.tour.spec.model import Spec
from dispatcher.tour.spec.steps import TAIL_S, TourStep
from protocol.errors import MediaError, StepFailed

OnStep = Callable[[int, str], None]
Result = TypeVar("Result")


def record_steps(
    spec: Spec,
    narration_seconds: Mapping[str, float],
    *,
    work_dir: Path,
    browser: Path | None = None,
    root: bool = False,
    on_step: OnStep | None = None,
    on_wait: OnWait | None = None,
    patience: float = 1.0,
) -> list[Take]:
    """Record every step, each max(narration, actions or slides) + 0.5 s long, and return the takes in the spec's order.

    `on_step(done, step_id)` is called before each step, and with "done" after the last; `on_wait(place, seconds)` while
    an action takes long; `patience` is explained in ActionContext. Raises StepFailed for a step that cannot be
    recorded, with evidence in work_dir/failures/<step>/, and EnvironmentNotReady without a browser.
    """
    with open_recorder(spec, browser, root=root) as recorder:
        director = _Director(spec, recorder, work_dir, on_wait=on_wait, patience=patience)
        return director.record(narration_seconds, on_step)


def rehearse_steps(
    spec: Spec,
    *,
    work_dir: Path,
    browser: Path | None = None,
    root: bool = False,
    on_step: OnStep | None = None,
    on_wait: OnWait | None = None,
    patience: float = 1.0,
) -> list[RehearsedStep]:
    """Do every step once, as fast as the pages allow, and record nothing. Raises as `record_steps` does."""
    with open_recorder(spec, browser, root=root) as recorder:
        director = _Director(spec, recorder, work_dir, on_wait=on_wait, patience=patience, rehearsing=True)
        return director.rehearse(on_step)


class _Director:
    """Records the steps of one spec with one browser."""

    def __init__(
        self,
        spec: Spec,
        recorder: BrowserRecorder,
        work_dir: Path,
        *,
        on_wait: OnWait | None,
        patience: float,
        rehearsing: bool = False,
    ) -> None:
        self._spec = spec
        self._recorder = recorder
        self._work_dir = work_dir
        self._max_retries = 0 if rehearsing else spec.settings.max_retries_per_step
        waiting = Waiting(on_wait)
        self._player = StepPlayer(spec, recorder, waiting, rehearsing=rehearsing, patience=patience)
        self._slides = SlideProjector(spec, work_dir / "slides")
        self._opened = ("", "")  # the last requested address, and where it led
        self._has_opened_page = False  # this step has opened its address
        recorder.pointer.rehearsing = rehearsing
        recorder.on_tick = waiting.check
        recorder.tab_s = spec.settings.default_step_timeout

    def record(self, narration_seconds: Mapping[str, float], on_step: OnStep | None) -> list[Take]:
        def record_step(step: TourStep, first: int, retries: int) -> Take:
            return self._record_step(step, first, narration_seconds.get(step.id, 0.0), retries)

        return self._each(record_step, on_step)

    def rehearse(self, on_step: OnStep | None) -> list[RehearsedStep]:
        return self._each(self._rehearse_step, on_step)

    def _each(self, do: Callable[[TourStep, int, int], Result], on_step: OnStep | None) -> list[Result]:
        """Do every step on its page, and return the results in the spec's order."""
        results: list[Result] = []
        for step in self._spec.steps:
            if on_step is not None:
                on_step(len(results), step.id)
            results.append(self._do_step(step, do))
        if on_step is not None:
            on_step(len(results), "done")
        return results

    def _do_step(self, step: TourStep, do: Callable[[TourStep, int, int], Result]) -> Result:
        """Do a step; after a failure again, as often as the spec allows, but never in a rehearsal."""
        self._has_opened_page = False
        retries = 0
        while True:
            try:
                return self._attempt(step, do, retries)
            except StepFailed as error:
                if retries >= self._max_retries or not self._may_repeat(error):
                    raise self._with_evidence(error, step, retries) from error
                retries += 1

    def _attempt(self, step: TourStep, do: Callable[[TourStep, int, int], Result], retries: int) -> Result:
        self._player.begin_attempt()
        self._recorder.begin_attempt(f"step {step.id!r}", again=retries > 0)
        try:
            if retries == 0:
                self._recorder.new_chapter()
            first = self._open(step)
            clear_highlight(self._recorder.page)
            result = do(step, first, retries)
            self._check_scripts(step)
            return result
        except (MediaError, PlaywrightError) as error:
            raise StepFailed(f"step {step.id!r}: {self._player.describe_error(error)}", step=step.id) from error

    def _check_scripts(self, step: TourStep) -> None:
        try:
            self._recorder.check_scripts()
        except StepFailed as error:
            raise StepFailed(f"step {step.id!r}: {error}", step=step.id) from error

    def _rehearse_step(self, step: TourStep, first: int, _retries: int) -> RehearsedStep:
        """Do a step on its page, from action number `first` on."""
        began = time.monotonic()
        self._player.play(step, first)
        self._recorder.wait_for_dialogs()
        self._end_step(step)
        return RehearsedStep(step_id=step.id, seconds=time.monotonic() - began, warnings=tuple(self._recorder.warnings))

    def _record_step(self, step: TourStep, first: int, narration_s: float, retries: int) -> Take:
        """Record a step on its page, from action number `first` on."""
        recorder = self._recorder
        recorder.pointer.moves.clear()
        recorder.pointer.pace.clear()
        path, opens_on = self._work_dir / "takes" / f"{step.id}.mkv", recorder.page.url
        with recorder.take(path) as take_recorder:
            self._player.take_recorder = take_recorder
            if step.show is not None:
                self._slides.play(recorder.page, take_recorder, step, narration_s)
            assertions = self._player.play(step, first)
            actions_s = take_recorder.elapsed
            lasts_s = _step_seconds(step, narration_s, actions_s)
            seconds = take_recorder.hold(lasts_s, is_dialog_to_come=lambda: recorder.answers.is_expecting)
            self._end_step(step)
            self._warn_if_slow(step, narration_s, actions_s)
            focus = self._player.focus(step, time.monotonic() - take_recorder.elapsed)
        return Take(
            step_id=step.id,
            path=path,
            seconds=seconds,
            actions_seconds=actions_s,
            retries=retries,
            assertions=tuple(assertions),
            focus=focus,
            warnings=tuple(recorder.warnings),
            opens_on=opens_on,
            ends_on=recorder.page.url,
        )

    def _warn_if_slow(self, step: TourStep, narration_s: float, actions_s: float) -> None:
        """Warn if the step is much longer than it would be on an idle machine."""
        planned_s = _step_seconds(step, narration_s, self._recorder.pointer.pace.planned_s(actions_s))
        if warning := slow_step_warning(planned_s, _step_seconds(step, narration_s, actions_s)):
            self._recorder.warn(warning)

    def _end_step(self, step: TourStep) -> None:
        """Warn of announced dialogs that did not open, and of a page that never finishes loading."""
        self._recorder.place = f"step {step.id!r}"
        self._recorder.answers.end()
        if step.show is None:
            self._recorder.check_loaded()

    def _open(self, step: TourStep) -> int:
        """Open the step's page, off camera. Return the number of the first action that is not part of that."""
        if step.show is not None:
            self._open_slides(step)
            return 0
        self._recorder.turn_back()
        self._recorder.follow()
        prepared = self._perform_leading(step, "prepares", 0)
        url = self._spec.resolve_url(step)
        if url is None:
            return prepared
        if self._spec.settings.mode == "independent" and self._opened[0]:
            self._recorder.fresh_page()
        else:
            self._recorder.first_tab()
        if not self._must_open(url):
            return prepared
        select_list.close_list(self._player.context())
        try:
            self._open_address(step, url)
            return self._perform_leading(step, "waits", prepared)
        finally:
            self._opened, self._has_opened_page = (url, self._recorder.page.url), True

    def _perform_leading(self, step: TourStep, trait: Literal["prepares", "waits"], first: int) -> int:
        """Do the actions with a trait that come first, off camera; return the number of the next action."""
        end = leading(step.actions, trait, first)
        for n in range(first, end):
            self._player.perform(step, n, step.actions[n])
        return end

    def _open_address(self, step: TourStep, url: str) -> None:
        settings = self._spec.settings
        try:
            open_page(self._recorder.page, url, settings.default_step_timeout, settings.preloader_selector)
        except StepFailed as error:
            raise StepFailed(f"step {step.id!r}: {error}", step=step.id, retryable=error.retryable) from error

    def _open_slides(self, step: TourStep) -> None:
        self._recorder.turn_aside()
        try:
            self._slides.open(self._recorder.page, step)
        except StepFailed as error:
            raise with_place(error, step, "slides") from error
        except PlaywrightError as error:
            text = self._player.describe_error(error)
            raise StepFailed(f"step {step.id!r}, slides: {text}", step=step.id) from error

    def _must_open(self, url: str) -> bool:
        here = self._recorder.page.url
        is_open = url == here or self._opened == (url, here)
        return self._spec.settings.mode == "independent" or self._has_opened_page or not is_open

    def _may_repeat(self, error: StepFailed) -> bool:
        is_independent = self._spec.settings.mode == "independent"
        return error.retryable and (is_independent or not self._player.has_changed_page)

    def _with_evidence(self, error: StepFailed, step: TourStep, retries: int) -> StepFailed:
        """Return the error that ends the tour, with the folder of the evidence."""
        folder = self._work_dir / "failures" / step.id
        self._recorder.keep_evidence(folder)
        tried = f" (recorded {retries + 1} times)" if retries else ""
        if retries < self._max_retries and error.retryable and not self._may_repeat(error):
            tried += " (not recorded again: the page has already been changed)"
        names = ", ".join(sorted(path.name for path in folder.iterdir()))
        return StepFailed(f"{error}{tried}\nsee {folder}: {names}", step=step.id, retryable=False, kept=folder)


def _step_seconds(step: TourStep, narration_s: float, actions_s: float) -> float:
    """Return how long a step lasts."""
    return max(max(narration_s, actions_s) + TAIL_S, step.least_s)
