"""Sentences spoken by the embedded voice, with silences between them: sound whose words are known."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000


@functools.cache
def sentence(text: str) -> np.ndarray:
    """Return a sentence as samples of `RATE`."""
    import soxr

    from colab.handlers.tts.espeak import Espeak

    espeak = Espeak()
    speech = espeak.speak(text, espeak.pick("default", "en-us"), 0.9)
    return soxr.resample(speech.samples, speech.rate, RATE).astype(np.float32)


def spoken(path: Path, *texts: str, pause_s: float = 1.0) -> Path:
    """Write sentences, each after a silence."""
    pause = np.zeros(round(pause_s * RATE), np.float32)
    parts = [part for text in texts for part in (pause, sentence(text))]
    soundfile.write(path, np.concatenate([*parts, pause]), RATE, subtype="PCM_16")
    return path
