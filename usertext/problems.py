"""Validation errors as sentences for people, worded once for both sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

SHOWN = 5
"""At most this many problems are listed; the others are often consequences of them."""

_LONGEST = 60


def sentences(error: ValidationError, spell: Callable[[tuple[Any, ...]], str] | None = None) -> str:
    """Return the problems as clauses with their fields, joined by semicolons; only the first one of each field.

    `spell` returns the user's name for a field, from its location.
    """
    told: dict[str, str] = {}
    found = error.errors()
    for each in found:
        if any(len(it["loc"]) > len(each["loc"]) and it["loc"][: len(each["loc"])] == each["loc"] for it in found):
            continue  # a consequence of a problem within it: a list without its wrong entries is too short
        place = (spell or place_of)(each["loc"])
        text = clause(each["type"], each["msg"], each.get("ctx", {}), each.get("input"))
        told.setdefault(place, text if not place else f"{place} {text}")
    return "; ".join(list(told.values())[:SHOWN])


def place_of(loc: tuple[Any, ...]) -> str:
    """Return a location in words: `("steps", 0, "id")` is "the id of step 1"."""
    names: list[str] = []
    for part in loc:
        if isinstance(part, int) and names:
            names[-1] = f"{names[-1].removesuffix('s')} {part + 1}"
        elif isinstance(part, str) and not part.startswith("["):
            names.append(part)
    if len(names) < 2:
        return "".join(names)
    return f"the {' of '.join(reversed(names))}"


_SYNONYMS = {"h265": "hevc", "x265": "hevc", "avc": "h264", "x264": "h264", "jpeg": "jpg", "tif": "tiff"}
"""Other usual names of values, for hints."""


def not_one_of(value: object, allowed: Sequence[str], hints: Sequence[str] = ()) -> str:
    """Return "'h265' is not one of h264, hevc; did you mean hevc?", with the hint only if there is a close match.

    `hints` are the possible suggestions, if other than `allowed`.
    """
    return f"{_shown(value)} is not one of {', '.join(allowed)}{did_you_mean(str(value), hints or allowed)}"


def did_you_mean(value: str, allowed: Sequence[str]) -> str:
    """Return "; did you mean NAME?" for the closest allowed value, or "" if none is close."""
    synonym = _SYNONYMS.get(value.casefold().replace(".", ""))
    close = [synonym] if synonym in allowed else get_close_matches(value.casefold(), allowed, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def clause(sort: str, message: str, more: Mapping[str, Any], value: Any = None) -> str:
    """Return what is wrong with a value, by the type of the problem: "must be at most 2, not 9"."""
    if sort in _WORDS:
        ends = {name: f"{end:.12g}" if isinstance(end, float) else end for name, end in more.items()}
        return _WORDS[sort].format(**ends, told=_shown(value))
    said = message.removeprefix("Value error, ")
    return said[:1].lower() + said[1:]


_NUMBER = "must be a number, not {told}"
_WHOLE = "must be a whole number, not {told}"
_LIST = "must be a list, not {told}"
_OBJECT = "must be an object with names and values, not {told}"
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "literal_error": "must be {expected}, not {told}",
    "string_type": "must be text, not {told}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} character(s)",
    "too_short": "must have at least {min_length} entry",
    "too_long": "must have at most {max_length} entries",
    "greater_than": "must be more than {gt}, not {told}",
    "greater_than_equal": "must be at least {ge}, not {told}",
    "less_than": "must be less than {lt}, not {told}",
    "less_than_equal": "must be at most {le}, not {told}",
    "finite_number": "must be a finite number",
    **dict.fromkeys(("float_type", "float_parsing"), _NUMBER),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), _WHOLE),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false, not {told}"),
    **dict.fromkeys(("list_type", "tuple_type"), _LIST),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), _OBJECT),
}


def _shown(value: Any) -> str:
    """Return a wrong value in a few characters, as in JSON if that is short."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, Mapping):
        return "an object"
    text = f"{value:.12g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
