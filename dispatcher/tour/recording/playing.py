"""Playing a step: its actions, its scroll and its assertions, on the page in front."""

from __future__ import annotations

import time
from collections.abc import Sequence

from playwright.sync_api import Error as PlaywrightError

from dispatcher.assembly.timeline import Focus
from dispatcher.tour.actions.assertions import AssertionResult
from dispatcher.tour.actions.assertions import check as check_assertion
from dispatcher.tour.actions.browser_errors import describe, explain
from dispatcher.tour.actions.perform import perform
from dispatcher.tour.actions.scrolling import scroll
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.capture import TakeRecorder
from dispatcher.tour.browser.recorder import BrowserRecorder
from dispatcher.tour.recording.camera import activity_focus, requested_focus
from dispatcher.tour.recording.waiting import Waiting
from dispatcher.tour.spec.action_types import Action
from dispatcher.tour.spec.model import Spec
from dispatcher.tour.spec.steps import TourStep
from protocol.errors import StepFailed


class StepPlayer:
    """Does what steps say, and names the step and the action in every error."""

    def __init__(
        self, spec: Spec, recorder: BrowserRecorder, waiting: Waiting, *, rehearsing: bool, patience: float
    ) -> None:
        self._spec = spec
        self._recorder = recorder
        self._waiting = waiting
        self._rehearsing, self._patience = rehearsing, patience
        self.take_recorder: TakeRecorder | None = None  # while a take is recorded
        self.has_changed_page = False  # this attempt has done something to the page on camera
        self._typed: list[tuple[float, float]] = []  # begin and end of this attempt's keyboard actions

    def begin_attempt(self) -> None:
        """Forget the attempt before; neither what it did nor what opening the page takes counts."""
        self.has_changed_page = False
        self.take_recorder = None
        self._typed.clear()

    def context(self) -> ActionContext:
        """Return what actions work with now."""
        return ActionContext(
            page=self._recorder.page,
            pointer=self._recorder.pointer,
            timeout_s=self._spec.settings.default_step_timeout,
            record_for=self.take_recorder.record_for if self.take_recorder is not None else None,
            recorder=self._recorder,
            folder=self._spec.source.parent,
            rehearsing=self._rehearsing,
            patience=self._patience,
        )

    def play(self, step: TourStep, first: int) -> list[AssertionResult]:
        """Do the actions of a step from number `first` on, then its scroll, then check its assertions."""
        for n, action in enumerate(step.actions[first:], first):
            began = time.monotonic()
            self.has_changed_page = self.has_changed_page or action.changes_page
            self.perform(step, n, action)
            if action.uses_keyboard:
                self._typed.append((began, time.monotonic()))
        if step.scroll is not None:
            scroll(self.context(), step.scroll)
        return [self._check(step, n, assertion) for n, assertion in enumerate(step.assertions)]

    def perform(self, step: TourStep, n: int, action: Action) -> None:
        """Do one action. Raises StepFailed, unless the action is optional: then there is a warning."""
        where = f"action {n + 1} ({describe(action)})"
        self._recorder.place = f"step {step.id!r}, {where}"
        try:
            with self._waiting.at(self._recorder.place, action.least_s):
                perform(self.context().now(), action)
            self._recorder.check_scripts()
            self._recorder.follow()
        except StepFailed as error:
            failed = with_place(error, step, where)
            if not (action.optional and error.retryable):
                raise failed from error
            self._recorder.warn(f"{error}. The action is optional: the step continued")

    def _check(self, step: TourStep, n: int, assertion: object) -> AssertionResult:
        where = f"assertion {n + 1} ({describe(assertion)})"
        self._recorder.place = f"step {step.id!r}, {where}"
        try:
            with self._waiting.at(self._recorder.place):
                return check_assertion(self.context().now(), assertion)
        except StepFailed as error:
            raise with_place(error, step, where) from error

    def focus(self, step: TourStep, zero: float) -> tuple[Focus, ...]:
        """Return where the camera looks during a take that began at `zero` (monotonic seconds)."""
        if step.zoom is not None:
            return requested_focus(self.context(), step.zoom, self._recorder.size)
        return activity_focus(self._recorder.pointer.moves, self._typed, self._recorder.size, zero)

    def describe_error(self, error: Exception) -> str:
        """Return the message of an error; one of the browser is explained."""
        return str(explain(error, self.context())) if isinstance(error, PlaywrightError) else str(error)


def leading(actions: Sequence[Action], trait: str, first: int = 0) -> int:
    """Return the number of the first action, from `first` on, that does not have a trait such as `waits`."""
    for n, action in enumerate(actions[first:], first):
        if not getattr(action, trait):
            return n
    return len(actions)


def with_place(error: StepFailed, step: TourStep, where: str) -> StepFailed:
    """Return an error with the step, and the place in it, in front of its message."""
    return StepFailed(f"step {step.id!r}, {where}: {error}", step=step.id, retryable=error.retryable)
