"""A recording of a voice, made here: espeak saying a known text, for what clones voices."""

from __future__ import annotations

from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

from colab.handlers.tts.espeak import Espeak
from colab.handlers.tts.sound import loud_frames

SAID = "A folder is the interface, and every job that you put into it comes back to you, verified to the last byte."


@cache
def recording(text: str = SAID) -> NDArray[np.float32]:
    """Return somebody saying a text, 24 kHz mono, without silence around it."""
    engine = Espeak()
    speech = engine.speak(text, engine.pick("default", "en-us"), 0.9)
    loud = loud_frames(speech.samples, speech.rate)
    frame = round(0.005 * speech.rate)
    samples = speech.samples[loud[0] * frame : (loud[-1] + 1) * frame]
    resampled: NDArray[np.float32] = soxr.resample(samples, speech.rate, 24_000).astype(np.float32)
    return resampled * np.float32(0.5 / np.abs(resampled).max())
