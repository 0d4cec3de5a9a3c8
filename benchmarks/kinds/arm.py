"""One comparison of a kind: our way and another one over the same source, and what must be equal first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two ways to do one piece of work. Each call does it once, from nothing, and returns what `equal` looks at."""

    name: str
    ours: Callable[[], object]
    theirs: Callable[[], object]
    theirs_is: str  # what a user would run instead, in a few words
    equal: Callable[[object, object], str | None]  # why the outputs cannot be compared, or None
    target: float = 1.0  # our time may be at most this part of theirs
    pairs: int = 15
