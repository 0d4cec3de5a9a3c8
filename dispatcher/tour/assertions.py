"""What must be true at the end of a step, or it is filmed again. ASSERTIONS is the whole list."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dispatcher.tour import action_parts
from dispatcher.tour.browser_errors import explained
from dispatcher.tour.report import Checked
from dispatcher.tour.stage import Stage
from protocol.errors import StepFailed

PATIENCE_S = 5.0
"""How long an assertion that names no timeout may take to become true."""


def check(stage: Stage, assertion: Any) -> Checked:
    """Return an assertion that holds, or becomes true in time. Raises StepFailed saying what is there instead."""
    try:
        expected, found = ASSERTIONS[assertion.type](stage, assertion)
    except PlaywrightError as error:
        raise explained(error, stage, assertion) from error
    if found is not None:
        raise StepFailed(f"expected {expected}, but {found}; compare the screenshot with the spec")
    return Checked(type=assertion.type, expected=expected, ok=True)


def _holds(stage: Stage, look: Callable[[], str], value: str) -> str | None:
    """Wait until a text holds a value; return None, or the text that does not."""
    deadline = time.monotonic() + PATIENCE_S
    while value not in (text := look()):
        if time.monotonic() > deadline:
            return text
        stage.page.wait_for_timeout(50)
    return None


def _url_contains(stage: Stage, assertion: action_parts.UrlContains) -> tuple[str, str | None]:
    other = _holds(stage, lambda: stage.page.url, assertion.value)
    return f"an address with {assertion.value!r}", None if other is None else f"it is {other}"


def _title_contains(stage: Stage, assertion: action_parts.TitleContains) -> tuple[str, str | None]:
    other = _holds(stage, stage.page.title, assertion.value)
    return f"a title with {assertion.value!r}", None if other is None else f"it is {other!r}"


def _element_visible(stage: Stage, assertion: action_parts.ElementVisible) -> tuple[str, str | None]:
    patience = PATIENCE_S if assertion.timeout is None else assertion.timeout
    expected = f"{assertion.selector!r} to be visible"
    try:
        stage.visible(assertion.selector, assertion.frame).wait_for(timeout=patience * 1000)
    except PlaywrightTimeout:
        return expected, f"it was not within {patience:g} s"
    return expected, None


ASSERTIONS: dict[str, Callable[[Stage, Any], tuple[str, str | None]]] = {
    "url_contains": _url_contains,
    "title_contains": _title_contains,
    "element_visible": _element_visible,
}
