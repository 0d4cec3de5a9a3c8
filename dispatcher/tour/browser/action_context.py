"""What every action works with: the page, the pointer, and time limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from playwright.sync_api import Locator, Page

from dispatcher.tour.browser.pointer import Pointer
from dispatcher.tour.browser.recorder import BrowserRecorder
from dispatcher.tour.browser.selectors import locate

REHEARSAL_REST_S = 0.2
"""The longest pause in a rehearsal."""


@dataclass(frozen=True, kw_only=True)
class ActionContext:
    """The page, the pointer over it, and how long to wait if the action does not say.

    `patience` multiplies the fixed times within which a page must react to an action; a slow machine needs more.
    """

    page: Page
    pointer: Pointer
    timeout_s: float
    record_for: Callable[[float], None] | None = None  # while a take is recorded: waits without missing a frame
    recorder: BrowserRecorder | None = None  # without it there are no tabs, dialogs and file choosers
    folder: Path = Path()  # where relative paths of files start
    rehearsing: bool = False  # as fast as possible
    patience: float = 1.0

    def rest(self, seconds: float) -> None:
        """Do nothing for some seconds."""
        if self.rehearsing:
            self.page.wait_for_timeout(1000 * min(seconds, REHEARSAL_REST_S))
        elif self.record_for is not None:
            self.record_for(seconds)
        else:
            self.page.wait_for_timeout(seconds * 1000)

    def all(self, selector: str, frame: Sequence[str] = ()) -> Locator:
        """Return all elements that match, on the page or in the innermost of these nested frames."""
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
        """Return a time limit in milliseconds, by default the context's."""
        return 1000 * (self.timeout_s if timeout_s is None else timeout_s)

    def now(self) -> Self:
        """Return the context for the tab that is in front now."""
        if self.recorder is None:
            return self
        self.recorder.follow()
        return replace(self, page=self.recorder.page)

    def was_closed_by_itself(self) -> bool:
        """Say whether the page has closed itself, and there is another tab to continue with."""
        return self.page.is_closed() and self.recorder is not None and self.recorder.tabs.front is not None

    def capture_below_pointer(self) -> None:
        """Prepare for a dialog that the next click or key may open."""
        if self.recorder is not None:
            self.recorder.capture_below_pointer()

    def warn(self, text: str) -> None:
        """Add a warning to the step."""
        if self.recorder is not None:
            self.recorder.warn(text)
