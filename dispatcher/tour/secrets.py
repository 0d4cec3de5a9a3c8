"""Keeping secrets out of what a tour leaves behind: console logs, traces, messages."""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, quote_plus

REMOVED = "[removed]"


class Secrets:
    """The values that must reach no file, in every form in which a browser may write them."""

    def __init__(self, values: Iterable[str] = (), pairs: Iterable[tuple[str, str]] = ()) -> None:
        plain = [*values, *(base64.b64encode(f"{user}:{password}".encode()).decode() for user, password in pairs)]
        forms = {form for value in plain for form in _forms(value)}
        self._forms = sorted(forms, key=len, reverse=True)

    def removed_from(self, text: str) -> str:
        """Return a text without them."""
        for form in self._forms:
            text = text.replace(form, REMOVED)
        return text

    def remove_from_zip(self, path: Path) -> None:
        """Write a zip file anew without them, in text and in names."""
        if not self._forms:
            return
        unfinished = path.with_suffix(".unfinished")
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                content = old.read(name)
                for form in self._forms:
                    content = content.replace(form.encode(), REMOVED.encode())
                new.writestr(self.removed_from(name), content)
        unfinished.replace(path)


def _forms(value: str) -> set[str]:
    in_json = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    return {value, quote(value), quote(value, safe=""), quote_plus(value), *in_json}
