"""From the steps of a tour to spoken clips: asks the client for what is not there yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dispatcher.assembly.timeline import Word


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """The narration of one step: a verified local WAV, its length, its word times and who spoke it."""

    step_id: str
    wav: Path
    seconds: float
    words: tuple[Word, ...]
    exact: bool  # word times come from the engine, not from an estimate
    engine: str  # for people: "espeak 1.52 (embedded)"
