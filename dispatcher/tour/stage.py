"""What every action works with: the page, the arrow over it, and its time limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from playwright.sync_api import Locator, Page

from dispatcher.tour.cursor import Cursor
from dispatcher.tour.recorder import Recorder
from dispatcher.tour.selectors import locate

HURRIED_REST_S = 0.2
"""How long nothing is done at most while nobody watches."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What an action has to do with: the page, the arrow over it, and how long to wait where it does not say."""

    page: Page
    cursor: Cursor
    timeout_s: float
    film_on: Callable[[float], None] | None = None  # while it is filmed: waits, and sees to it that nothing is missed
    recorder: Recorder | None = None  # what has the page: without it there are no tabs, dialogs and file choosers
    folder: Path = Path()  # where relative paths of files start
    hurries: bool = False  # nobody watches

    def rest(self, seconds: float) -> None:
        """Do nothing for a while."""
        if self.hurries:
            self.page.wait_for_timeout(1000 * min(seconds, HURRIED_REST_S))
        elif self.film_on is not None:
            self.film_on(seconds)
        else:
            self.page.wait_for_timeout(seconds * 1000)

    def all(self, selector: str, frame: Sequence[str] = ()) -> Locator:
        """Return every element that matches: on the page, or in the innermost of the frames."""
        if not frame:
            return locate(self.page, selector)
        inside = locate(self.page, frame[0]).first.content_frame
        for one in frame[1:]:
            inside = locate(inside, one).first.content_frame
        return locate(inside, selector)

    def visible(self, selector: str, frame: Sequence[str] = ()) -> Locator:
        """Return the first visible element that matches."""
        return self.all(selector, frame).filter(visible=True).first

    def ms(self, timeout_s: float | None) -> float:
        """Return a time limit as Playwright wants it."""
        return 1000 * (self.timeout_s if timeout_s is None else timeout_s)

    def now(self) -> Self:
        """Return the stage on the tab that is in front now."""
        if self.recorder is None:
            return self
        self.recorder.follow()
        return replace(self, page=self.recorder.page)

    def was_closed_by_itself(self) -> bool:
        """Say whether the page closed itself, as a tab may, and another tab is there to go on with."""
        return self.page.is_closed() and self.recorder is not None and self.recorder.tabs.front is not None

    def look_below(self) -> None:
        """Prepare for a dialog that the next press may open."""
        if self.recorder is not None:
            self.recorder.look_below()

    def warn(self, text: str) -> None:
        """Say what must not be missed."""
        if self.recorder is not None:
            self.recorder.warn(text)
