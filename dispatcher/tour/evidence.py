"""What is kept to show why a step failed, without secrets: addresses with passwords, headers, cookies, typed text."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from usertext.redaction import REMOVED, without_secrets

HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token"})
"""The headers whose values open something."""

TYPED = frozenset({"fill", "type", "insertText", "press", "keyboardType", "keyboardInsertText", "keyboardPress"})
"""The calls of a trace that enter text: it may be a password, and which keys were meant the spec tells."""


def clean_trace(path: Path) -> None:
    """Rewrite a trace of Playwright without secrets, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, _cleaned(old.read(name)))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _cleaned(data: bytes) -> bytes:
    """Return a member of a trace without secrets: lines of JSON, other text, or a picture, which stays."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return data
    return "\n".join(_line(line) for line in text.split("\n")).encode("utf-8")


def _line(line: str) -> str:
    try:
        return json.dumps(_value(json.loads(line)), ensure_ascii=False, separators=(",", ":")) if line else line
    except json.JSONDecodeError:
        return without_secrets(line)


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, list):
        return [_value(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    cleaned = {key: _value(item) for key, item in value.items()}
    if str(value.get("name", "")).lower() in HEADERS and "value" in value:
        cleaned["value"] = REMOVED
    if value.get("method") in TYPED and isinstance(cleaned.get("params"), dict):
        hidden = {name: REMOVED for name in ("value", "text", "key") if name in cleaned["params"]}
        cleaned["params"] = {**cleaned["params"], **hidden}
    return cleaned
