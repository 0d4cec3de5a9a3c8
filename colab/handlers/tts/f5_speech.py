"""How long a cloned voice speaks, how much it can say in one call, and where its words lie. Pure arithmetic."""

from __future__ import annotations

from colab.handlers.tts.engine import Samples, TimedWord, VoiceRecording
from colab.handlers.tts.sound import FRAME_S, loud_frames
from colab.handlers.tts.times import fill

RATE = 24_000
HOP = 256
"""Samples in one frame of the model's spectrum."""

WHOLE_S = 22.0
"""Recording and speech together: what its makers keep to, of the 30 s that it was trained with."""

SHORT_BYTES = 10
SHORT_SPEED = 0.3
"""A text shorter than this gets more time, as its makers do: a word in too little time is swallowed."""

FEWEST, MOST = 20, 300
"""Characters in one call, whatever the recording allows."""

_STOPS = ".!?。！？"


def prompt(text: str) -> str:
    """Return the text of a recording as the model wants it before what it is to say: a sentence that has ended."""
    ended = text.strip() + ("" if text.strip()[-1] in _STOPS else ".")
    return ended if ended[-1] in "。！？" else f"{ended} "


def frames(reference: VoiceRecording, text: str, speed: float) -> tuple[int, int]:
    """Return the frames of the recording, and of recording and speech together: the model knows no durations.

    Its makers' rule: the speech goes on at the pace of the recording, counted in bytes of UTF-8.
    """
    size = len(text.encode())
    pace = SHORT_SPEED * speed if size < SHORT_BYTES else speed
    heard = len(reference.samples) // HOP
    return heard, heard + max(1, int(heard / len(prompt(reference.text).encode()) * size / pace))


def limit(reference: VoiceRecording, language: str, speed: float) -> int:
    """Return how many characters can be said in one call after a recording."""
    a_second = len(prompt(reference.text).encode()) / reference.seconds * speed
    characters = a_second * (WHOLE_S - reference.seconds) / (3 if language == "cmn" else 1)
    return round(min(max(characters, FEWEST), MOST))


def estimated(text: str, samples: Samples) -> tuple[TimedWord, ...]:
    """Return when each word sounds, by its share of the letters: the model does not tell."""
    words = text.split()
    loud = loud_frames(samples, RATE)
    first_s, end_s = (float(loud[0]) * FRAME_S, float(loud[-1] + 1) * FRAME_S) if loud.size else (0.0, 0.0)
    starts: list[float | None] = [first_s, *[None] * (len(words) - 1)]
    begins = fill(starts, [len(word) + 1 for word in words], end_s)
    ends = [*begins[1:], end_s]
    return tuple(TimedWord(text=w, start_s=b, end_s=e) for w, b, e in zip(words, begins, ends, strict=True))
