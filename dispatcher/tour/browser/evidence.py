"""The evidence of a failed step, without secrets: screenshot, console log and trace.

Removed are passwords in addresses, credentials in headers and cookies, typed text, and the values that the spec takes
from the environment. The screenshot shows what the page shows.
"""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from playwright.sync_api import BrowserContext, Page
from playwright.sync_api import Error as PlaywrightError

from usertext.redaction import REMOVED, without_secrets

VALUE_REMOVED = "[removed]"
HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token"})
"""The headers whose values are credentials."""

TYPED = frozenset({"fill", "type", "insertText", "press", "keyboardType", "keyboardInsertText", "keyboardPress"})
"""The calls in a trace that type text, which may be a password; the spec says what was typed."""


class Secrets:
    """The values that must not appear in any file, in every form in which a browser may write them."""

    def __init__(self, values: Iterable[str] = (), pairs: Iterable[tuple[str, str]] = ()) -> None:
        plain = [*values, *(base64.b64encode(f"{user}:{password}".encode()).decode() for user, password in pairs)]
        forms = {form for value in plain for form in _forms(value)}
        self._forms = sorted(forms, key=len, reverse=True)

    def removed_from(self, text: str) -> str:
        """Return a text without these values."""
        for form in self._forms:
            text = text.replace(form, VALUE_REMOVED)
        return text

    def remove_from_zip(self, path: Path) -> None:
        """Replace a zip file by a copy without these values, both in its files and in their names."""
        if not self._forms:
            return
        unfinished = path.with_suffix(".unfinished")
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                content = old.read(name)
                for form in self._forms:
                    content = content.replace(form.encode(), VALUE_REMOVED.encode())
                new.writestr(self.removed_from(name), content)
        unfinished.replace(path)


def _forms(value: str) -> set[str]:
    in_json = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    return {value, quote(value), quote(value, safe=""), quote_plus(value), *in_json}


def keep_evidence(folder: Path, page: Page, console: list[str], secrets: Secrets) -> None:
    """Write screenshot.png, console.log and trace.zip to a folder, as far as the browser can still provide them."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        page.screenshot(path=folder / "screenshot.png", timeout=5000)
    except PlaywrightError as error:
        console.append(f"[recorder] no screenshot: {first_line(error)}")
    try:
        _keep_trace(folder / "trace.zip", page.context, secrets)
    except PlaywrightError as error:
        console.append(f"[recorder] no trace: {first_line(error)}")
    text = secrets.removed_from("".join(f"{line}\n" for line in console))
    (folder / "console.log").write_text(without_secrets(text), encoding="utf-8")


def _keep_trace(path: Path, context: BrowserContext, secrets: Secrets) -> None:
    context.tracing.stop_chunk(path=path)
    clean_trace(path)
    secrets.remove_from_zip(path)
    context.tracing.start_chunk()


def first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return str(error).strip().splitlines()[0]


def clean_trace(path: Path) -> None:
    """Replace a Playwright trace by a copy without secrets, atomically."""
    part = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, _cleaned(old.read(name)))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _cleaned(data: bytes) -> bytes:
    """Return a file of a trace without secrets: JSON lines or other text; an image is returned as it is."""
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
