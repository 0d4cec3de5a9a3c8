"""Where every step lies in the film: the one place that adds up seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Word:
    """A spoken word and when it sounds, in seconds from the start of its clip."""

    text: str
    start_s: float
    end_s: float
