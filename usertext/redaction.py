"""Removes secrets from text that others may read: logs, markers, error messages and reports.

One list of patterns for both sides. `without_secrets` removes credentials; `redact` also personal data (e-mail
addresses, home folders); `legible` replaces a terminal's control sequences. Other text stays as it is.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

REMOVED = "<removed>"

_NAMES = (
    r"token|secret|password|passwd|passphrase|api[_-]?key|private[_-]?key|access[_-]?key|credentials?|signature"
    r"|(?<![A-Za-z])(?:pass|pwd|cookie)"
)
_QUOTED = (
    r"\"(?:[^\"\\\n]|\\[^\n])*(?:\"|\\?(?=\n)|\\?\Z)"  # in quotes, or to the end of a line that is cut
    r"|'(?:[^'\\\n]|\\[^\n])*(?:'|\\?(?=\n)|\\?\Z)"
)
_BARE = r"[^\s\"',;&}\]{<]+"

_SCHEMES = frozenset(["apikey", "basic", "bearer", "digest", "negotiate", "token"])
_PROSE = frozenset(
    re.findall(
        r"\w+",
        """a after again all already also an and any are as ask at be because been before both but by can cannot check
        click contains could did differs do does doesn don each either empty enter every expected expired failed false
        field file first fix for forgot found from give given had has have here his how however if in incorrect instead
        into invalid is isn it its last leave longer may missing more most must name names needed needs neither never
        new no nobody none not nothing null of off old on once one only open optional or other our out over page please
        read refused rejected required reset same see set several show shown since so some something stands still such
        take takes tell than that the their them then there these they this those to too true try two type typed
        undefined unknown unset until up use used uses value was wasn we were what when where whether which while who
        why will with without would write wrong yes yet you your""",
    )
)
"""Words after a colon or an option in a sentence: "password: must not be empty", "give --token or ask for one"."""

_WORD = re.compile(r"[A-Za-z]{1,24}")
_TRAILING = re.compile(r"[.:!?)]+\Z")
_TOKEN = re.compile(r"[0-9_=~+/]|[A-Za-z]\.[A-Za-z]|[a-z][A-Z]")
"""What a secret contains and a word of a sentence does not."""

_IN_STEP = re.compile(r"\bstep '[^']{0,64}\Z")
"""In our own messages a sentence follows the id of a step, whatever that id is."""

_Put = str | Callable[[re.Match[str]], str]


def _is_prose(value: str) -> bool:
    """Say whether the text in the place of a secret is a word of the sentence around it, or a placeholder."""
    is_placeholder = not value.strip(".…:!?()<>") or value.startswith("$(")  # as advice writes it
    return value.strip(".:!?()").lower() in _PROSE or is_placeholder


def _cut(before: str, value: str) -> str:
    """Return a name with its secret removed; punctuation at the end stays."""
    end = _TRAILING.search(value)
    return f"{before}{REMOVED}{end[0] if end else ''}"


def _after_name(found: re.Match[str]) -> str:
    """Remove the value of `name=value` and `name: value`; after a colon a word may belong to the sentence."""
    before, value = found["before"], found["value"]
    if _IN_STEP.search(found.string[max(0, found.start() - 80) : found.start()]):
        return found[0]
    if value[0] in "\"'":
        return f"{before}{REMOVED}"
    return found[0] if "=" not in before and _reads_on(before, value) else _cut(before, value)


def _reads_on(before: str, value: str) -> bool:
    """Say whether a sentence continues after `name:`, as in "step 'token': nothing matches" or "first pass: done"."""
    is_word = _WORD.fullmatch(value.rstrip(".:!?)")) is not None
    is_quoted_name = before.rstrip(" \t:")[-1:] in "\"'"
    is_weak = re.search(r"(?i)(?:pass|cookie|signature|credentials?)[\"']?\s*:\s+\Z", before) is not None
    return _is_prose(value) or (is_word and before[-1:].isspace() and (is_quoted_name or is_weak))


def _after_option(found: re.Match[str]) -> str:
    """Remove the value after `--token`, unless a sentence continues there."""
    return found[0] if _is_prose(found["value"]) else _cut(found["before"], found["value"])


def _after_scheme(found: re.Match[str]) -> str:
    """Remove what follows `bearer` or `basic` if it is a token or credentials, not a word: "basic understanding"."""
    value = found["value"]
    if found["scheme"].lower() == "basic":
        return f"{found['before']}{REMOVED}" if _are_credentials(value) else found[0]
    is_token = len(value) >= 24 or _TOKEN.search(value)
    return f"{found['before']}{REMOVED}" if is_token else found[0]


def _are_credentials(value: str) -> bool:
    """Say whether a text is `user:password` in base64, as in an HTTP header."""
    try:
        return b":" in base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except ValueError:
        return False


def _authorization(found: re.Match[str]) -> str:
    """Remove the value of an Authorization header, with or without a scheme; a sentence stays."""
    before, scheme, value = found["before"], found["scheme"] or "", found["value"]
    if scheme.strip().lower() in _SCHEMES or (scheme and not _TOKEN.search(scheme) and _TOKEN.search(value)):
        return _cut(before + scheme, value)
    if not scheme:
        return found[0] if _WORD.fullmatch(value.rstrip(".:!?)")) else _cut(before, value)
    return f"{before}{REMOVED} {value}" if _TOKEN.search(scheme) else found[0]


# Texts may be hostile: no pattern here reads any part of a text more than a few dozen times.
SECRETS: tuple[tuple[re.Pattern[str], _Put], ...] = tuple(
    (re.compile(pattern, flags), put)
    for pattern, flags, put in (
        # Recognised by their own form.
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
        # Recognised by their context.
        (
            r"(?P<before>authorization[\"']?\s{0,8}[:=]\s{0,8}[\"']?)(?P<scheme>[A-Za-z][\w-]{0,40}\s{1,8})?"
            r"(?P<value>[^\s\"',;<]+)",
            re.I,
            _authorization,
        ),
        (
            r"(?P<before>\b(?P<scheme>bearer|basic)\s{1,8})(?P<value>[A-Za-z0-9._~+/-]{8,}=*)",
            re.I,
            _after_scheme,
        ),
        # The last @ before the path ends what may be a password: there may be one within it.
        (r"://[^\s/?#\"'<>]{1,300}@", 0, f"://{REMOVED}@"),
        (r"(?i)%3A%2F%2F(?:(?!%2F|%40)[^\s/&\"'<>]){1,300}%40", 0, f"%3A%2F%2F{REMOVED}%40"),
        (r"([?&][\w.-]{0,40}(?:key|sig|code|auth)=)[^\s&#\"'<>]+", re.I, rf"\1{REMOVED}"),
        (
            r"(?P<before>(?<!\S)--[\w-]{0,40}(?:pass|password|token|secret|key)[ \t]{1,8})(?!-)(?P<value>[^\s\"',;<]+)",
            re.I,
            _after_option,
        ),
        (rf"(?P<before>(?:{_NAMES})[\"']?\s{{0,8}}[:=]\s{{0,8}})(?P<value>{_QUOTED}|{_BARE})", re.I, _after_name),
    )
)
"""Credentials: pattern → replacement."""

PERSONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}\b", "<e-mail>"),
        (r"(?<![\w.~-])/(?:home|Users)/[^/\s:\"'<>|]+", "~"),
        (r"(?<![\w.~/-])/root(?=/|\b)", "~"),
        (r"(?i)\b[A-Z]:(?:\\{1,2}|/)Users(?:\\{1,2}|/)[^\\/\s:\"'<>|]+", "~"),
    )
)
"""Personal data: pattern → replacement."""

_LONGEST = 200_000

STEERING = re.compile(
    r"\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)?"  # a title, a link, the clipboard
    r"|\x1b\[[0-?]{0,40}[ -/]{0,8}[@-~]?"  # colours, the cursor, the screen
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"  # the rest, and what turns the line around
)
"""Control sequences, which a terminal executes instead of showing."""


def without_secrets(text: str) -> str:
    """Return `text` without keys, tokens, passwords, Authorization headers and credentials in addresses."""
    for pattern, put in SECRETS:
        text = pattern.sub(put, text)
    return text


def without_secrets_in(value: Any) -> Any:
    """Return a JSON value whose texts, at whatever depth, are `without_secrets`; its keys stay."""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping):
        return {key: without_secrets_in(item) for key, item in value.items()}
    return [without_secrets_in(item) for item in value] if isinstance(value, list | tuple) else value


def legible(text: str) -> str:
    """Return `text` as it can safely be shown in a terminal: lines and tabs stay, control sequences are replaced."""
    return STEERING.sub("\ufffd", text.replace("\r\n", "\n"))


def redact(text: str) -> str:
    """Return `text` without secrets, e-mail addresses and home folders; a very long text is cut first."""
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
    """Removes from texts of any length what `redact` removes, and everything that identifies this user or machine.

    `places` are the user's folders (path → replacement), `names` those of the user and the machine. A name is removed
    as a whole word, whatever its case.
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
        """Return a redacted text. If it begins in the middle of a private key, the rest of the key is removed."""
        text = without_secrets(_WRITTEN_BREAK.sub(r"\1" + _APART, _ENDS_A_KEY.sub(REMOVED, text)))
        for path, put in self._places:
            text = text.replace(path, put)
        for pattern, put in (*PERSONS, (_ENCODED_AT, "<e-mail>"), *self._names):
            text = pattern.sub(put, text)
        return text.replace(_APART, "")

    def value(self, value: Any) -> Any:
        """Return a redacted JSON value: all its texts and keys, and every value whose key is the name of a secret."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self._under(str(key), item) for key, item in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list | tuple) else value

    def _under(self, key: str, item: Any) -> Any:
        hides = _SECRET_NAME.search(key) and isinstance(item, str | list | tuple | dict) and item
        return REMOVED if hides else self.value(item)


def _spellings(path: str) -> tuple[str, ...]:
    """Return the spellings of a path: plain, in JSON or a Python repr, and in a URL."""
    from urllib.parse import quote

    found = (path, path.replace("\\", "\\\\"), path.replace("/", "\\/"), quote(path), quote(path, safe=""))
    return tuple(dict.fromkeys(found))


class Redacting(logging.Filter):
    """Redacts every record that a handler is about to write, including its traceback."""

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
    """Make every handler of a logger (by default the root) write without secrets."""
    for handler in (logger or logging.getLogger()).handlers:
        handler.addFilter(Redacting())
