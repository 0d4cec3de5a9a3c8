"""From the bytes of a spec to plain JSON values; every breach of strict JSON is a problem with its JSON path.

The meaning of the keys is not known here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from protocol.errors import NotFoundError, SpecError

MAX_DIGITS = 17

Problem = tuple[str, str]
"""A JSON path such as `$.steps[0].id`, and what is wrong there, with the fix."""


_YAML = re.compile(r"(?:---|[A-Za-z_][\w-]*[ \t]*:(?:[ \t]|$)|- )", re.MULTILINE)
_TOML = re.compile(r"\[{1,2}[A-Za-z_][\w.-]*\]{1,2}[ \t]*$|[A-Za-z_][\w-]*[ \t]*=", re.MULTILINE)
_WORDS = {"True": "true", "False": "false", "None": "null", "undefined": "null"}
_FIXES_AT = (
    (re.compile(r"//|/\*|#"), "JSON has no comments; remove it"),
    (re.compile(r"'"), 'text must be between double quotes: "…"'),
    (re.compile(r"[“”„«»‘’]"), 'these are typographic quotes; use plain ones: "…"'),
    (re.compile(r"[A-Za-z_]\w*\s*:"), 'a key must be between double quotes: "…"'),
    (
        re.compile(r"[+.]\d|0\d"),
        "a number must not have a plus sign or a leading zero, and needs a digit before its decimal point",
    ),
)
"""What stands at the position of a mistake, and the fix."""

_PARSER_FIXES = {
    "Invalid control character": 'a text contains a line break; write \\n instead, or close the text with "',
    "Invalid \\escape": "a backslash in a text must be doubled: \\\\",
    "Unterminated string": 'a text is not closed; add the missing "',
    "Extra data": "the spec ends before this position; remove the rest, or the extra closing bracket",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing before this position",
    "Expecting ':' delimiter": "a colon is missing after the key",
}
"""What the parser reports, and the fix."""


class _Object(dict[str, Any]):
    """A JSON object, and its duplicate keys."""

    duplicates: tuple[str, ...] = ()


def read(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    """Return the JSON object in `path`, and every breach of strict JSON that did not prevent reading it.

    Raises NotFoundError if there is no file, SpecError if it is not a JSON object.
    """
    text = _text(path)
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_int=_int)
        problems = list(_breaches(value, "$"))
    except json.JSONDecodeError as error:
        raise SpecError(str(path), [f"$: {_explain(text, error)}"]) from error
    except RecursionError as error:
        raise SpecError(str(path), ["$: is nested too deeply for a spec"]) from error
    if not isinstance(value, dict):
        raise SpecError(str(path), [f"$: must be an object with the key steps, not {quoted(value)}"])
    return value, problems


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"{path} does not exist; give the tour's spec, a JSON file") from error
    except UnicodeDecodeError as error:
        raise SpecError(str(path), [f"$: is not UTF-8 (byte {error.start}); save it as UTF-8"]) from error
    except OSError as error:
        raise SpecError(str(path), [f"$: cannot be read: {error.strerror}; give a file that you may read"]) from error


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    result, duplicates = _Object(), []
    for key, value in pairs:
        if key in result and key not in duplicates:
            duplicates.append(key)
        result[key] = value
    result.duplicates = tuple(duplicates)
    return result


def _int(text: str) -> int | float:
    """Return the integer, or infinity for one with so many digits that reading it would be slow."""
    return int(text) if len(text) <= MAX_DIGITS else math.inf


def _breaches(value: Any, path: str) -> Iterator[Problem]:
    if isinstance(value, _Object):
        for key in value.duplicates:
            yield child_path(path, key), "duplicate key; keep one of them"
        for key, item in value.items():
            yield from _breaches(key, child_path(path, key))
            yield from _breaches(item, child_path(path, key))
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield from _breaches(item, child_path(path, n))
    elif isinstance(value, float) and not math.isfinite(value):
        yield path, "is not a number that JSON allows (NaN, Infinity or out of range); write a finite one"
    elif isinstance(value, str) and not value.isascii() and _is_torn(value):
        yield path, "contains half of a character (a lone \\ud800-\\udfff escape); write the whole character"


def _is_torn(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def child_path(path: str, part: str | int) -> str:
    """Return the JSON path of an item or key in `path`; it is safe to print, whatever the key contains."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    plain = part.isascii() and part.replace("_", "a").isalnum()
    return f"{path}.{part}" if plain else f"{path}[{json.dumps(part)}]"


def quoted(value: Any) -> str:
    """Return a wrong value as a message quotes it: short, and on one line."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=isinstance(value, str) and _is_torn(value))
    return text if len(text) <= 60 else f"{text[:57]}…"


def _explain(text: str, error: json.JSONDecodeError) -> str:
    """Return why a text is not JSON, where, and the fix."""
    if other := _other_format(text):
        return f"is not JSON: {other}"
    at, fix = _fix(text, error)
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    return f"is not JSON: {fix or f'{error.msg}; correct it'} (line {line}, column {column})"


def _other_format(text: str) -> str:
    start = text.lstrip()
    if not start:
        return "the file is empty; it must contain the tour's spec"
    if start.startswith("<"):
        return "it looks like a web page; give the tour's spec"
    if start.startswith(("{", "[{", "[\n", "[ ", "[]")):
        return ""
    if _TOML.match(start):
        return "it looks like TOML; a spec must be JSON"
    if _YAML.match(start):
        return "it looks like YAML; a spec must be JSON"
    return ""


def _fix(text: str, error: json.JSONDecodeError) -> tuple[int, str]:
    """Return the position of the mistake, and the fix; an empty one if the parser's message says it best."""
    at = error.pos
    before = len(text[:at].rstrip()) - 1
    comma = at if text[at : at + 1] == "," else before if before >= 0 and text[before] == "," else None
    if comma is not None and text[comma + 1 :].lstrip()[:1] in ("}", "]"):
        return comma, "there is a comma before a closing bracket; remove it"
    if at >= len(text.rstrip()) and "Expecting" in error.msg:
        return at, "it ends too early; a closing bracket is missing"
    for word, right in _WORDS.items():
        if text.startswith(word, at):
            return at, f"write {right} instead of {word}"
    for form, fix in _FIXES_AT:
        if form.match(text, at):
            return at, fix
    return at, next((fix for message, fix in _PARSER_FIXES.items() if error.msg.startswith(message)), "")
