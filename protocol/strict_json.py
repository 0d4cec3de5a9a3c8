"""Strict JSON: what may be parsed at all, and the one spelling that checksums, digests and signatures are made over."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from protocol.errors import BadMessage

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_INTEGER = 2**53
_NO_NESTING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[^"\[\]{}]+', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def loads(data: bytes, *, limit: int = MAX_BYTES) -> Any:
    """Parse strict JSON: at most `limit` bytes and 32 levels; no duplicate keys, NaN, infinities or lone surrogates.

    Every value that it returns has a canonical form.
    """
    if len(data) > limit:
        raise BadMessage(f"{len(data)} bytes long; the limit is {limit}")
    _check_depth(data)
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_float,
            parse_int=_int,
            parse_constant=_constant,
        )
        if _SURROGATE_ESCAPE.search(data):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeError, json.JSONDecodeError, RecursionError) as error:
        raise BadMessage(f"not JSON: {error}") from error
    return value


def _check_depth(data: bytes) -> None:
    """Count brackets outside strings before the recursive parser sees them.

    A string without an end swallows the rest, so that no byte is scanned from two starting points.
    """
    depth = 0
    for byte in _NO_NESTING.sub(b"", data):
        depth += 1 if byte in b"[{" else -1
        if depth > MAX_DEPTH:
            raise BadMessage(f"nested deeper than {MAX_DEPTH} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise BadMessage(f"duplicate key {key[:100]!r}")
        made[key] = value
    return made


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or (value.is_integer() and abs(value) > MAX_INTEGER):
        raise BadMessage(f"the number {text[:40]} is out of range")
    return value


def _int(text: str) -> int:
    if len(text) > 17 or abs(value := int(text)) > MAX_INTEGER:
        raise BadMessage(f"the integer {text[:40]} is beyond 2^53")
    return value


def _constant(text: str) -> float:
    raise BadMessage(f"{text} is not JSON")


def canon(value: Any) -> bytes:
    """Return the canonical form of a JSON value, which checksums, digests and signatures are made over.

    Keys sorted by code point, no white space, ASCII escapes, integral floats as integers, -0 as 0, other floats by
    their shortest repr. Raises ValueError for integers beyond 2^53 and numbers that are not finite.
    """
    return json.dumps(
        _plain_numbers(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode("ascii")


def _plain_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_numbers(item) for item in value]
    if isinstance(value, float):
        value = _integral(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_INTEGER:
        raise ValueError(f"the integer {value} is beyond 2^53")
    return value


def _integral(value: float) -> float | int:
    if not math.isfinite(value):
        raise ValueError("a number must be finite")
    return int(value) if value.is_integer() else value
