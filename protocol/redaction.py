"""Secrets out of text that others may read: logs, markers, error texts and reports.

One list of patterns for both sides. `without_secrets` takes away what opens something; `redact` also what tells who
somebody is (addresses of people, names of home folders); `legible` what would steer the terminal that shows it. All
leave text without any of it as it is.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Any

REMOVED = "<removed>"

_NAMES = (
    r"token|secret|password|passwd|passphrase|api[_-]?key|private[_-]?key|access[_-]?key|credentials?|signature"
    r"|(?<![A-Za-z])(?:pass|pwd|cookie)"
)
_VALUE = (
    r"\"(?:[^\"\\\n]|\\[^\n])*(?:\"|\\?(?=\n)|\\?\Z)"  # in quotes, or to the end of a line that is cut
    r"|'(?:[^'\\\n]|\\[^\n])*(?:'|\\?(?=\n)|\\?\Z)"
    r"|[^\s\"',;&}\]{]+"
)

# Texts may be hostile: no pattern here can look at one place of a text more than a few dozen times.
SECRETS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, flags), put)
    for pattern, flags, put in (
        # By their own look.
        (r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}KEY-----|\Z)", re.S, REMOVED),
        (r"\bgpudrop-secret-([a-z]{1,20}):[A-Za-z0-9_-]+", 0, rf"gpudrop-secret-\1:{REMOVED}"),
        (r"\bhf_[A-Za-z0-9]{8,}", 0, REMOVED),
        (r"\b(?:gh[pousr]_|github_pat_|glpat-)[A-Za-z0-9_-]{16,}", 0, REMOVED),
        (r"\bya29\.[A-Za-z0-9_.-]{10,}", 0, REMOVED),
        (r"(?<![\w/])1//[A-Za-z0-9_-]{20,}", 0, REMOVED),
        (r"\bAIza[A-Za-z0-9_-]{30,}", 0, REMOVED),
        (r"\bGOCSPX-[A-Za-z0-9_-]{10,}", 0, REMOVED),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", 0, REMOVED),
        (r"\bsk-[A-Za-z0-9_-]{16,}", 0, REMOVED),
        (r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}", 0, REMOVED),
        (r"(?<![\w-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?", 0, REMOVED),
        # By where they stand.
        (
            r"(authorization[\"']?\s{0,8}[:=]\s{0,8}[\"']?)(?:[A-Za-z][\w-]{0,20}\s{1,8})?[^\s\"',;]+",
            re.I,
            rf"\1{REMOVED}",
        ),
        (r"\b(bearer|basic)\s{1,8}[A-Za-z0-9._~+/-]{8,}=*", re.I, rf"\1 {REMOVED}"),
        (r"://[^\s/@\"'<>]{1,300}@", 0, f"://{REMOVED}@"),
        (r"([?&][\w.-]{0,40}(?:key|sig|code|auth)=)[^\s&#\"'<>]+", re.I, rf"\1{REMOVED}"),
        (
            r"((?<!\S)--[\w-]{0,40}(?:pass|password|token|secret|key)[ \t]{1,8})(?![-…<$])[^\s\"',;]+",
            re.I,
            rf"\1{REMOVED}",
        ),
        (rf"((?:{_NAMES})[\"']?\s{{0,8}}[:=]\s{{0,8}})(?:{_VALUE})", re.I, rf"\1{REMOVED}"),
    )
)
"""What opens something: pattern → what is put in its place."""

PERSONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}\b", "<e-mail>"),
        (r"(?<![\w.~-])/(?:home|Users)/[^/\s:\"'<>|]+", "~"),
        (r"(?<![\w.~/-])/root(?=/|\b)", "~"),
        (r"(?i)\b[A-Z]:(?:\\{1,2}|/)Users(?:\\{1,2}|/)[^\\/\s:\"'<>|]+", "~"),
    )
)
"""What tells who somebody is."""

_LONGEST = 200_000

STEERING = re.compile(
    r"\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)?"  # a title, a link, the clipboard
    r"|\x1b\[[0-?]{0,40}[ -/]{0,8}[@-~]?"  # colours, the cursor, the screen
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"  # the rest, and what turns the line around
)
"""What a terminal obeys instead of showing."""


def without_secrets(text: str) -> str:
    """Return `text` without keys, tokens, passwords, Authorization headers and credentials in addresses."""
    for pattern, put in SECRETS:
        text = pattern.sub(put, text)
    return text


def legible(text: str) -> str:
    """Return `text` as it may be shown in a terminal, whoever wrote it: lines and tabs stay, what steers goes."""
    return STEERING.sub("\ufffd", text.replace("\r\n", "\n"))


def redact(text: str) -> str:
    """Return `text` without secrets, e-mail addresses and home folders; what is very long is cut first."""
    text = without_secrets(text[:_LONGEST])
    for pattern, put in PERSONS:
        text = pattern.sub(put, text)
    return text


_SECRET_NAME = re.compile(rf"(?:^|[^A-Za-z])(?:{_NAMES})$|(?:{_NAMES})$", re.IGNORECASE)
_ENDS_A_KEY = re.compile(r"\A(?:(?!-----BEGIN).)*?-----END [A-Z0-9 ]{0,40}KEY-----", re.DOTALL)
_WRITTEN_BREAK = re.compile(r"(\\[nrt])")  # a line's end as JSON and Python write it: what follows begins a word
_APART = "\0"
_ENCODED_AT = re.compile(r"\b[A-Za-z0-9._+-]{1,64}%40[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}\b")


class Redactor:
    """Takes out of texts, however long, what `redact` does, and all that tells who and where this very user is.

    `places` are folders of his (path → what is put there), `names` his and his machine's. A name is taken out as a
    word, whatever its case.
    """

    def __init__(self, *, places: Iterable[tuple[str, str]] = (), names: Iterable[tuple[str, str]] = ()) -> None:
        told = sorted(((path.rstrip("/\\"), put) for path, put in places), key=lambda it: -len(it[0]))
        self._places = [(spelling, put) for path, put in told if len(path) > 1 for spelling in _spellings(path)]
        self._names = [
            (re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", re.IGNORECASE), put)
            for name, put in sorted(names, key=lambda it: -len(it[0]))
            if len(name) > 1
        ]

    def text(self, text: str) -> str:
        """Return a text without it. One that begins within a private key loses what is left of the key."""
        text = without_secrets(_WRITTEN_BREAK.sub(r"\1" + _APART, _ENDS_A_KEY.sub(REMOVED, text)))
        for path, put in self._places:
            text = text.replace(path, put)
        for pattern, put in (*PERSONS, (_ENCODED_AT, "<e-mail>"), *self._names):
            text = pattern.sub(put, text)
        return text.replace(_APART, "")

    def value(self, value: Any) -> Any:
        """Return a JSON value without it: in all its texts and keys, and what stands under the name of a secret."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self._under(str(key), item) for key, item in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list | tuple) else value

    def _under(self, key: str, item: Any) -> Any:
        hides = _SECRET_NAME.search(key) and isinstance(item, str | list | tuple | dict) and item
        return REMOVED if hides else self.value(item)


def _spellings(path: str) -> tuple[str, ...]:
    """Return how a path is written: plainly, in JSON or a Python repr, and in an address."""
    from urllib.parse import quote

    found = (path, path.replace("\\", "\\\\"), path.replace("/", "\\/"), quote(path), quote(path, safe=""))
    return tuple(dict.fromkeys(found))


class Redacting(logging.Filter):
    """Rewrites every record that a handler is about to write, its traceback included."""

    _formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record pass, without secrets."""
        record.msg, record.args = legible(redact(record.getMessage())), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = self._formatter.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = legible(redact(record.exc_text))
        return True


def guard_logs(logger: logging.Logger | None = None) -> None:
    """Make every handler that a logger has (the root, unless told) write without secrets."""
    for handler in (logger or logging.getLogger()).handlers:
        handler.addFilter(Redacting())
