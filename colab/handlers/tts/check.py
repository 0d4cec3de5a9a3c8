"""Whether an utterance can be what its text says: heard at all, not cut off, not distorted, at a humane rate.

Bounds are wide on purpose. They were set by measuring espeak in 22 languages, three speeds, words and sentences, and
doubling what it does at either end: a person who reads oddly is left alone, an engine that fails is not.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np

from colab.handlers.tts.engine import Samples, SpokenText
from colab.handlers.tts.sound import FRAME_S, loud_frames

FASTEST_LETTERS = 30.0
"""Letters a second at speed 1. Narrators say 12 to 16, espeak up to 21 (French, German compounds)."""

FASTEST_SYLLABLES = 14.0
"""Signs of Chinese, Japanese, Korean and Ethiopic, each a syllable or two: people say 4 to 8 a second."""

SLOWEST_LETTER_S = 1 / 5
SLOWEST_SYLLABLE_S = 1.0
SLOWEST_SPELLED_S = 0.6
SLOWEST_MARK_S = 1.5
"""Seconds at speed 1: a letter in a word, a syllable sign (espeak spells those it does not know), a letter that may be
spelled, a digit or mark (German says "eine Million zweihundertvierunddreißigtausend…" for seven of them)."""

SLACK_S = 0.2
SLOW_SLACK_S = 1.0
"""What a short word may be off by; and pauses around it that a neural voice fills with breath."""

FULL_SCALE = 0.9999
CLIPPED_RUN = 4
"""Equal samples in a row at full scale: a wave that only touches it has one or two there."""

CLIPPED_RUNS = 3
"""One is not heard; distortion is many."""

ENDS_LOUD = 0.8
"""Share of the peak, in the last 10 ms. Whole words end at up to 0.64 (a Japanese "wa", at double speed)."""

_ENDS_S = 0.010
_SYLLABIC = re.compile("[\u1100-\u11ff\u1200-\u139f\u3040-\u30ff\u3400-\u9fff\ua000-\ua4cf\uac00-\ud7ff\uf900-\ufaff]")
_SPELLED = re.compile(r"\b(?:[A-Z]+|[b-df-hj-np-tv-xzB-DF-HJ-NP-TV-XZ]+|\w)\b|(.)\1\1")


def findings(speech: SpokenText, text: str, speed: float) -> tuple[str, ...]:
    """Return what is doubtful about an utterance, in words for people; nothing where it may well be right."""
    if not any(mark.isalnum() for mark in text):
        return ()
    loud = loud_frames(speech.samples, speech.rate)
    if not loud.size:
        return (f"nothing is heard of {quoted(text)}",)
    heard_s = float(loud[-1] + 1 - loud[0]) * FRAME_S
    least_s, most_s = (seconds / speed for seconds in expected_s(text))
    found = []
    if heard_s < least_s:
        found.append(f"{quoted(text)} lasts only {heard_s:.2f} s, at least {least_s:.2f} s were expected: cut off?")
    if heard_s > most_s:
        found.append(
            f"{quoted(text)} lasts {heard_s:.1f} s, at most {most_s:.1f} s were expected: too slow or repeated"
        )
    if _ends_loud(speech.samples, speech.rate):
        found.append(f"the sound of {quoted(text)} ends at full level: cut off?")
    if (runs := clipped_runs(speech.samples)) >= CLIPPED_RUNS:
        found.append(f"{quoted(text)} is distorted: {runs} times at full scale")
    return tuple(found)


def expected_s(text: str) -> tuple[float, float]:
    """Return the least and the most seconds that a text can take at speed 1."""
    least, most = -SLACK_S, SLOW_SLACK_S
    for word in text.split():
        spelled = _SPELLED.search(word) is not None
        for mark in word:
            if _SYLLABIC.match(mark):
                least, most = least + 1 / FASTEST_SYLLABLES, most + SLOWEST_SYLLABLE_S
            elif unicodedata.category(mark)[0] == "L":
                least += 1 / FASTEST_LETTERS
                most += SLOWEST_SPELLED_S if spelled else SLOWEST_LETTER_S
            elif unicodedata.category(mark)[0] != "M":
                most += SLOWEST_MARK_S
    return max(0.0, least), most


def clipped_runs(samples: Samples) -> int:
    """Return how often CLIPPED_RUN equal samples or more follow each other at full scale."""
    if samples.size < CLIPPED_RUN:
        return 0
    flat = (np.diff(samples) == 0) & (np.abs(samples[1:]) >= FULL_SCALE)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat.astype(np.int8), [0]])))
    return int(np.count_nonzero(edges[1::2] - edges[::2] >= CLIPPED_RUN - 1))


def _ends_loud(samples: Samples, rate: int) -> bool:
    peak = float(np.abs(samples).max(initial=0.0))
    return float(np.abs(samples[-round(_ENDS_S * rate) :]).max(initial=0.0)) >= ENDS_LOUD * peak


def quoted(text: str) -> str:
    """Return a text as a finding names it: in quotation marks, its beginning where it is long."""
    return f"“{text}”" if len(text) <= 40 else f"“{text[:36].rstrip()} …”"
