"""config.toml: a user's defaults. The only module that reads or writes it."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from protocol.errors import EnvironmentNotReady, StorageFull, UsageError, is_full
from protocol.transports import check_address, read_address

NAME = "config.toml"
KEYS: Mapping[str, str] = {
    "drop": "the shared folder, or rclone:REMOTE:PATH",
    "voice": "who speaks where a tour names no voice",
    "out": "the folder for results where a command names none",
}
"""The keys, and what each means. Every value is a string."""


def read(path: Path) -> dict[str, str]:
    """Return the validated values of the file; empty if there is no file.

    Raises EnvironmentNotReady, with the line and the fix of every mistake.
    """
    text = _text(path)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EnvironmentNotReady(f'{path}: {error}. A line looks like this: drop = "/home/me/drop"') from error
    wrong = [f"{path}{_line(text, key)}: {why}" for key, value in found.items() if (why := _problem(key, value))]
    if wrong:
        raise EnvironmentNotReady("\n".join(wrong))
    return {key: str(value) for key, value in found.items()}


def checked(key: str, value: str) -> str:
    """Return a value as the file should contain it, with absolute paths. Raises UsageError if it is invalid."""
    if key in ("drop", "out") and value:
        address = read_address(value) if key == "drop" else Path(value).expanduser()
        value = str(address.absolute() if isinstance(address, Path) else address)
    if why := _problem(key, value):
        raise UsageError(why)
    return value


def write(path: Path, key: str, value: str | None) -> None:
    """Set a key, or remove it with None. Comments and other lines stay as they are.

    Raises EnvironmentNotReady for a file that is invalid, cannot be written, or has the value on several lines.
    """
    wanted = {**read(path), key: value}
    text = _with(_text(path), key, value)
    if not _says(text, {name: it for name, it in wanted.items() if it is not None}):
        raise EnvironmentNotReady(f"{path}: {key} is written in an unusual way; edit it by hand")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    except OSError as error:
        problem = StorageFull if is_full(error) else EnvironmentNotReady
        fix = "Free some space, or set GPUDROP_CONFIG_DIR to a writable folder"
        raise problem(f"{path} cannot be written: {error.strerror}. {fix}") from error


def _says(text: str, wanted: Mapping[str, str]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise EnvironmentNotReady(f"{path} is not UTF-8 text. Save it as UTF-8, or remove it") from error
    except OSError as error:
        raise EnvironmentNotReady(
            f"{path} cannot be read: {error.strerror}. Correct that, or set GPUDROP_CONFIG_DIR to another folder"
        ) from error


def _with(text: str, key: str, value: str | None) -> str:
    """Return the text with the line of a key replaced, appended, or removed."""
    line = "" if value is None else f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
    new, count = re.subn(rf"^[ \t]*{key}[ \t]*=.*(?:\n|\Z)", lambda _: line, text, count=1, flags=re.MULTILINE)
    if count:
        return new
    return f"{text}\n{line}" if text and not text.endswith("\n") else text + line


def _line(text: str, key: str) -> str:
    """Return ", line N" of a key or table; "" if it is written in an unusual way."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"""\s*\[*\s*["']?{re.escape(key)}\b""", line):
            return f", line {number}"
    return ""


def _problem(key: str, value: object) -> str:
    if key not in KEYS:
        near = difflib.get_close_matches(key, KEYS, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        return f"unknown setting {key!r}.{meant} Known settings: {', '.join(KEYS)}"
    if not isinstance(value, str):
        return f'{key} must be a string in quotes, not {json.dumps(value, default=str)}: {key} = "…"'
    if not value.strip():
        return f"{key} is empty; give it a value, or remove it: gpudrop config unset {key}"
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        return f"{key} contains a control character; remove it"
    return _OF_VALUE[key](value)


def _drop_problem(value: str) -> str:
    try:
        address = check_address(value)
    except UsageError as error:
        return f"drop: {error}"
    return _folder_problem("drop", address) if isinstance(address, Path) else ""


def _folder_problem(key: str, path: Path) -> str:
    return "" if path.is_absolute() else f'{key} must be an absolute path, or begin with ~, not "{path}"'


def voice_problem(value: str) -> str:
    """Return why this cannot be the name of a voice; empty if it can."""
    from protocol.kinds.tts import MAX_VOICE  # the table of kinds is slow to import: only where a voice is checked

    return "" if len(value) <= MAX_VOICE else f"voice is longer than {MAX_VOICE} characters: no voice has such a name"


def _out_problem(value: str) -> str:
    return _folder_problem("out", Path(value).expanduser())


_OF_VALUE = {"drop": _drop_problem, "voice": voice_problem, "out": _out_problem}
