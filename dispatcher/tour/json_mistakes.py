"""What is wrong with a file that is no JSON, in words: another format, or one of the mistakes that people make."""

from __future__ import annotations

import json
import re

_YAML = re.compile(r"(?:---|[A-Za-z_][\w-]*[ \t]*:(?:[ \t]|$)|- )", re.MULTILINE)
_TOML = re.compile(r"\[{1,2}[A-Za-z_][\w.-]*\]{1,2}[ \t]*$|[A-Za-z_][\w-]*[ \t]*=", re.MULTILINE)
_WORDS = {"True": "true", "False": "false", "None": "null", "undefined": "null"}
_AT = (
    (re.compile(r"//|/\*|#"), "JSON has no comments; remove it"),
    (re.compile(r"'"), 'a text stands between double quotes: "…"'),
    (re.compile(r"[“”„«»‘’]"), 'these are typographic quotes; write plain ones: "…"'),
    (re.compile(r"[A-Za-z_]\w*\s*:"), 'a key stands between double quotes: "…"'),
    (re.compile(r"[+.]\d|0\d"), "a number has no plus sign, no leading zero, and a digit before its point"),
)
"""What is found at the place of a mistake, and what to do about it."""

_SAID = {
    "Invalid control character": 'a text goes over the end of its line; write \\n there, or close it with "',
    "Invalid \\escape": "a backslash in a text is written twice: \\\\",
    "Unterminated string": 'a text is not closed; add the missing "',
    "Extra data": "the spec has ended before; remove what follows, or the bracket too many",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing before this place",
    "Expecting ':' delimiter": "a colon is missing after the key",
}
"""What the parser says, and what to do about it."""


def explained(text: str, error: json.JSONDecodeError) -> str:
    """Return what is wrong with a text that is no JSON, where, and the hint."""
    if other := _other_format(text):
        return f"is not JSON: {other}"
    at, hint = _hint(text, error)
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    return f"is not JSON: {hint or f'{error.msg}; correct it'} (line {line}, column {column})"


def _other_format(text: str) -> str:
    start = text.lstrip()
    if not start:
        return "the file is empty; write the tour's spec into it"
    if start.startswith("<"):
        return "it looks like a web page; name the tour's spec"
    if start.startswith(("{", "[{", "[\n", "[ ", "[]")):
        return ""
    if _TOML.match(start):
        return "it looks like TOML; a spec is written in JSON"
    if _YAML.match(start):
        return "it looks like YAML; a spec is written in JSON"
    return ""


def _hint(text: str, error: json.JSONDecodeError) -> tuple[int, str]:
    """Return the place of the mistake, and what to do about it; nothing where the parser says it best."""
    at = error.pos
    before = len(text[:at].rstrip()) - 1
    comma = at if text[at : at + 1] == "," else before if before >= 0 and text[before] == "," else None
    if comma is not None and text[comma + 1 :].lstrip()[:1] in ("}", "]"):
        return comma, "a comma stands before a closing bracket; remove it"
    if at >= len(text.rstrip()) and "Expecting" in error.msg:
        return at, "it ends too early; close its brackets"
    for word, right in _WORDS.items():
        if text.startswith(word, at):
            return at, f"{word} is written {right}"
    for form, hint in _AT:
        if form.match(text, at):
            return at, hint
    return at, next((hint for said, hint in _SAID.items() if error.msg.startswith(said)), "")
