"""Checking the assertions of a spec: CHECKS has one function for each assertion model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dispatcher.tour.actions.browser_errors import explain
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.spec import action_types as model
from dispatcher.tour.spec.fields import SpecPart
from protocol.errors import StepFailed

PATIENCE_S = 5.0
"""How long an assertion without a timeout may take to become true."""


@dataclass(frozen=True, kw_only=True)
class AssertionResult:
    """The outcome of an assertion."""

    type: str
    expected: str
    ok: bool


def check(context: ActionContext, assertion: Any) -> AssertionResult:
    """Return the result of an assertion that is met in time. Raises StepFailed saying what was found instead."""
    try:
        expected, found = CHECKS[type(assertion)](context, assertion)
    except PlaywrightError as error:
        raise explain(error, context, assertion) from error
    if found is not None:
        raise StepFailed(f"expected {expected}, but {found}; compare the screenshot with the spec")
    return AssertionResult(type=assertion.type, expected=expected, ok=True)


def _wait_for_text(context: ActionContext, read: Callable[[], str], value: str) -> str | None:
    """Wait until a text contains a value; return None, or the text that does not contain it."""
    deadline = time.monotonic() + context.patience * PATIENCE_S
    while value not in (text := read()):
        if time.monotonic() > deadline:
            return text
        context.page.wait_for_timeout(50)
    return None


def _url_contains(context: ActionContext, assertion: model.UrlContains) -> tuple[str, str | None]:
    other = _wait_for_text(context, lambda: context.page.url, assertion.value)
    return f"an address with {assertion.value!r}", None if other is None else f"it is {other}"


def _title_contains(context: ActionContext, assertion: model.TitleContains) -> tuple[str, str | None]:
    other = _wait_for_text(context, context.page.title, assertion.value)
    return f"a title with {assertion.value!r}", None if other is None else f"it is {other!r}"


def _element_visible(context: ActionContext, assertion: model.ElementVisible) -> tuple[str, str | None]:
    timeout_s = context.patience * PATIENCE_S if assertion.timeout is None else assertion.timeout
    expected = f"{assertion.selector!r} to be visible"
    try:
        context.visible(assertion.selector, assertion.frame).wait_for(timeout=timeout_s * 1000)
    except PlaywrightTimeout:
        return expected, f"it was not visible within {timeout_s:g} s"
    return expected, None


CHECKS: dict[type[SpecPart], Callable[[ActionContext, Any], tuple[str, str | None]]] = {
    model.UrlContains: _url_contains,
    model.TitleContains: _title_contains,
    model.ElementVisible: _element_visible,
}
