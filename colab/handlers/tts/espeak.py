"""The embedded engine: real speech, offline, from a wheel, hundreds of times faster than real time.

eSpeak NG is GPL-3 and is loaded in the worker's process only.
"""

from __future__ import annotations

import math
from operator import itemgetter

import numpy as np

from colab.handlers.tts.engine import EngineVoice, Samples, SpokenText, TimedWord
from colab.handlers.tts.espeak_library import EspeakUtterance, find_files, opened
from colab.handlers.tts.espeak_voices import Catalogue
from colab.handlers.tts.sound import FRAME_S, loud_frames
from colab.handlers.tts.times import fill, starts_of_words
from protocol.messages import Choices, EngineRecord

WORDS_PER_MINUTE = 175
"""Its own normal rate, and our speed 1."""

SLOWEST, FASTEST = 80, 450
"""Rates that it takes."""

_CLOSE_ENOUGH = 0.03
_TRIES = 4


class Espeak:
    """eSpeak NG. Opening it reads its lists of languages and variants; each call to `speak` starts from nothing."""

    name = "espeak"
    limit = 300  # its clauses hold 800 bytes; a chunk of any script stays within them

    def __init__(self) -> None:
        with opened() as library:
            self._version = library.version()
            self._rate = library.rate
            self._catalogue = Catalogue(languages=library.languages(), variants=find_files().variants())

    def record(self, voice: EngineVoice | None = None) -> EngineRecord:
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

    def files(self) -> tuple[str, ...]:
        """Return nothing: its data comes with its package."""
        return ()

    def choices(self) -> Choices:
        """Return the voices, those of other engines that have a stand-in here included, and the languages."""
        return self._catalogue.choices()

    def pick(self, voice: str, language: str) -> EngineVoice:
        """Return the voice asked for, the default, or the nearest to one of another engine."""
        return self._catalogue.pick(voice, language)

    def speak(self, text: str, voice: EngineVoice, speed: float) -> SpokenText:
        """Speak plain text; silence around it is still there."""
        return self.speak_emphasised(text, voice, speed, frozenset())

    def speak_emphasised(self, text: str, voice: EngineVoice, speed: float, emphasis: frozenset[int]) -> SpokenText:
        """Speak with some words stressed: measured, they become louder by 3 to 6 dB, and mostly longer by a tenth."""
        said = self._at_speed(text, voice.key, speed, emphasis)
        starts = starts_of_words(text, [(place, sample / self._rate) for place, sample in said.marks])
        return SpokenText(
            samples=_samples(said),
            rate=self._rate,
            words=_timed(text, starts, said, self._rate),
            exact=None not in starts,
        )

    def _at_speed(self, text: str, key: str, speed: float, stressed: frozenset[int]) -> EspeakUtterance:
        """Return speech that really takes 1/speed of the time of speed 1.

        Duration follows rate truly in English, but in some languages it is off by half (Japanese at double speed),
        so the rate is corrected by what came out.
        """
        natural = _say(text, key, WORDS_PER_MINUTE, stressed)
        natural_s = self._length_s(natural)
        if speed == 1.0 or not natural_s:
            return natural
        best, rate = (math.inf, natural), WORDS_PER_MINUTE * speed
        for _ in range(_TRIES):
            said = _say(text, key, round(rate), stressed)
            got = natural_s / max(self._length_s(said), FRAME_S)
            off = abs(math.log(got / speed))
            best = min(best, (off, said), key=itemgetter(0))
            if off <= _CLOSE_ENOUGH:
                break
            rate = _corrected(rate, speed, got)
        return best[1]

    def _length_s(self, said: EspeakUtterance) -> float:
        """Return how long there is sound."""
        loud = loud_frames(_samples(said), self._rate)
        return float(loud[-1] + 1 - loud[0]) * FRAME_S if loud.size else 0.0


def _corrected(rate: float, wanted: float, got: float) -> float:
    """Return the rate to try next, as if speed went with a power of the rate."""
    step = math.log(rate / WORDS_PER_MINUTE)
    if step * math.log(got) <= 0:  # slower when told to be faster: no power to be had from that
        return rate
    return min(max(WORDS_PER_MINUTE * math.exp(math.log(wanted) * step / math.log(got)), SLOWEST), FASTEST)


def _say(text: str, key: str, words_per_minute: int, stressed: frozenset[int]) -> EspeakUtterance:
    with opened() as library:
        return library.speak(text, key, words_per_minute, stressed)


def _samples(said: EspeakUtterance) -> Samples:
    return said.pcm.astype(np.float32) / np.float32(32768)


def _timed(text: str, starts: list[float | None], said: EspeakUtterance, rate: int) -> tuple[TimedWord, ...]:
    words = text.split()
    end_s = len(said.pcm) / rate
    begins = fill(starts, [len(word) for word in words], end_s)
    ends = [*begins[1:], end_s]
    return tuple(TimedWord(text=w, start_s=b, end_s=e) for w, b, e in zip(words, begins, ends, strict=True))
