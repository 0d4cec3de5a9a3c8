"""Films the steps one after the other, each as long as its narration or its actions, whichever lasts longer."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page
from playwright.sync_api import Error as PlaywrightError

from dispatcher.tour import capture, cursor
from dispatcher.tour.actions import BEFORE_THE_TAKE, CHANGES_THE_PAGE, PERFORM, Stage, scroll
from dispatcher.tour.assertions import check
from dispatcher.tour.browser import launched
from dispatcher.tour.report import Checked
from dispatcher.tour.spec import Spec, Step
from protocol.errors import StepFailed

TAIL_S = 0.5
"""How long a step stays on screen after its last word or action."""

_Actions = list[tuple[int, Any]]  # numbered as in the spec, whose actions are of many models

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Take:
    """A step as it was filmed."""

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
    browser: Path,
    root: bool,
    on_step: Callable[[int, str], None] | None = None,
) -> list[Take]:
    """Film every step and return its take. A step that cannot be filmed raises StepFailed, its traces kept."""
    with launched(browser, root=root) as running:
        director = Director(running, spec, work_dir)
        takes = []
        for n, step in enumerate(spec.steps):
            if on_step:
                on_step(n, step.id)
            takes.append(director.film(step, narration_seconds.get(step.id, 0.0)))
        if on_step:
            on_step(len(spec.steps), "done")
        director.close()
        return takes


class Director:
    """One browser page through a whole tour."""

    def __init__(self, browser: Browser, spec: Spec, work_dir: Path) -> None:
        self._spec, self._work_dir = spec, work_dir
        width, height = spec.settings.viewport
        self._context: BrowserContext = browser.new_context(viewport={"width": width, "height": height})
        cursor.install(self._context)
        self._context.tracing.start(snapshots=True)
        self._page: Page = self._context.new_page()
        self._page.on("dialog", _answer)
        self._page.on("console", self._on_console)
        self._console: list[str] = []
        self._cursor = cursor.Cursor(self._page, width * 0.62, height * 0.68)
        self._stage = Stage(page=self._page, cursor=self._cursor, timeout_s=spec.settings.default_step_timeout)
        self._opened: str | None = None
        (work_dir / "takes").mkdir(parents=True, exist_ok=True)

    def film(self, step: Step, narration_s: float) -> Take:
        """Film one step, again if it fails and may be done again."""
        for retries in range(self._spec.settings.max_retries_per_step + 1):
            self._console.clear()
            self._context.tracing.start_chunk(title=f"{step.id} ({retries})")
            attempt = _Attempt()
            try:
                take = self._film_once(step, narration_s, retries, attempt)
            except (PlaywrightError, _ClaimFailedError) as error:
                why = f"step {step.id}: {attempt.what}: {_first_line(error)}"
                if retries == self._spec.settings.max_retries_per_step or not self._may_repeat(attempt):
                    raise self._failed(step, why) from error
                log.info("%s; trying again", why)
            else:
                self._context.tracing.stop_chunk()
                return take
            self._context.tracing.stop_chunk()
        raise AssertionError("the loop returns or raises")

    def close(self) -> None:
        """Close the page."""
        self._context.close()

    def _film_once(self, step: Step, narration_s: float, retries: int, attempt: _Attempt) -> Take:
        attempt.what = "opening the page"
        actions = list(enumerate(step.actions))
        if self._open(step):
            actions = self._play_off_camera(actions, attempt)
        capture.settle(self._page)
        self._cursor.show()
        capture.settle(self._page)
        path = self._work_dir / "takes" / f"{step.id}.mkv"
        attempt.what = "filming"
        with capture.take(self._page, path, self._spec.settings.viewport) as filming:
            self._play(actions, attempt)
            self._scroll(step, attempt)
            acted = filming.elapsed()
            checked = self._check(step, attempt)
            attempt.what = "filming"
            filming.hold_until(max(narration_s, acted) + TAIL_S)
        return Take(
            step_id=step.id,
            path=path,
            seconds=filming.seconds,
            actions_seconds=acted,
            retries=retries,
            assertions=checked,
        )

    def _open(self, step: Step) -> bool:
        """Open the step's page off camera, and say whether it did.

        A continuous tour stays where it is unless the address differs.
        """
        url = self._spec.resolve_url(step)
        if url is None or (self._spec.settings.mode == "continuous" and url == self._opened):
            return False
        self._page.goto(url, wait_until="load", timeout=self._stage.ms(None))
        self._opened = url
        return True

    def _play_off_camera(self, actions: _Actions, attempt: _Attempt) -> _Actions:
        """Do the waits that a newly opened page begins with, so that nobody watches it load; return the others."""
        waits = list(itertools.takewhile(lambda numbered: numbered[1].type in BEFORE_THE_TAKE, actions))
        self._play(waits, attempt)
        return actions[len(waits) :]

    def _play(self, actions: _Actions, attempt: _Attempt) -> None:
        for n, action in actions:
            attempt.what = f"action {n} ({action.type}{_selector(action)})"
            PERFORM[action.type](self._stage, action)
            attempt.changed = attempt.changed or action.type in CHANGES_THE_PAGE
            self._cursor.show()

    def _scroll(self, step: Step, attempt: _Attempt) -> None:
        """Do the step's own scroll, after its actions."""
        if step.scroll is not None:
            attempt.what = "scroll"
            scroll(self._stage, step.scroll)

    def _check(self, step: Step, attempt: _Attempt) -> tuple[Checked, ...]:
        attempt.what = "assertion"
        checked = tuple(check(self._stage, claim) for claim in step.assertions)
        for result in checked:
            if not result.ok:
                raise _ClaimFailedError(f"{result.type} {result.expected!r} does not hold at {self._page.url}")
        return checked

    def _may_repeat(self, attempt: _Attempt) -> bool:
        """Say whether the step may be done again: a page that is opened anew, or one that nothing was changed on."""
        return self._spec.settings.mode == "independent" or not attempt.changed

    def _failed(self, step: Step, why: str) -> StepFailed:
        """Keep what helps to understand the failure, and name it."""
        folder = self._work_dir / "failures" / step.id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "console.log").write_text("\n".join(self._console) + "\n", encoding="utf-8")
        try:
            self._page.screenshot(path=folder / "screenshot.png", timeout=5000)
            self._context.tracing.stop_chunk(path=folder / "trace.zip")
        except PlaywrightError as error:
            why += f" (no screenshot or trace: {_first_line(error)})"
        return StepFailed(f"{why}. Look at {folder} (screenshot.png, console.log, trace.zip), then mend the step")

    def _on_console(self, message: ConsoleMessage) -> None:
        self._console.append(f"{message.type}: {message.text}")


@dataclass
class _Attempt:
    """What an attempt at a step is at, for the error that may come."""

    what: str = ""
    changed: bool = False


class _ClaimFailedError(Exception):
    """An assertion does not hold."""


def _answer(dialog: Dialog) -> None:
    """Close dialogs, which would stop the page for ever; leaving a page is always allowed."""
    if dialog.type == "beforeunload":
        dialog.accept()
    else:
        dialog.dismiss()


def _selector(action: object) -> str:
    selector = getattr(action, "selector", None)
    return f" {selector!r}" if selector else ""


def _first_line(error: Exception) -> str:
    text = error.message if isinstance(error, PlaywrightError) else str(error)
    return text.splitlines()[0].removesuffix(".")
