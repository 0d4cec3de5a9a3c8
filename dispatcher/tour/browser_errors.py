"""What a browser says of an action that failed, in our words: what happened, and the fix."""

from __future__ import annotations

import contextlib
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Frame, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dispatcher.tour.leaving import has_left
from dispatcher.tour.page_load import bad_selector, is_bad_selector
from dispatcher.tour.stage import Stage
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


def explained(error: PlaywrightError, stage: Stage, action: Any = None) -> StepFailed:
    """Return a browser's error as ours: what happened, and the hint."""
    text = str(error)
    why = text.strip().splitlines()[0].split(": ", 1)[-1]
    if "crashed" in text:
        return StepFailed("the page crashed; it may need more memory than there is here")
    if "has been closed" in text:
        return StepFailed(
            "the browser has ended, or the page closed itself; it may need more memory than there is here"
        )
    if has_left(error):
        hint = (
            "before that, wait for what is to be seen in the end (wait_for_selector), or give the address it leads to"
        )
        return StepFailed(f"the page went to another address meanwhile; {hint}")
    if is_bad_selector(error):
        return StepFailed(bad_selector(error, getattr(action, "selector", None)), retryable=False)
    if "Unknown key" in text:
        hint = 'use names such as Enter, Tab, ArrowDown, a or "Control+s"'
        return StepFailed(f"there is no such key ({why}); {hint}", retryable=False)
    if "Non-multiple file input" in text:
        return StepFailed("the page takes one file, and several were given; name one", retryable=False)
    if isinstance(error, PlaywrightTimeout):
        return _too_late(stage, action)
    return StepFailed(f"the browser refused ({why}); look at the screenshot and the console log")


def _too_late(stage: Stage, action: Any) -> StepFailed:
    waited = stage.ms(getattr(action, "timeout", None)) / 1000
    hint = "check it against the screenshot, or raise the action's timeout or settings.default_step_timeout"
    selector = getattr(action, "selector", None)
    if isinstance(selector, str) and not getattr(action, "frame", ()):
        with contextlib.suppress(PlaywrightError):  # a page that has gone holds no frame to name
            hint = _in_frame(stage.page, selector) or hint
    return StepFailed(f"{_unmet(stage, action)} after {waited:g} s; {hint}")


def _unmet(stage: Stage, action: Any) -> str:
    """Return what is still not as an action wants it, naming the selector."""
    frame = tuple(getattr(action, "frame", ()))
    kind = getattr(action, "type", "")
    state = "hidden" if kind == "wait_for_hidden" else getattr(action, "state", "visible")
    selectors = [getattr(action, "selector", None), getattr(action, "to", None) if kind == "drag" else None]
    with contextlib.suppress(PlaywrightError):  # a page that has gone cannot be asked
        for selector in filter(None, selectors):
            if unmet := _state_of(stage, selector, frame, state):
                return unmet
    return "the page did not respond"


def _state_of(stage: Stage, selector: str, frame: tuple[str, ...], state: str) -> str:
    """Return how an element differs from the state that is waited for; "" where it does not."""
    for depth, holder in enumerate(frame):
        if not stage.all(holder, frame[:depth]).count():
            return f"no iframe matches {holder!r}"
    inside = f" in the iframe {frame[-1]!r}" if frame else ""
    found = stage.all(selector, frame).count()
    shown = stage.visible(selector, frame).count()
    if state in ("hidden", "detached"):
        still = shown if state == "hidden" else found
        return f"{selector!r} is still {'visible' if state == 'hidden' else 'on the page'}{inside}" if still else ""
    if not found:
        return f"no element matches {selector!r}{inside}"
    return "" if shown or state == "attached" else f"no visible element matches {selector!r}{inside} (hidden: {found})"


def _in_frame(page: Page, selector: str) -> str | None:
    """Return how to get at an element that is in a frame of the page; None where it is in none."""
    wanted = dict.fromkeys([selector, selector.split(">>")[-1].strip()])
    for frame in page.frames[1:]:
        for name in wanted:
            if frame.locator(name).count():
                way = _way(frame)
                told = (
                    f'"frame": "{way[0]}"' if len(way) == 1 else '"frame": [' + ", ".join(f'"{o}"' for o in way) + "]"
                )
                return f"{name!r} is inside an iframe: write it as the selector, and add {told} to the action"
    return None


def _way(frame: Frame) -> list[str]:
    """Return the selectors of the frames that lead to this one, outermost first."""
    way: list[str] = []
    at: Frame | None = frame
    while at is not None and at.parent_frame is not None:
        way.insert(0, str(at.frame_element().evaluate(FRAME_SELECTOR)))
        at = at.parent_frame
    return way


def named(part: object) -> str:
    """Return an action or assertion as people know it: its type and what it is about."""
    texts = (getattr(part, key, None) for key in ("selector", "key", "value", "to"))
    about = next((text for text in texts if text and isinstance(text, str)), None)
    kind = str(getattr(part, "type", "?"))
    return kind if about is None else f"{kind} {about!r}"
