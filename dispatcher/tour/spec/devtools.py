"""Converting a recording of Chrome's DevTools (Recorder, "Export as JSON") to a spec. The rest is reported.

The format is that of the package @puppeteer/replay. Its times are in milliseconds; its selectors are alternatives; a
navigation starts a step of the tour.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from dispatcher.tour.spec.fields import ALTERNATIVE, INSIDE, MAX_SIDE, MIN_SIDE
from dispatcher.tour.spec.json_file import quoted

MODIFIERS = ("Control", "Alt", "Meta", "Shift")
KEYS = {" ": "Space"}
MAIN = "main"
MAX_SELECTOR = 2000
TITLE = re.compile(r"document\.title\s*===?\s*(['\"])(?P<text>.+)\1;?")
ADDRESS = re.compile(
    r"(?:window\.|document\.)?location(?:\.(?:href|pathname|hash|search))?"
    r"(?:\s*===?\s*|\.(?:includes|endsWith|startsWith)\()(['\"])(?P<text>.+)\1\)?;?"
)
"""The expressions that are equivalent to an assertion of a tour."""


@dataclass(frozen=True, kw_only=True)
class DevtoolsSpec:
    """A spec made from a recording, and notes on what was left out."""

    spec: dict[str, Any]
    notes: tuple[str, ...]


def is_recording(raw: Mapping[str, Any]) -> bool:
    """Say whether a JSON object is a recording of DevTools: a list of steps with types and without ids."""
    steps = raw.get("steps")
    own = [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
    known = [step for step in own if step.get("type") in {*_TYPES, *_LEFT_OUT}]
    return bool(known) and not any("id" in step for step in own)


def spec_of(flow: Mapping[str, Any]) -> DevtoolsSpec:
    """Return the spec for a recording. It has no narration, and no steps if there is nothing to record."""
    writer = _Writer()
    for n, step in enumerate(flow["steps"]):
        writer.take(n, step)
    title = flow.get("title")
    settings: dict[str, Any] = {"mode": "continuous", **writer.settings}
    if _is_time(flow.get("timeout")):
        settings["default_step_timeout"] = flow["timeout"] / 1000
    meta = {"meta": {"title": title}} if isinstance(title, str) and title else {}
    return DevtoolsSpec(spec={**meta, "settings": settings, "steps": writer.steps}, notes=tuple(writer.notes))


@dataclass
class _Writer:
    """Builds a spec, one step of the recording after the other."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)  # modifier keys that are down
    target: str = MAIN
    next_title: str | None = None  # the last action led to a page of this title: the next action starts a step
    is_lone: bool = True  # the pressed modifier has not been part of a chord

    def take(self, n: int, step: Any) -> None:
        """Convert one step of the recording."""
        kind = step.get("type") if isinstance(step, dict) else None
        act = _TYPES.get(kind) if isinstance(kind, str) else None
        if act is None:
            self.note(n, step, "has no equivalent in a tour and is left out")
            return
        if kind not in ("setViewport", "navigate", "close"):
            self._switch_to(str(step.get("target", MAIN)))
        act(self, n, step)
        self._after(step)

    def note(self, n: int, step: Any, what: str) -> None:
        """Add a note on what was left out of a step."""
        kind = step.get("type") if isinstance(step, dict) else step
        self.notes.append(f"step {n + 1} ({kind if isinstance(kind, str) else quoted(kind)}) {what}")

    def act(self, action: dict[str, Any], step: Mapping[str, Any]) -> None:
        """Add an action to the tour's current step."""
        if _is_time(step.get("timeout")) and action["type"] != "press_key":
            action["timeout"] = step["timeout"] / 1000
        self.current()["actions"].append(action)

    def on_element(self, n: int, step: Mapping[str, Any], action: dict[str, Any]) -> None:
        """Add an action on the element that the recording names; without one it is left out, with a note."""
        selector = _selector(step.get("selectors"))
        if not selector:
            self.note(n, step, "names no element and is left out")
            return
        self.act({"type": action.pop("type"), "selector": selector, **_frame(step), **action}, step)

    def begin(self, url: str | None, title: str | None) -> None:
        """Start a step of the tour."""
        step: dict[str, Any] = {"id": f"step-{len(self.steps) + 1:02d}"}
        if title:
            step["title"] = title
        if url is not None:
            step["url"] = url
        self.steps.append({**step, "narration": "", "actions": []})
        self.next_title = None

    def expect(self, kind: str, value: str) -> None:
        """Add an assertion to the tour's current step; as assertions come last, the next action starts a step."""
        step = self.steps[-1] if self.steps else self.current()
        step.setdefault("assertions", []).append({"type": kind, "value": value})
        self.next_title = self.next_title or ""

    def current(self) -> dict[str, Any]:
        """Return the tour's step to which the next action belongs."""
        if not self.steps:
            self.notes.append("the recording does not open a page first: set the url of the first step")
            self.begin("about:blank", None)
        elif self.next_title is not None:
            self.begin(None, self.next_title)
        return self.steps[-1]

    def _switch_to(self, target: str) -> None:
        """Switch back to the first tab; the recorder follows new tabs by itself."""
        if target == MAIN and self.target != MAIN:
            self.current()["actions"].append({"type": "switch_tab", "tab": 1})
        self.target = target

    def _after(self, step: Mapping[str, Any]) -> None:
        """Remember the page to which an action has led."""
        for event in _events(step):
            if event.get("type") == "navigation" and step["type"] != "navigate":
                self.next_title = str(event.get("title") or "")


