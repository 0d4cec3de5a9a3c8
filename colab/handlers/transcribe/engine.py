"""What a recogniser is. Model libraries stay inside the engines' own files; `engines` is the table of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from media.pcm import Samples
from media.timed_text import TimedText
from protocol.kinds.transcribe import Params
from protocol.messages import EngineRecord

LookUp = Callable[[float], None]
"""Called between units of work with the share of the piece that is done; it may raise, which ends the work."""


@dataclass(frozen=True, kw_only=True)
class HeardWord(TimedText):
    """One word, without blanks, when it is said, and how sure the engine is, from 0 to 1."""

    score: float | None = None


@dataclass(frozen=True, kw_only=True)
class HeardUtterance:
    """What was said at one go. Without words only its own times are known."""

    start_s: float
    end_s: float
    text: str
    words: tuple[HeardWord, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Language:
    """A language and how sure the engine is that it is spoken; 1.0 where it was asked for."""

    code: str
    probability: float = 1.0


class Recogniser(Protocol):
    """One engine, open in this process, for one request's model."""

    name: str

    @property
    def piece_s(self) -> float:
        """How much sound it is given at once, at most."""
        ...

    def files(self) -> tuple[str, ...]:
        """Return the model files that it needs, by their names in the table of models."""
        ...

    def record(self) -> EngineRecord:
        """Say who listens: engine, version, model, provider and device really in use, tier."""
        ...

    def language(self, piece: Samples) -> Language | None:
        """Return the language spoken in a piece, None where nobody speaks. Raises `JobFailed` ENGINE, OUT_OF_MEMORY."""
        ...

    def hear(self, piece: Samples, language: str, params: Params, look_up: LookUp) -> tuple[HeardUtterance, ...]:
        """Return what is said in a piece, in order, in seconds from its start.

        The same piece and parameters give the same words. Raises `JobFailed` OUT_OF_MEMORY when even the smallest
        batch is too large.
        """
        ...

    def remarks(self) -> tuple[str, ...]:
        """Return what people should know of how it went: a smaller batch, another device."""
        ...
