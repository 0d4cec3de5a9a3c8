"""Explaining the browser's errors: what happened, and the fix."""

from __future__ import annotations

import contextlib
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Frame, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.navigation import is_navigation_error
from dispatcher.tour.browser.page_load import describe_bad_selector, is_bad_selector
from protocol.errors import StepFailed

FRAME_SELECTOR = """frame => {
  const quoted = text => text.replace(/["\\\\]/g, "\\\\$&");
  if (frame.id) return /^[A-Za-z][\\w-]*$/.test(frame.id) ? `#${frame.id}` : `iframe[id="${quoted(frame.id)}"]`;
  for (const name of ["name", "title", "src"]) {
    const value = frame.getAttribute(name);
    if (value) return `iframe[${name}="${quoted(value)}"]`;
  }
  return "iframe";
}"""


def explain(error: PlaywrightError, context: ActionContext, action: Any = None) -> StepFailed:
    """Return a StepFailed for an error of the browser: what happened, with a hint."""
    text = str(error)
    reason = text.strip().splitlines()[0].split(": ", 1)[-1]
    if "crashed" in text:
        return StepFailed("the page crashed; it may need more memory than this machine has")
    if "has been closed" in text:
        return StepFailed(
            "the browser has ended, or the page closed itself; it may need more memory than this machine has"
        )
    if is_navigation_error(error):
        hint = "first wait for something on the final page (wait_for_selector), or give the final address"
        return StepFailed(f"the page navigated to another address during the action; {hint}")
    if is_bad_selector(error):
        return StepFailed(describe_bad_selector(error, getattr(action, "selector", None)), retryable=False)
    if "Unknown key" in text:
        hint = 'use names such as Enter, Tab, ArrowDown, a or "Control+s"'
        return StepFailed(f"unknown key ({reason}); {hint}", retryable=False)
    if "Non-multiple file input" in text:
        return StepFailed("the page accepts one file, but several were given; give one", retryable=False)
    if isinstance(error, PlaywrightTimeout):
        return _timed_out(context, action)
    return StepFailed(f"the browser reported an error ({reason}); look at the screenshot and the console log")


def _timed_out(context: ActionContext, action: Any) -> StepFailed:
    waited = context.ms(getattr(action, "timeout", None)) / 1000
    hint = "check it against the screenshot, or raise the action's timeout or settings.default_step_timeout"
    selector = getattr(action, "selector", None)
    if isinstance(selector, str) and not getattr(action, "frame", ()):
        with contextlib.suppress(PlaywrightError):  # a page that is gone has no frames
            hint = _in_frame(context.page, selector) or hint
    return StepFailed(f"{_unmet(context, action)} after {waited:g} s; {hint}")


def _unmet(context: ActionContext, action: Any) -> str:
    """Return which element was not in the expected state, by its selector."""
    frame = tuple(getattr(action, "frame", ()))
    kind = getattr(action, "type", "")
    state = "hidden" if kind == "wait_for_hidden" else getattr(action, "state", "visible")
    selectors = [getattr(action, "selector", None), getattr(action, "to", None) if kind == "drag" else None]
    with contextlib.suppress(PlaywrightError):  # a page that is gone has no elements
        for selector in filter(None, selectors):
            if unmet := _state_of(context, selector, frame, state):
                return unmet
    return "the page did not respond"


def _state_of(context: ActionContext, selector: str, frame: tuple[str, ...], state: str) -> str:
    """Return how an element differs from the expected state; "" if it does not."""
    for depth, holder in enumerate(frame):
        if not context.all(holder, frame[:depth]).count():
            return f"no iframe matches {holder!r}"
    inside = f" in the iframe {frame[-1]!r}" if frame else ""
    found = context.all(selector, frame).count()
    visible = context.visible(selector, frame).count()
    if state in ("hidden", "detached"):
        still = visible if state == "hidden" else found
        return f"{selector!r} is still {'visible' if state == 'hidden' else 'on the page'}{inside}" if still else ""
    if not found:
        return f"no element matches {selector!r}{inside}"
    return (
        "" if visible or state == "attached" else f"no visible element matches {selector!r}{inside} (hidden: {found})"
    )


def _in_frame(page: Page, selector: str) -> str | None:
    """Return how to reach an element in a frame of the page; None if no frame has it."""
    names = dict.fromkeys([selector, selector.split(">>")[-1].strip()])
    for frame in page.frames[1:]:
        for name in names:
            if frame.locator(name).count():
                path = _path_of(frame)
                option = (
                    f'"frame": "{path[0]}"'
                    if len(path) == 1
                    else '"frame": [' + ", ".join(f'"{o}"' for o in path) + "]"
                )
                return f"{name!r} is inside an iframe: write it as the selector, and add {option} to the action"
    return None


def _path_of(frame: Frame) -> list[str]:
    """Return the selectors of the frames that lead to this one, outermost first."""
    path: list[str] = []
    at: Frame | None = frame
    while at is not None and at.parent_frame is not None:
        path.insert(0, str(at.frame_element().evaluate(FRAME_SELECTOR)))
        at = at.parent_frame
    return path


def describe(part: object) -> str:
    """Return an action or assertion as messages name it: its type and its selector, key or value."""
    texts = (getattr(part, key, None) for key in ("selector", "key", "value", "to"))
    about = next((text for text in texts if text and isinstance(text, str)), None)
    kind = str(getattr(part, "type", "?"))
    return kind if about is None else f"{kind} {about!r}"
