"""What a step claims about the page once its actions are done."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Error as PlaywrightError

from dispatcher.tour import parts
from dispatcher.tour.actions import Stage
from dispatcher.tour.report import Checked

PATIENCE_S = 5.0


def url_contains(stage: Stage, claim: parts.UrlContains) -> bool:
    """Say whether the address holds the text."""
    return _soon(stage, lambda: claim.value in stage.page.url)


def title_contains(stage: Stage, claim: parts.TitleContains) -> bool:
    """Say whether the page's title holds the text."""
    return _soon(stage, lambda: claim.value in stage.page.title())


def element_visible(stage: Stage, claim: parts.ElementVisible) -> bool:
    """Say whether an element is visible within its time."""
    try:
        stage.page.locator(claim.selector).first.wait_for(state="visible", timeout=1000 * (claim.timeout or PATIENCE_S))
    except PlaywrightError:
        return False
    return True


def _soon(stage: Stage, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        stage.page.wait_for_timeout(50)
    return True


HOLDS: dict[str, Callable[[Stage, Any], bool]] = {
    "url_contains": url_contains,
    "title_contains": title_contains,
    "element_visible": element_visible,
}


def check(stage: Stage, claim: Any) -> Checked:
    """Check one assertion and say what came of it."""
    expected = getattr(claim, "value", None) or claim.selector
    return Checked(type=claim.type, expected=expected, ok=HOLDS[claim.type](stage, claim))
