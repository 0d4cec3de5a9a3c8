"""Showing slides during a recording: the deck on its own page, each slide at its time."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from dispatcher.tour.browser.capture import TakeRecorder, settle
from dispatcher.tour.browser.page_load import open_page
from dispatcher.tour.slides import timing
from dispatcher.tour.slides.deck import write_deck
from dispatcher.tour.spec.model import Spec
from dispatcher.tour.spec.slide_models import Deck
from dispatcher.tour.spec.steps import TAIL_S, TourStep
from protocol.errors import StepFailed

FADE_S = 0.25
"""How long a fade takes at most (deck.css has its exact length)."""

READY = "() => window.deck.ready.then(() => true)"
SHOW = "([number, fade]) => window.deck.show(number, { fade })"


class SlideProjector:
    """Shows the slides of a spec's segments. The deck's file is written when it is first needed."""

    def __init__(self, spec: Spec, folder: Path) -> None:
        self._spec = spec
        self._folder = folder
        self._file: Path | None = None

    def open(self, page: Page, step: TourStep) -> None:
        """Show the first slide of a segment, and wait until it is complete."""
        first = self._numbers(step)[0]
        address = self._deck_file().as_uri()
        if page.url.split("#")[0] != address:
            open_page(page, f"{address}#{first}", self._spec.settings.default_step_timeout)
            page.evaluate(READY)
        self._show(page, first, fade=False)
        settle(page)

    def play(self, page: Page, take_recorder: TakeRecorder, step: TourStep, narration_s: float) -> None:
        """Show the segment's slides one after the other, each for its time."""
        numbers, times = self._numbers(step), self.times(step, narration_s)
        for number, begins in zip(numbers[1:], times[1:-1], strict=True):
            take_recorder.wait_until(begins)
            self._show(page, number, fade=True)
            take_recorder.wait_until(begins + FADE_S)
            take_recorder.redraw()
        take_recorder.wait_until(times[-1])

    def times(self, step: TourStep, narration_s: float) -> tuple[float, ...]:
        """Return when each slide of a segment begins, in seconds, and when the last one ends."""
        interval_s = step.show.advance_interval if step.show else None
        count, text = len(self._numbers(step)), step.narration
        least_s = step.least_s - TAIL_S
        return timing.starts(count, text, narration_s, interval_s=interval_s, least_s=least_s)

    def _numbers(self, step: TourStep) -> tuple[int, ...]:
        return step.show.numbers(self._deck.content) if step.show else ()

    @property
    def _deck(self) -> Deck:
        assert self._spec.slides is not None  # checked when the spec was read
        return self._spec.slides

    def _deck_file(self) -> Path:
        if self._file is None:
            spec = self._spec
            self._file = write_deck(
                self._deck,
                self._folder,
                beside=spec.source.parent,
                language=spec.settings.language,
                title=spec.meta.title,
            )
        return self._file

    def _show(self, page: Page, number: int, *, fade: bool) -> None:
        if (actual := page.evaluate(SHOW, [number, fade])) != number:
            raise StepFailed(f"the deck shows slide {actual} instead of {number}; remove {self._folder} and run again")
