"""Messages for the problems of a spec: one for each, with its JSON path and a fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dispatcher.tour.spec.action_types import ACTIONS, ASSERTIONS
from dispatcher.tour.spec.fields import SpecPart
from dispatcher.tour.spec.json_file import Problem, child_path, quoted
from dispatcher.tour.spec.slide_models import SLIDES
from dispatcher.tour.spec.steps import SEGMENTS

_CHOICES: Mapping[str, Mapping[str, type[SpecPart]]] = {
    "actions": ACTIONS,
    "assertions": ASSERTIONS,
    "segments": SEGMENTS,
    "content": SLIDES,
}
_ONE_OF = {"actions": "action", "assertions": "assertion", "segments": "type of segment", "content": "type of slide"}
_OTHER_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("click", "press", "tap", "left_click"), "click_selector"),
    **dict.fromkeys(("type", "fill", "input", "enter_text", "set_value", "write"), "type_text"),
    **dict.fromkeys(("wait", "sleep", "delay", "wait_for_timeout"), "pause"),
    **dict.fromkeys(("key", "keyboard", "hotkey", "shortcut"), "press_key"),
    **dict.fromkeys(("select", "choose", "choose_option", "dropdown"), "select_option"),
    **dict.fromkeys(("mouse_over", "mouseover", "move_to", "mouse_move"), "hover"),
    **dict.fromkeys(("dblclick", "doubleclick"), "double_click"),
    **dict.fromkeys(("context_click", "contextmenu", "context_menu", "rightclick"), "right_click"),
    **dict.fromkeys(("drag_and_drop", "drag_to", "drop", "dnd", "slide"), "drag"),
    **dict.fromkeys(("set_files", "set_input_files", "upload_file", "choose_file", "attach_file"), "upload"),
    **dict.fromkeys(("accept_dialog", "dismiss_dialog", "handle_dialog", "alert", "confirm", "prompt"), "dialog"),
    **dict.fromkeys(("back", "navigate_back", "history_back"), "go_back"),
    **dict.fromkeys(("refresh", "reload_page"), "reload"),
    **dict.fromkeys(("switch_to_tab", "switch_window", "switch_page", "tab"), "switch_tab"),
    **dict.fromkeys(("close_window", "close_page", "close"), "close_tab"),
    **dict.fromkeys(("accept_cookies", "close_popup", "dismiss_cookies"), "dismiss_popups"),
}
"""Names of actions in other tools, and ours."""

_NOT_HERE: Mapping[str, str] = {
    **dict.fromkeys(
        ("goto", "navigate", "open", "open_url", "visit"),
        "a step opens a page; give the step a url",
    ),
    **dict.fromkeys(
        ("evaluate", "execute_script", "run_script", "javascript", "js"),
        "a tour runs no scripts in the page; use actions that viewers can follow, such as click_selector and type_text",
    ),
    **dict.fromkeys(
        ("frame", "switch_to_frame", "iframe"),
        'add "frame": the selector of the iframe, to the action that works inside it',
    ),
    **dict.fromkeys(
        ("assert", "expect", "verify", "check"),
        "what must be true at the end of a step belongs in its assertions",
    ),
    "screenshot": "a tour makes a video, not screenshots; remove it",
}
"""Actions of other tools for which there is something else, or nothing, here."""

_MESSAGES: Mapping[str, str] = {
    "missing": "is missing; add it",
    "model_type": "must be an object, not {got}",
    "model_attributes_type": "must be an object with a type, not {got}",
    "tuple_type": "must be a list, not {got}",
    "string_type": "must be text, not {got}",
    "float_type": "must be a number, not {got}",
    "int_type": "must be a whole number, not {got}",
    "bool_type": "must be true or false, not {got}",
    "literal_error": "must be {expected}, not {got}",
    "greater_than": "must be more than {gt:g}, not {got}",
    "greater_than_equal": "must be at least {ge:g}, not {got}",
    "less_than": "must be less than {lt:g}, not {got}",
    "less_than_equal": "must be at most {le:g}, not {got}",
    "string_too_short": "must have at least {min_length} character(s), not {got}",
    "string_too_long": "has {length} characters; shorten it to at most {max_length}",
    "string_pattern_mismatch": "must match {pattern}, not {got}",
    "value_error": "{error}",
}


def problems(error: ValidationError, model: type[BaseModel]) -> Iterator[Problem]:
    """Yield each problem that `model` found in a spec: its JSON path, and the message with a fix."""
    for found in error.errors(include_url=False):
        path, place = _place(found["loc"], model)
        yield path, _text(found, place)


def _place(loc: Sequence[str | int], model: type[BaseModel]) -> tuple[str, type[BaseModel]]:
    """Return the JSON path of a location, and the model of the object there.

    In pydantic's location, the number of an action is followed by its type, which is not a key of the JSON.
    """
    path, parts = "$", list(loc)
    for n, part in enumerate(parts):
        if n >= 2 and isinstance(parts[n - 1], int) and parts[n - 2] in _CHOICES:
            model = _CHOICES[str(parts[n - 2])][str(part)]
            continue
        path = child_path(path, part)
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return path, model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the first model in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := _model_in(inner))), None)


def _text(found: ErrorDetails, place: type[BaseModel]) -> str:
    match found["type"]:
        case "extra_forbidden":
            return _extra(str(found["loc"][-1]), place)
        case "union_tag_invalid" | "union_tag_not_found":
            return _choice(found)
    got = found["input"]
    if (message := _MESSAGES.get(found["type"])) is None:
        return f"{found['msg'][0].lower()}{found['msg'][1:]}, not {quoted(got)}"
    length = len(got) if isinstance(got, str) else 0
    return message.format(**{**found.get("ctx", {}), "got": quoted(got), "length": length})


def _extra(key: str, place: type[BaseModel]) -> str:
    for name, field in place.model_fields.items():
        if isinstance(field.validation_alias, AliasChoices) and key in field.validation_alias.choices:
            return f"is another spelling of {name!r}, which is also there; keep one of them"
    return f"is not a known key; {nearest(key, list(place.model_fields))}"


def _choice(found: ErrorDetails) -> str:
    """Return the message for a missing or unknown type of an action, assertion, segment or slide."""
    key = str(found["loc"][-2])
    what, known = _ONE_OF[key], list(_CHOICES[key])
    given = found["input"] if isinstance(found["input"], dict) else {}
    name = given.get("type")
    if name is None:
        if (as_key := next((each for each in given if each in known), None)) is not None:
            return f'has no type; write {{"type": "{as_key}", …}} instead of {{"{as_key}": …}}'
        return f"has no type; add one of: {', '.join(known)}"
    suggest = _suggestion if key == "actions" else nearest
    return f"unknown {what} {quoted(name)}; {suggest(str(name), known)}"


def _suggestion(name: str, known: list[str]) -> str:
    """Return a suggestion for an unknown action."""
    plain = name.casefold().replace("-", "_").replace(" ", "_")
    if plain in known:
        return f"did you mean {plain!r}?"
    if (other := _OTHER_NAMES.get(plain) or _OTHER_NAMES.get(plain.replace("_", ""))) is not None:
        return f"did you mean {other!r}?"
    return _NOT_HERE.get(plain) or _nearest_action(plain, known)


def _nearest_action(name: str, known: list[str]) -> str:
    """Return a suggestion for a misspelt action, or a misspelt one of another tool."""
    spellings = {**_OTHER_NAMES, **{action: action for action in known}}
    near = difflib.get_close_matches(name, [*spellings, *_NOT_HERE], n=6, cutoff=0.7)
    if near and near[0] in _NOT_HERE:
        return _NOT_HERE[near[0]]
    similar = list(dict.fromkeys(spellings[spelling] for spelling in near if spelling in spellings))[:2]
    return f"did you mean {' or '.join(map(repr, similar))}?" if similar else nearest(name, known)


def nearest(name: str, known: list[str]) -> str:
    """Return a suggestion for an unknown name, else all known names."""
    near = difflib.get_close_matches(name.casefold(), known, n=2, cutoff=0.55)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are: {', '.join(known)}"
