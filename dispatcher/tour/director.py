"""From steps to takes: opens pages off camera, films each step as long as its narration, films failed ones again.

Independent: every step opens its address in a page of its own. Continuous: the steps share one page, which goes to
another address only where a step names one. A step that fails is filmed again, but a continuous step only while it
has done nothing to the page yet: a button pressed twice would be another film.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

from dispatcher.tour.actions import CHANGING, WAITING, explained, perform, scroll
from dispatcher.tour.assertions import check
from dispatcher.tour.browser import find_browser, launch
from dispatcher.tour.capture import Recorder
from dispatcher.tour.editors import clear_highlight
from dispatcher.tour.page_load import open_page
from dispatcher.tour.report import Checked
from dispatcher.tour.spec import Spec, Step
from dispatcher.tour.stage import Stage
from protocol.errors import MediaError, StepFailed

TAIL_S = 0.5
"""What every step shows after its last word and its last action."""

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


def direct(
    spec: Spec,
    narration_seconds: Mapping[str, float],
    *,
    work_dir: Path,
    browser: Path | None = None,
    root: bool = False,
    on_step: OnStep | None = None,
) -> list[Take]:
    """Film every step, each max(narration, actions) + 0.5 s long, and return the takes in the spec's order.

    `on_step(done, step_id)` is called before each step, and with "done" after the last. Raises StepFailed for a step
    that cannot be filmed, with what shows why in work_dir/failures/<step>/, and EnvironmentNotReady where there is no
    browser.
    """
    path = browser or find_browser()
    with sync_playwright() as playwright:
        chromium = launch(playwright, path, root=root)
        try:
            with Recorder(chromium, spec.settings.viewport) as recorder:
                return _Director(spec, recorder, work_dir).film(narration_seconds, on_step)
        finally:
            chromium.close()


class _Director:
    """Films one spec with one recorder."""

    def __init__(self, spec: Spec, recorder: Recorder, work_dir: Path) -> None:
        self._spec = spec
        self._recorder = recorder
        self._work_dir = work_dir
        self._opened = ("", "")  # the address that was asked for last, and where that led
        self._touched = False  # this attempt has done something to its page on camera
        self._navigated = False  # this step has opened its address

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
        self._recorder.new_chapter()
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
        ahead = self._open(step)
        path = self._work_dir / "takes" / f"{step.id}.mkv"
        try:
            clear_highlight(self._recorder.page)
            with self._recorder.take(path) as filming:
                checked = self._play(step, step.actions[ahead:], ahead)
                actions_s = filming.elapsed
                seconds = max(narration_s, actions_s) + TAIL_S
                filming.hold(seconds)
        except (MediaError, PlaywrightError) as error:
            raise StepFailed(f"step {step.id!r}: {_what(error, self._stage())}", step=step.id) from error
        return Take(
            step_id=step.id,
            path=path,
            seconds=seconds,
            actions_seconds=actions_s,
            retries=retries,
            assertions=tuple(checked),
        )

    def _open(self, step: Step) -> int:
        """Have the step's page there, off camera. Return how many leading waits were part of that."""
        url = self._spec.resolve_url(step)
        if url is None or not self._must_open(url):
            return 0
        if self._spec.settings.mode == "independent" and self._opened[0]:
            self._recorder.fresh_page()
        try:
            settings = self._spec.settings
            open_page(self._recorder.page, url, settings.default_step_timeout, settings.preloader_selector)
        except StepFailed as error:
            raise StepFailed(f"step {step.id!r}: {error}", step=step.id, retryable=error.retryable) from error
        finally:
            self._opened, self._navigated = (url, self._recorder.page.url), True
        return self._wait_ahead(step)

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
            self._touched = self._touched or getattr(action, "type", "") in CHANGING
            self._perform(step, n, action)
        return [self._check(step, n, assertion) for n, assertion in enumerate(step.assertions)]

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
        return Stage(page=self._recorder.page, cursor=self._recorder.cursor, timeout_s=timeout_s)

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
    about = next((value for key in ("selector", "key", "value", "to") if (value := getattr(part, key, None))), None)
    kind = str(getattr(part, "type", "?"))
    return kind if about is None else f"{kind} {about!r}"


def _what(error: Exception, stage: Stage) -> str:
    return str(explained(error, stage, None)) if isinstance(error, PlaywrightError) else str(error)
