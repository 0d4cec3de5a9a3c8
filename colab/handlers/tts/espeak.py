"""The embedded engine: real speech, offline, from a wheel, hundreds of times faster than real time.

eSpeak NG is GPL-3 and is loaded in the worker's process only.
"""

from __future__ import annotations

import numpy as np

from colab.handlers.tts.engine import Speech, TimedWord, Voice
from colab.handlers.tts.espeak_library import Utterance, find_files, opened
from colab.handlers.tts.espeak_voices import Catalogue
from colab.handlers.tts.times import fill, starts_of_words
from protocol.messages import EngineRecord

WORDS_PER_MINUTE = 175
"""Its own normal rate. Duration follows rate truly from 80 to 450: within 3 % at half, 8 % at double speed."""


class Espeak:
    """eSpeak NG. Opening it reads its lists of languages and variants; each call to `speak` starts from nothing."""

    name = "espeak"
    limit = 300  # its clauses hold 800 bytes; a chunk of any script stays within them

    def __init__(self) -> None:
        with opened() as library:
            self._version = library.version()
            self._rate = library.rate
            self._catalogue = Catalogue(languages=library.languages(), variants=find_files().variants())

    def record(self, voice: Voice | None = None) -> EngineRecord:
        """Say who speaks; the model is part of the version."""
        return EngineRecord(
            name=self.name,
            version=self._version,
            voice=voice.name if voice else None,
            rate=self._rate,
            provider="espeakng-loader",
            device="cpu",
            tier="embedded",
        )

    def voices(self) -> tuple[str, ...]:
        """Return the default voice of each language; `+` and a variant may follow."""
        return self._catalogue.names()

    def pick(self, voice: str, language: str) -> Voice:
        """Return the voice asked for, the default, or the nearest to one of another engine."""
        return self._catalogue.pick(voice, language)

    def speak(self, text: str, voice: Voice, speed: float) -> Speech:
        """Speak plain text; silence around it is still there."""
        with opened() as library:
            said = library.speak(text, voice.key, round(WORDS_PER_MINUTE * speed))
        starts = starts_of_words(text, [(place, sample / self._rate) for place, sample in said.marks])
        return Speech(
            samples=said.pcm.astype(np.float32) / np.float32(32768),
            rate=self._rate,
            words=_timed(text, starts, said, self._rate),
            exact=None not in starts,
        )


def _timed(text: str, starts: list[float | None], said: Utterance, rate: int) -> tuple[TimedWord, ...]:
    words = text.split()
    end_s = len(said.pcm) / rate
    begins = fill(starts, [len(word) for word in words], end_s)
    ends = [*begins[1:], end_s]
    return tuple(TimedWord(text=w, start_s=b, end_s=e) for w, b, e in zip(words, begins, ends, strict=True))
