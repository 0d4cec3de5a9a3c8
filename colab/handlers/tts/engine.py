"""What a speech engine is. Model libraries stay inside the engines' own files; `engines` is the table of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from protocol.messages import Choices, EngineRecord

Samples = NDArray[np.float32]
"""Mono, full scale is ±1."""

HINT = "end what else uses the GPU, or speak with another engine"
"""What to do where there is not enough memory for one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VoiceRecording:
    """A recording whose voice is to be cloned, and how. None leaves a choice to the engine."""

    samples: Samples
    rate: int
    text: str  # exactly what is said in it
    sha256: str  # of the recording
    seed: int | None = None
    nfe_step: int | None = None
    cfg_strength: float | None = None

    @property
    def seconds(self) -> float:
        """How long the recording is."""
        return len(self.samples) / self.rate


@dataclass(frozen=True, kw_only=True)
class EngineVoice:
    """A voice that an engine can load. `name` is what records say; `key` is for the engine alone.

    `substituted` is True when another voice was asked for, one that this engine does not have. `limit` is how many
    characters can be spoken with it in one call, where that is not the engine's own limit; `reference` is the recording
    of a cloned one.
    """

    name: str
    language: str
    key: str
    substituted: bool = False
    limit: int | None = None
    reference: VoiceRecording | None = None


@dataclass(frozen=True, kw_only=True)
class TimedWord:
    """A word and when it sounds, in seconds from the first sample."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class SpokenText:
    """What an engine said: one timed word for each part of the text between blanks, in order.

    `exact` is False when some of the times are estimates.
    """

    samples: Samples
    rate: int
    words: tuple[TimedWord, ...]
    exact: bool


class SpeechEngine(Protocol):
    """One engine, open in this process. The same text, voice and speed give the same samples, every time."""

    name: str
    limit: int  # characters that `speak` takes at most

    def record(self, voice: EngineVoice | None = None) -> EngineRecord:
        """Say who speaks: engine, version, provider and device really in use, tier, and the voice if one is given."""
        ...

    def files(self) -> tuple[str, ...]:
        """Return the model files that it needs, by their names in the table of models."""
        ...

    def choices(self) -> Choices:
        """Return the voices and languages that may be asked for: `{"voice": …, "language": …}`."""
        ...

    def pick(self, voice: str, language: str) -> EngineVoice:
        """Return the voice to use. Raises `JobFailed` BAD_REQUEST, listing what exists, for an unknown language."""
        ...

    def speak(self, text: str, voice: EngineVoice, speed: float) -> SpokenText:
        """Speak plain text of at most `limit` characters; `speed` 2.0 takes half the time of 1.0."""
        ...


@runtime_checkable
class Emphasising(Protocol):
    """An engine that can also stress words. Those without this method speak evenly, and the result says so."""

    def speak_emphasised(self, text: str, voice: EngineVoice, speed: float, emphasis: frozenset[int]) -> SpokenText:
        """Speak as `speak` does, with the words at these places (parts of the text between blanks) stressed."""
        ...


@runtime_checkable
class Cloning(Protocol):
    """An engine that speaks with the voice of a recording, and with no other. `engines.CLONING` names it."""

    def clone(self, reference: VoiceRecording, language: str, speed: float) -> EngineVoice:
        """Return the voice of a recording. Raises `JobFailed` BAD_REQUEST, with the hint, for what cannot be cloned."""
        ...
