"""How a person's typing is paced: pure arithmetic, no browser."""

from __future__ import annotations

import random

PER_SECOND = 18.0
LONGEST_S = 8.0
FASTEST_S = 0.008
"""A browser takes about this long for one key; what must be faster goes in by several characters at a time."""


def bursts(text: str, delay_s: float | None = None) -> list[tuple[str, float]]:
    """Return the pieces of a text and when each is typed, in seconds from the start.

    About 18 characters a second, uneven as hands are; a long text is faster and takes 8 s in all. A given
    `delay_s` between the characters is kept exactly. The same text is always typed the same way.
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
