"""One clip: utterances joined by natural pauses into a WAV, and when each written word sounds in it.

A clip is written as it is spoken: only one utterance is in memory at a time, however long the narration.
"""

from __future__ import annotations

import wave
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import soxr

from colab.handlers.tts.engine import Samples, SpokenText
from colab.handlers.tts.script import Chunk
from colab.handlers.tts.sound import FRAME_S, faded, loud_frames, without_rumble
from media.loudness import normalize_loudness

RATE = 24_000
LOUDNESS_LUFS = -20.0
"""Where every utterance is brought. Above it, the peaks of speech would need limiting that is heard."""

LEAD_S = 0.05
TAIL_S = 0.12
"""Silence before the first sound and after the last, at speed 1."""

SILENCE_S = 0.3
"""A clip with nothing to speak is this long, at any speed; longer where marks ask for it."""

_BEFORE_S = 0.010
_AFTER_S = 0.030
"""What is kept around an utterance's sound, for the fades."""


class ClipWriter:
    """A WAV being written, 24 kHz mono 16-bit. Use it as a context manager, add utterances in order, then `finish`."""

    def __init__(self, path: Path, words: tuple[str, ...], speed: float, *, lead_s: float = 0.0) -> None:
        self._words = words
        self._spans: list[tuple[float, float] | None] = [None] * len(words)
        self._speed = speed
        self._gap_s = LEAD_S / speed + lead_s  # silence due before the next sound
        self._asked_s = lead_s  # of it, what marks ask for
        self._last_sound_s = 0.0
        self._frames = 0
        self._exact = True
        self._wave = wave.open(str(path), "wb")  # noqa: SIM115 - closed by __exit__
        self._wave.setparams((1, 2, RATE, 0, "NONE", ""))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wave.close()

    @property
    def seconds(self) -> float:
        """How long the clip is so far."""
        return self._frames / RATE

    @property
    def is_silent(self) -> bool:
        """Whether nothing has been heard in it yet."""
        return not any(self._spans)

    def add(self, speech: SpokenText, chunk: Chunk) -> None:
        """Put an utterance after the pause that the one before it asked for. A soundless one leaves no trace."""
        samples = without_rumble(speech.samples, speech.rate)
        loud = loud_frames(samples, speech.rate)
        if not loud.size:
            self._exact = False
            self._gap_s += chunk.hold_s or 0.0
            self._asked_s += chunk.hold_s or 0.0
            return
        first_s, last_s = float(loud[0]) * FRAME_S, float(loud[-1] + 1) * FRAME_S
        from_s = max(0.0, first_s - _BEFORE_S)
        part = samples[round(from_s * speech.rate) : round((last_s + _AFTER_S) * speech.rate)]
        self._silence(self._gap_s - (first_s - from_s))
        begin_s = self.seconds - from_s
        self._sound(part, speech.rate)
        self._exact &= speech.exact
        self._place(speech, chunk, loud, first_s, begin_s)
        pause_s = chunk.pause_s / self._speed if chunk.hold_s is None else chunk.hold_s
        self._gap_s = pause_s - (self.seconds - begin_s - last_s)
        self._asked_s = chunk.hold_s or 0.0
        self._last_sound_s = begin_s + last_s

    def finish(self) -> dict[str, Any]:
        """End the clip and return its word times: `{"seconds", "exact", "words": [[text, start_s, end_s], …]}`."""
        tail_s = TAIL_S / self._speed + self._asked_s
        self._silence(max(SILENCE_S, self._asked_s) if self.is_silent else self._last_sound_s + tail_s - self.seconds)
        seconds = round(self.seconds, 3)
        return {"seconds": seconds, "exact": self._exact, "words": self._timed(seconds)}

    def _silence(self, seconds: float) -> None:
        self._write(np.zeros(max(0, round(seconds * RATE)), dtype="<i2"))

    def _sound(self, samples: Samples, rate: int) -> None:
        level = normalize_loudness(samples, rate, LOUDNESS_LUFS)
        resampled = soxr.resample(faded(level, rate, _BEFORE_S / 2, _AFTER_S / 2), rate, RATE)
        self._write(np.round(np.clip(resampled, -1.0, 1.0) * 32767).astype("<i2"))

    def _write(self, pcm: Any) -> None:
        self._wave.writeframes(pcm.tobytes())
        self._frames += len(pcm)

    def _place(self, speech: SpokenText, chunk: Chunk, loud: Any, first_s: float, begin_s: float) -> None:
        """Give each written word the time from the first to the last of its pieces."""
        for piece, word in zip(speech.words, chunk.words, strict=True):
            start_s = max(piece.start_s, first_s)
            end_s = max(start_s, _last_sound(loud, piece.start_s, piece.end_s))
            span = self._spans[word]
            self._spans[word] = (span[0] if span else begin_s + start_s, begin_s + end_s)

    def _timed(self, seconds: float) -> list[list[Any]]:
        """Return every written word with its time; one that is not spoken has the time between its neighbours."""
        following = [seconds] * (len(self._words) + 1)
        for place in range(len(self._words) - 1, -1, -1):
            span = self._spans[place]
            following[place] = span[0] if span else following[place + 1]
        timed: list[list[Any]] = []
        reached = 0.0
        for place, (word, span) in enumerate(zip(self._words, self._spans, strict=True)):
            start = min(max(following[place] if span else reached, reached), seconds)
            reached = min(max(start, span[1] if span else following[place]), seconds)
            timed.append([word, round(start, 3), round(reached, 3)])
        return timed


def _last_sound(loud: Any, start_s: float, end_s: float) -> float:
    """Return where the last sound before `end_s` ends: pauses belong to no word."""
    within = loud[: np.searchsorted(loud, end_s / FRAME_S)]
    return min(end_s, float(within[-1] + 1) * FRAME_S) if within.size else start_s