def _set_viewport(writer: _Writer, n: int, step: Mapping[str, Any]) -> None:
    size = [_side(step.get(side)) for side in ("width", "height")]
    if None in size:
        writer.note(n, step, "has no size and is left out")
        return
    if "viewport" in writer.settings and writer.settings["viewport"] != size:
        writer.note(n, step, "changes the size of the page, but a video has only one: it is left out")
        return
    writer.settings["viewport"] = size
    if size != [step["width"], step["height"]]:
        writer.note(n, step, f"is rounded to {size[0]}x{size[1]}: a video has even sides")
    options = {
        "device_scale_factor": step.get("deviceScaleFactor", 1) not in (0, 1) and step["deviceScaleFactor"],
        "mobile": step.get("isMobile") is True,
    }
    if context := {name: value for name, value in options.items() if value}:
        writer.settings["browser_context"] = context
    if step.get("hasTouch") is True:
        writer.note(n, step, "has a touch screen: clicks remain mouse clicks")


def _navigate(writer: _Writer, n: int, step: Mapping[str, Any]) -> None:
    url = step.get("url")
    if not isinstance(url, str) or not url:
        writer.note(n, step, "names no address and is left out")
        return
    titles = [event["title"] for event in _events(step) if isinstance(event.get("title"), str)]
    writer.begin(url, next(filter(None, titles), urlsplit(url).path.strip("/")))


def _click(writer: _Writer, n: int, step: Mapping[str, Any], *, twice: bool = False) -> None:
    button = str(step.get("button", "primary"))
    kinds = {
        ("primary", False): "click_selector",
        ("primary", True): "double_click",
        ("secondary", False): "right_click",
    }
    if (kind := kinds.get((button, twice))) is None:
        writer.note(n, step, f"uses the {button} button and is left out")
        return
    if step.get("deviceType") in ("touch", "pen"):
        writer.note(n, step, f"is a tap ({step['deviceType']}): it becomes a click")
    writer.on_element(n, step, {"type": kind})


def _double_click(writer: _Writer, n: int, step: Mapping[str, Any]) -> None:
    _click(writer, n, step, twice=True)


def _hover(writer: _Writer, n: int, step: Mapping[str, Any]) -> None:
    writer.on_element(n, step, {"type": "hover"})


def _change(writer: _Writer, n: int, step: Mapping[str, Any]) -> None:
    value = step.get("value")
    if not isinstance(value, str):
        writer.note(n, step, "has no value and is left out")
        return
    writer.on_element(n, step, {"type": "type_text", "text": value, "clear": True})


def _key_down(writer: _Writer, n: int, step: Mapping[str, Any]) -> None:
    key = step.get("key")
    if not isinstance(key, str) or not key:
        writer.note(n, step, "names no key and is left out")
    elif key in MODIFIERS:
        writer.pressed = [*(other for other in writer.pressed if other != key), key]
        writer.is_lone = True
    else:
        writer.is_lone = False
        _press(writer, step, "+".join([*(key_ for key_ in MODIFIERS if key_ in writer.pressed), KEYS.get(key, key)]))


def _key_up(writer: _Writer, n: int, step: Mapping[str, Any]) -> None:
    key = step.get("key")
    if key in writer.pressed:
        if writer.is_lone and writer.pressed == [key]:
            _press(writer, step, str(key))
        writer.pressed.remove(key)


def _press(writer: _Writer, step: Mapping[str, Any], chord: str) -> None:
    actions = writer.current()["actions"]
    last = actions[-1] if actions else {}
    if last.get("type") == "press_key" and last["key"] == chord and last.get("times", 1) < 200:
        last["times"] = last.get("times", 1) + 1
    else:
        writer.act({"type": "press_key", "key": chord}, step)


