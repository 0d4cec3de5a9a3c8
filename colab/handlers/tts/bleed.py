"""What only a cloned voice does wrong: it says the end of the recording again, or falls silent before it is through."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from colab.handlers.tts.check import quoted
from colab.handlers.tts.engine import Samples, SpokenText, VoiceRecording
from colab.handlers.tts.f5_speech import SHORT_BYTES
from colab.handlers.tts.sound import FRAME_S, loud_frames

TAIL_S = 0.5
"""How much of the recording's end is looked for."""

ALIKE = 0.93
"""Correlation of two half seconds of spectrum. The same sound again has 0.97 and more, after a vocoder too; other words
of the same voice stay below 0.85."""

SILENT_END_S = 1.0
"""More silence than this after the last sound: a model was given the time for words that it did not say."""

_HOP_S = 0.010
_WINDOW_S = 0.025
_BANDS = 40
_FLOOR = 1e-4


def findings(speech: SpokenText, text: str, reference: VoiceRecording) -> tuple[str, ...]:
    """Return what is doubtful about an utterance with the voice of a recording, in words for people."""
    found = []
    repeats = _last_word(reference.text) not in map(_last_word, text.split())  # else it is said because it is written
    if repeats and (likeness := tail_likeness(speech, reference)) >= ALIKE:
        found.append(f"{quoted(text)} says the end of the recording again ({likeness:.2f} alike)")
    loud = loud_frames(speech.samples, speech.rate)
    rest_s = len(speech.samples) / speech.rate - float(loud[-1] + 1) * FRAME_S if loud.size else 0.0
    if rest_s > SILENT_END_S and len(text.encode()) >= SHORT_BYTES:
        found.append(f"{quoted(text)} is followed by {rest_s:.1f} s of silence: some words may be missing")
    return tuple(found)


def tail_likeness(speech: SpokenText, reference: VoiceRecording) -> float:
    """Return how like the end of the recording the likest half second of an utterance is: 1.0 is the same."""
    tail = _tail(reference)
    whole = _spectrum(speech.samples, speech.rate)
    size = len(tail)
    if not size or len(whole) < size:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(whole, size, axis=0).transpose(0, 2, 1).reshape(-1, tail.size)
    flat, others = tail.ravel() - tail.mean(), windows - windows.mean(axis=1, keepdims=True)
    scale = np.linalg.norm(others, axis=1) * np.linalg.norm(flat)
    return float(np.max(np.divide(others @ flat, scale, out=np.zeros(len(others)), where=scale > 0)))


def _tail(reference: VoiceRecording) -> NDArray[np.float64]:
    loud = loud_frames(reference.samples, reference.rate)
    if not loud.size:
        return np.zeros((0, _BANDS))
    end = round(float(loud[-1] + 1) * FRAME_S * reference.rate)
    return _spectrum(reference.samples[max(0, end - round(TAIL_S * reference.rate)) : end], reference.rate)


def _spectrum(samples: Samples, rate: int) -> NDArray[np.float64]:
    """Return the logarithm of the sound in bands up to 6 kHz, a row every 10 ms, each band without its mean."""
    size, hop = round(_WINDOW_S * rate), round(_HOP_S * rate)
    if samples.size < size:
        return np.zeros((0, _BANDS))
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    edges = np.unique(np.round(np.geomspace(100, 6_000, _BANDS + 1) / (rate / size)).astype(int))
    bands = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
    return np.log(bands + _FLOOR * float(power.max(initial=1e-9)))


def _last_word(text: str) -> str:
    return "".join(mark for mark in text.split()[-1] if mark.isalnum()).casefold()
