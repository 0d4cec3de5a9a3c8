"""From the bytes of a spec to plain JSON values, with what strict JSON forbids named by its place.

Knows nothing of tours: what the keys mean is in `parts` and `spec`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dispatcher.tour import json_mistakes
from protocol.errors import NotFoundError, SpecError

MAX_DIGITS = 17

Problem = tuple[str, str]
"""A JSON path such as `$.steps[0].id`, and what is wrong there with its hint."""


class _Object(dict[str, Any]):
    """A JSON object that remembers which keys stood in it more than once."""

    twice: tuple[str, ...] = ()


def read(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    """Return the JSON object in `path` and every breach of strict JSON that still let it be read.

    Raises NotFoundError where there is no file, SpecError where there is no JSON object in it.
    """
    text = _text(path)
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_int=_int)
        problems = list(_breaches(value, "$"))
    except json.JSONDecodeError as error:
        raise SpecError(str(path), [f"$: {json_mistakes.explained(text, error)}"]) from error
    except RecursionError as error:
        raise SpecError(str(path), ["$: is nested too deeply to be a spec"]) from error
    if not isinstance(value, dict):
        raise SpecError(str(path), [f"$: must be an object with the key steps, not {shown(value)}"])
    return value, problems


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"{path} does not exist; name the tour's spec, a JSON file") from error
    except UnicodeDecodeError as error:
        raise SpecError(str(path), [f"$: is not UTF-8 (byte {error.start}); save it as UTF-8"]) from error
    except OSError as error:
        raise SpecError(str(path), [f"$: cannot be read: {error.strerror}; name a file you may read"]) from error


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    made, twice = _Object(), []
    for key, value in pairs:
        if key in made and key not in twice:
            twice.append(key)
        made[key] = value
    made.twice = tuple(twice)
    return made


def _int(text: str) -> int | float:
    """Return the integer, or infinity for one that is out of all proportion and would be slow to read."""
    return int(text) if len(text) <= MAX_DIGITS else math.inf


def _breaches(value: Any, path: str) -> Iterator[Problem]:
    if isinstance(value, _Object):
        for key in value.twice:
            yield below(path, key), "stands twice in its object; keep one"
        for key, item in value.items():
            yield from _breaches(key, below(path, key))
            yield from _breaches(item, below(path, key))
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield from _breaches(item, below(path, n))
    elif isinstance(value, float) and not math.isfinite(value):
        yield path, "is no number that JSON knows (NaN, Infinity or out of range); write a finite one"
    elif isinstance(value, str) and not value.isascii() and _is_torn(value):
        yield path, "holds half of a character (a lone \\ud800-\\udfff escape); write the whole one"


def _is_torn(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def below(path: str, part: str | int) -> str:
    """Return the JSON path of an item or key below `path`, fit for a terminal whatever the key holds."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    plain = part.isascii() and part.replace("_", "a").isalnum()
    return f"{path}.{part}" if plain else f"{path}[{json.dumps(part)}]"


def shown(value: Any) -> str:
    """Return how a wrong value is quoted in a message: short, and on one line."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=isinstance(value, str) and _is_torn(value))
    return text if len(text) <= 60 else f"{text[:57]}…"