def _scroll(writer: _Writer, n: int, step: Mapping[str, Any]) -> None:
    to = {axis: step[axis] for axis in ("x", "y") if _is_number(step.get(axis)) and step[axis] >= 0}
    if not to:
        writer.note(n, step, "names no position and is left out")
        return
    if to.get("x") == 0:  # almost always: the page is not scrolled sideways
        to = {"y": to["y"]} if "y" in to else to
    selector = _selector(step.get("selectors"))
    box = {"selector": selector} if selector else {}
    if _frame(step):
        writer.note(n, step, "scrolls within a frame and is left out")
        return
    writer.current()["actions"].append({"type": "scroll", "to": to["y"] if set(to) == {"y"} else to, **box})


def _wait_for_element(writer: _Writer, n: int, step: Mapping[str, Any]) -> None:
    operator, count = step.get("operator", ">="), step.get("count", 1)
    visible = step.get("visible")
    none = (operator in ("==", "<=") and count == 0) or (operator == "<" and count == 1)
    if not none and (operator, count) != (">=", 1):
        writer.note(n, step, f"waits for {operator} {count} elements: the tour waits for the first one")
    if step.get("properties") or step.get("attributes"):
        writer.note(n, step, "checks properties or attributes, which a tour does not")
    state = "detached" if none else "hidden" if visible is False else "visible" if visible else "attached"
    writer.on_element(n, step, {"type": "wait_for_selector", "state": state})


def _wait_for_expression(writer: _Writer, n: int, step: Mapping[str, Any]) -> None:
    written = step.get("expression")
    expression = written.strip() if isinstance(written, str) else ""
    if found := TITLE.fullmatch(expression):
        writer.expect("title_contains", found["text"])
    elif found := ADDRESS.fullmatch(expression):
        writer.expect("url_contains", found["text"])
    else:
        writer.note(n, step, f"has an expression that a tour cannot wait for and is left out: {quoted(written)}")


def _close(writer: _Writer, n: int, step: Mapping[str, Any]) -> None:
    if str(step.get("target", MAIN)) == MAIN:
        writer.note(n, step, "is left out: the browser ends with the tour")
    else:
        writer.act({"type": "close_tab"}, {})
        writer.target = MAIN


_TYPES: Mapping[str, Callable[[_Writer, int, Mapping[str, Any]], None]] = {
    "setViewport": _set_viewport,
    "navigate": _navigate,
    "click": _click,
    "doubleClick": _double_click,
    "hover": _hover,
    "change": _change,
    "keyDown": _key_down,
    "keyUp": _key_up,
    "scroll": _scroll,
    "waitForElement": _wait_for_element,
    "waitForExpression": _wait_for_expression,
    "close": _close,
}
"""The types of steps that can be converted."""

_LEFT_OUT = ("customStep", "emulateNetworkConditions")


def _selector(alternatives: Any) -> str:
    """Return one selector for a list of alternatives, as many as fit; each is a string, or a chain of strings."""
    chains = [_chain(each) for each in alternatives] if isinstance(alternatives, list) else []
    selectors = list(dict.fromkeys(filter(None, chains)))
    while len(selector := ALTERNATIVE.join(selectors)) > MAX_SELECTOR and len(selectors) > 1:
        selectors.pop()
    return selector


def _chain(alternative: Any) -> str:
    parts = [alternative] if isinstance(alternative, str) else alternative
    if not isinstance(parts, list) or not parts or not all(isinstance(part, str) and part for part in parts):
        return ""
    return INSIDE.join(_part(part) for part in parts)


def _part(selector: str) -> str:
    """Return one selector; a plain one is CSS, and pierces shadow roots as `pierce/` does."""
    kind, found, rest = selector.partition("/")
    if found and rest and kind in ("pierce", "css"):
        return rest
    return f"{kind}={rest}" if found and rest and kind in ("text", "xpath") else selector


def _frame(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return the path to the frame of a step: the index of each nested frame."""
    path = step.get("frame")
    numbers = path if isinstance(path, list) and all(type(number) is int for number in path) else []
    return {"frame": [f"iframe >> nth={number}" for number in numbers]} if numbers else {}


def _events(step: Mapping[str, Any]) -> list[dict[str, Any]]:
    events = step.get("assertedEvents")
    return [event for event in events if isinstance(event, dict)] if isinstance(events, list) else []


def _side(value: Any) -> int | None:
    """Return the nearest valid side of a video."""
    if not _is_number(value) or not 0 < value <= 10 * MAX_SIDE:
        return None
    return min(max(2 * round(float(value) / 2), MIN_SIDE), MAX_SIDE)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_time(value: Any) -> bool:
    return _is_number(value) and 0 < value <= 3_600_000
