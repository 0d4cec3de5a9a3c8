"""Closing what covers a page when it opens: banners about cookies and consent in any language, and usual dialogs.

What a consent banner is, and which of its buttons agrees, is in popups.js; a button anywhere else is never pressed.
"""

from __future__ import annotations

import contextlib
import re
from importlib.resources import files

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Frame, Locator

from dispatcher.tour import action_parts
from dispatcher.tour.pointing import click
from dispatcher.tour.stage import Stage
from protocol.errors import StepFailed

FIND_CONSENT = (files("dispatcher.tour") / "popups.js").read_text(encoding="utf-8")
MARK = "data-gpudrop-consent"
UNMARK = f"element => element.removeAttribute('{MARK}')"

CONSENT_FRAME = re.compile(
    r"consent|cookie|gdpr|dsgvo|privacy[-_ ]?(manager|center)|(^|[-_ ])cmp($|[-_ ])|sp[-_ ]message|trustarc|onetrust",
    re.IGNORECASE,
)
"""What a frame is called that holds nothing but a consent banner."""
FRAME_NAMES = (
    "frame => [frame.id, frame.name, frame.title, frame.className, frame.getAttribute('aria-label')].join(' ')"
)

LOOKS = 3
PAUSE_MS = 150
CLICK_S = 2.0

USUAL_DIALOGS = (
    "[role=dialog] button[aria-label='Close' i], dialog button[aria-label='Close' i]",
    "[role=dialog] button:text-matches('^(got it|no thanks|not now|dismiss|close)$', 'i')",
    "dialog button:text-matches('^(got it|no thanks|not now|dismiss|close)$', 'i')",
)


def dismiss_popups(stage: Stage, action: action_parts.DismissPopups) -> None:
    """Close what is there now or appears within half a second; that there is nothing is no error."""
    for _ in range(LOOKS):
        if not action.selectors:
            _answer_consent(stage)
        for selector in action.selectors or USUAL_DIALOGS:
            popup = stage.visible(selector)
            if popup.is_visible():
                _close(stage, popup)
        stage.page.wait_for_timeout(PAUSE_MS)


def _answer_consent(stage: Stage) -> None:
    """Agree to what a consent banner asks, in whichever frame it is."""
    for frame in stage.page.frames:
        if not _has_consent(frame):
            continue
        button = frame.locator(f"[{MARK}]").first
        element = button.element_handle(timeout=CLICK_S * 1000)
        _close(stage, button)
        with contextlib.suppress(PlaywrightError):  # it is gone with its banner
            element.evaluate(UNMARK)
        return


def _has_consent(frame: Frame) -> bool:
    """Say whether a frame shows a consent banner; its button is marked then."""
    try:
        if frame.parent_frame is not None and not frame.frame_element().is_visible():
            return False
        return bool(frame.evaluate(FIND_CONSENT, {"mark": MARK, "whole": _is_consent(frame)}))
    except PlaywrightError:
        if frame.is_detached():  # it asks nothing any more
            return False
        raise


def _is_consent(frame: Frame) -> bool:
    if frame.parent_frame is None:
        return False
    return CONSENT_FRAME.search(str(frame.frame_element().evaluate(FRAME_NAMES))) is not None


def _close(stage: Stage, popup: Locator) -> None:
    """Click a popup away; one that goes away by itself meanwhile is as good."""
    try:
        click(stage, popup, CLICK_S * 1000)
    except (PlaywrightError, StepFailed):
        if popup.is_visible():
            raise
