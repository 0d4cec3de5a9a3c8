"""Closing popups: consent banners in any language, and usual dialogs.

popups.js recognises a consent banner and its accepting button; a button anywhere else is never clicked.
"""

from __future__ import annotations

import contextlib
import re
from importlib.resources import files

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Frame, Locator

from dispatcher.tour.actions.pointing import click
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.spec import action_models
from protocol.errors import StepFailed

FIND_CONSENT = (files("dispatcher.tour.actions") / "popups.js").read_text(encoding="utf-8")
MARK = "data-gpudrop-consent"
UNMARK = f"element => element.removeAttribute('{MARK}')"

CONSENT_FRAME = re.compile(
    r"consent|cookie|gdpr|dsgvo|privacy[-_ ]?(manager|center)|(^|[-_ ])cmp($|[-_ ])|sp[-_ ]message|trustarc|onetrust",
    re.IGNORECASE,
)
"""The names of frames that contain only a consent banner."""
FRAME_NAMES = (
    "frame => [frame.id, frame.name, frame.title, frame.className, frame.getAttribute('aria-label')].join(' ')"
)

ROUNDS = 3
PAUSE_MS = 150
CLICK_S = 2.0

USUAL_DIALOGS = (
    "[role=dialog] button[aria-label='Close' i], dialog button[aria-label='Close' i]",
    "[role=dialog] button:text-matches('^(got it|no thanks|not now|dismiss|close)$', 'i')",
    "dialog button:text-matches('^(got it|no thanks|not now|dismiss|close)$', 'i')",
)


def dismiss_popups(context: ActionContext, action: action_models.DismissPopups) -> None:
    """Close popups that are open or open within half a second; it is not an error if there is none."""
    for _ in range(ROUNDS):
        if not action.selectors:
            _answer_consent(context)
        for selector in action.selectors or USUAL_DIALOGS:
            popup = context.visible(selector)
            if popup.is_visible():
                _close(context, popup)
        context.page.wait_for_timeout(PAUSE_MS)


def _answer_consent(context: ActionContext) -> None:
    """Accept a consent banner, in whichever frame it is."""
    for frame in context.page.frames:
        if not _has_consent(frame):
            continue
        button = frame.locator(f"[{MARK}]").first
        element = button.element_handle(timeout=context.patience * CLICK_S * 1000)
        _close(context, button)
        with contextlib.suppress(PlaywrightError):  # the button is gone with the banner
            element.evaluate(UNMARK)
        return


def _has_consent(frame: Frame) -> bool:
    """Say whether a frame shows a consent banner; if so, its button is marked."""
    try:
        if frame.parent_frame is not None and not frame.frame_element().is_visible():
            return False
        return bool(frame.evaluate(FIND_CONSENT, {"mark": MARK, "whole": _is_consent(frame)}))
    except PlaywrightError:
        if frame.is_detached():  # it is gone
            return False
        raise


def _is_consent(frame: Frame) -> bool:
    if frame.parent_frame is None:
        return False
    return CONSENT_FRAME.search(str(frame.frame_element().evaluate(FRAME_NAMES))) is not None


def _close(context: ActionContext, popup: Locator) -> None:
    """Click a popup's button; it is fine if the popup disappears by itself meanwhile."""
    try:
        click(context, popup, context.patience * CLICK_S * 1000)
    except (PlaywrightError, StepFailed):
        if popup.is_visible():
            raise
