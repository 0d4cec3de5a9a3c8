"""Inputs for the fuzz targets: known ones, changed at random as bytes or as JSON, mostly with a new checksum.

The same seed makes the same inputs, on every machine.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

from tests.support import hostile

TOKENS = (
    *(
        b"[",
        b"]",
        b"{",
        b"}",
        b'"',
        b",",
        b":",
        b"\\",
        b"\\u0000",
        b"\\ud800",
        b"null",
        b"true",
        b"NaN",
        b"-0",
        b"1e400",
    ),
    *(b"9007199254740993", b"0.1", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"../", b"RIFF", b"WAVE"),
    *(b"data", b"fmt ", b"LIST", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**53, -(2**53), 0.5, 1e308, -0.0, "", "x", "../x", "\x00", "\ud7ff", "é" * 300),
    *("a" * 64, "0" * 64, "0" * 16, [], {}, [[]], {"": ""}, [{}] * 50, "request.json", "a/b", "nul", "-1"),
)


class Mutator:
    """Makes inputs from a corpus, one after the other. The first `kept` bytes of each stay as they are."""

    def __init__(self, corpus: Sequence[bytes], seed: int, kept: int = 0) -> None:
        self._corpus, self._random, self._kept = corpus, random.Random(seed), kept

    def inputs(self) -> Iterator[bytes]:
        """Yield inputs without end."""
        while True:
            chosen = self._random.choice(self._corpus)
            head, data = chosen[: self._kept], chosen[self._kept :]
            for _ in range(self._random.choice((1, 1, 1, 2, 4))):
                data = self._of_json(data) if self._random.random() < 0.6 else self._of_bytes(data)
            yield head + data

    def _of_bytes(self, data: bytes) -> bytes:
        dice = self._random
        at, to = sorted((dice.randint(0, len(data)), dice.randint(0, len(data))))
        match dice.randrange(5):
            case 0:
                return data[:at] + dice.choice(TOKENS) + data[at:]
            case 1:
                return data[:at] + data[to:]
            case 2:
                return data[:to] + data[at:]
            case 3:
                return data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :]
            case _:
                return data[:at] + dice.choice(self._corpus)[at + self._kept :]

    def _of_json(self, data: bytes) -> bytes:
        """Change one place of a JSON value; whatever is none is changed as bytes."""
        try:
            value = json.loads(data)
            places = list(_places(value))
            where, key = self._random.choice(places)
            self._change(where, key, value)
            if self._random.random() < 0.8 and isinstance(value, dict):
                return hostile.with_checksum(value)
            return json.dumps(value).encode()
        except (ValueError, RecursionError, IndexError):
            return self._of_bytes(data)

    def _change(self, where: Any, key: Any, whole: Any) -> None:
        match self._random.randrange(5):
            case 0:
                del where[key]
            case 1:
                where[key] = self._random.choice([at[name] for at, name in _places(whole)])
                json.dumps(whole)  # ValueError for a value that now holds itself
            case 2 if isinstance(where, list):
                where.append(where[key])
            case 3 if isinstance(where, dict):
                where[str(self._random.choice(VALUES))] = where[key]
            case _:
                where[key] = self._random.choice(VALUES)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a JSON value as its container and key."""
    found = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(found):
        yield value, key
        yield from _places(item)
