"""The pace of a person's typing: pure arithmetic, no browser."""

from __future__ import annotations

import random

PER_SECOND = 18.0
LONGEST_S = 8.0
FASTEST_S = 0.008
"""A browser needs about this long for one key; faster typing inserts several characters at a time."""


def bursts(text: str, delay_s: float | None = None) -> list[tuple[str, float]]:
    """Return the pieces of a text and when each is typed, in seconds from the start.

    About 18 characters a second, slightly irregular; a long text is typed faster, in 8 s. A given `delay_s` between
    characters is exact. The same text is always typed in the same way.
    """
    if not text:
        return []
    if delay_s is not None:
        return [(char, n * delay_s) for n, char in enumerate(text)]
    between = min(1 / PER_SECOND, LONGEST_S / len(text))
    together = max(1, round(FASTEST_S / between))
    uneven = random.Random(text)  # noqa: S311 -- rhythm, not a secret
    pieces, at = [], 0.0
    for n in range(0, len(text), together):
        pieces.append((text[n : n + together], at))
        at += between * together * uneven.uniform(0.6, 1.4)
    return pieces


def typing_seconds(text: str, delay_ms: float | None = None) -> float:
    """Return how long it takes to type a text."""
    return bursts(text, None if delay_ms is None else delay_ms / 1000)[-1][1] if text else 0.0
