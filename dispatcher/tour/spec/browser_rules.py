"""Validators for a spec's browser settings; settings.py has the models.

Secrets are never in the spec: `${NAME}` in a header, user name or password is an environment variable.
"""

from __future__ import annotations

import json
import re
import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|key|password", re.IGNORECASE)
_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?(?:[-_](?:[A-Za-z]{2}|[0-9]{3}))?")
_SPOKEN: Mapping[str, str] = {"cmn": "zh-CN", "yue": "zh-HK"}
"""Languages whose tag for voices differs from that for browsers."""


def locale(value: str) -> str:
    """Return a language tag in the form of browsers."""
    if not _TAG.fullmatch(value):
        raise ValueError(f'{value!r} is not a language tag; write it as "de-DE", "pt-BR" or "ja"')
    return _tag(value)


def timezone(value: str) -> str:
    """Return the time zone, if it exists."""
    known = zoneinfo.available_timezones()
    if known and value not in known:
        raise ValueError(f'{value!r} is not a time zone; write it as "Europe/Berlin", "America/New_York" or "UTC"')
    return value


def headers(value: Any) -> Any:
    """Return HTTP headers, if all their secrets come from the environment."""
    if not isinstance(value, dict) or not all(isinstance(each, str) for pair in value.items() for each in pair):
        raise ValueError(
            'must be an object with text values: {"X-Tenant": "demo", "Authorization": "Bearer ${APP_TOKEN}"}'
        )
    for name, text in value.items():
        if not _HEADER.fullmatch(name):
            raise ValueError(
                f"{name!r} is not a valid name of an HTTP header; remove spaces, colons and special characters"
            )
        if "\n" in text or "\r" in text or len(text) > 8000:
            raise ValueError(f"the value of {name} must be one line of at most 8000 characters")
        if _SECRET_HEADER.search(name) and not VARIABLE.search(text):
            raise ValueError(f"{name} has a secret in the spec; write ${{NAME}} and set NAME in the environment")
    return value


def not_literal(value: str) -> str:
    """Return a text, if its secret comes from the environment."""
    if not VARIABLE.search(value):
        raise ValueError('is written in the spec itself; write "${NAME}" and set NAME in the environment')
    return value


def storage_problem(path: Path) -> str | None:
    """Return why a file is not a browser's saved state, or None if it is one."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return f"cannot be read ({error.strerror}); save one with: playwright codegen --save-storage=FILE"
    except ValueError:
        return "is not JSON; save one with: playwright codegen --save-storage=FILE"
    lists = isinstance(state, dict) and all(isinstance(state.get(name, []), list) for name in ("cookies", "origins"))
    if not lists or not {"cookies", "origins"} & set(state):
        return "has no cookies and no origins; save one with: playwright codegen --save-storage=FILE"
    return None


def locale_of(language: str) -> str | None:
    """Return the browser's tag for the language of a voice; None if there is none."""
    parts = language.replace("_", "-").split("-")
    if parts[0].casefold() in _SPOKEN:
        return _SPOKEN[parts[0].casefold()]
    found = _TAG.match(language)
    return _tag(found[0]) if found and found[0].split("-")[0].split("_")[0] == parts[0] else None


def _tag(value: str) -> str:
    """Return a language tag in the form of browsers: de, de-DE, zh-Hant-TW."""
    language, *rest = re.split("[-_]", value)
    return "-".join([language.lower(), *(part.title() if len(part) == 4 else part.upper() for part in rest)])
