"""What is wrong with a spec, in words: one line for each problem, with its JSON path and its hint."""

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
"""What an action is called elsewhere, and what it is called here."""

_NOT_HERE: Mapping[str, str] = {
    **dict.fromkeys(
        ("goto", "navigate", "open", "open_url", "visit"),
        "a page is opened by a step; give the step a url",
    ),
    **dict.fromkeys(
        ("evaluate", "execute_script", "run_script", "javascript", "js"),
        "a tour runs no scripts in the page; use the actions a viewer can follow, such as click_selector and type_text",
    ),
    **dict.fromkeys(
        ("frame", "switch_to_frame", "iframe"),
        'add "frame": the selector of the iframe, to the action that works inside it',
    ),
    **dict.fromkeys(
        ("assert", "expect", "verify", "check"),
        "what must be true at the end of a step belongs into its assertions",
    ),
    "screenshot": "a tour makes a video; remove it",
}
"""What elsewhere is an action and here is something else."""

_WORDS: Mapping[str, str] = {
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
    "string_too_long": "holds {length} characters; shorten it to at most {max_length}",
    "string_pattern_mismatch": "must match {pattern}, not {got}",
    "value_error": "{error}",
}


def problems(error: ValidationError, model: type[BaseModel]) -> Iterator[Problem]:
    """Yield each problem that `model` found in a spec, as its JSON path and what to do about it."""
    for found in error.errors(include_url=False):
        path, place = _place(found["loc"], model)
        yield path, _text(found, place)


def _place(loc: Sequence[str | int], model: type[BaseModel]) -> tuple[str, type[BaseModel]]:
    """Return the JSON path of a location, and the model whose keys stand there.

    pydantic puts the type of an action into the location behind its number; the JSON has no such key.
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
    """Return the model that an annotation is made of."""
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
    if (words := _WORDS.get(found["type"])) is None:
        return f"{found['msg'][0].lower()}{found['msg'][1:]}, not {quoted(got)}"
    length = len(got) if isinstance(got, str) else 0
    return words.format(**{**found.get("ctx", {}), "got": quoted(got), "length": length})


def _extra(key: str, place: type[BaseModel]) -> str:
    for name, field in place.model_fields.items():
        if isinstance(field.validation_alias, AliasChoices) and key in field.validation_alias.choices:
            return f"is another spelling of {name!r}, which is there too; keep one of them"
    return f"is not known here; {nearest(key, list(place.model_fields))}"


def _choice(found: ErrorDetails) -> str:
    """Say that the type of an action or assertion is missing or unknown."""
    key = str(found["loc"][-2])
    what, known = _ONE_OF[key], list(_CHOICES[key])
    name = found["input"].get("type") if isinstance(found["input"], dict) else None
    if name is None:
        return f"has no type; add one of: {', '.join(known)}"
    return (
        f"unknown {what} {quoted(name)}; {_meant(str(name), known) if key == 'actions' else nearest(str(name), known)}"
    )


def _meant(name: str, known: list[str]) -> str:
    """Return what an action that does not exist was probably meant to be."""
    plain = name.casefold().replace("-", "_").replace(" ", "_")
    if plain in known:
        return f"did you mean {plain!r}?"
    if (other := _OTHER_NAMES.get(plain) or _OTHER_NAMES.get(plain.replace("_", ""))) is not None:
        return f"did you mean {other!r}?"
    return _NOT_HERE.get(plain) or _nearest_action(plain, known)


def _nearest_action(name: str, known: list[str]) -> str:
    """Return what a misspelt action was probably meant to be, also where the name of another tool is misspelt."""
    spellings = {**_OTHER_NAMES, **{action: action for action in known}}
    near = difflib.get_close_matches(name, [*spellings, *_NOT_HERE], n=6, cutoff=0.7)
    if near and near[0] in _NOT_HERE:
        return _NOT_HERE[near[0]]
    meant = list(dict.fromkeys(spellings[spelling] for spelling in near if spelling in spellings))[:2]
    return f"did you mean {' or '.join(map(repr, meant))}?" if meant else nearest(name, known)


def nearest(name: str, known: list[str]) -> str:
    """Return what a name was probably meant to be, else all there is."""
    near = difflib.get_close_matches(name.casefold(), known, n=2, cutoff=0.55)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are: {', '.join(known)}"
