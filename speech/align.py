"""Aligning a known English text with its recording, and recognising speech roughly, with PocketSphinx.

Its English model is in its wheel; nothing is downloaded. Alignment trusts the text: it also finds times for the words
of a wrong text. Only recognition can tell, roughly, whether a text is what was spoken.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE = 16_000
FRAME_S = 0.01
LEAST_COMMON = 0.4
"""The least similarity of a rough transcript to the right text. Measured: 0.77 for a person in a poor recording, 0.48
if half of the text is missing, 0.32 for a synthetic voice, at most 0.07 for another text."""

_NO_LETTER = re.compile(r"[^a-z']")
_FILLER = re.compile(r"<.*>|\[.*\]|\(NULL\)")


def plain_words(text: str) -> list[str]:
    """Return the words of a text in dictionary form; marks that are not spoken become empty."""
    return [_NO_LETTER.sub("", word.replace("’", "'").lower()).strip("'") for word in text.split()]


def align_words(samples: Samples, rate: int, text: str) -> list[tuple[float, float]] | None:
    """Return start and end of each word of `text` (separated by spaces), None if they cannot be aligned."""
    words = plain_words(text)
    if not words or not all(words):
        return None
    decoder = _decoder(lm=None)
    if any(decoder.lookup_word(word) is None for word in words):
        return None
    decoder.set_align_text(" ".join(words))
    if not _process(decoder, samples, rate):
        return None
    spans = [
        (each.start_frame * FRAME_S, (each.end_frame + 1) * FRAME_S)
        for each in decoder.seg()
        if not _FILLER.fullmatch(each.word)
    ]
    return spans if len(spans) == len(words) else None


def recognize_roughly(samples: Samples, rate: int) -> str:
    """Return a rough transcript: a third of the words are wrong in good recordings, most in bad ones."""
    decoder = _decoder()
    return str(decoder.hyp().hypstr) if _process(decoder, samples, rate) else ""


def similarity(one: str, other: str) -> float:
    """Return the similarity of two texts, word by word and in order; 1.0 means equal."""
    return SequenceMatcher(None, plain_words(one), plain_words(other), autojunk=False).ratio()


def _decoder(**options: Any) -> Any:
    from pocketsphinx import Decoder

    return Decoder(samprate=RATE, loglevel="FATAL", **options)


def _process(decoder: Any, samples: Samples, rate: int) -> bool:
    at_rate: Samples = samples if rate == RATE else soxr.resample(samples, rate, RATE)
    decoder.start_utt()
    decoder.process_raw((np.clip(at_rate, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    return decoder.hyp() is not None


def letters_per_second(text: str, seconds: float) -> float:
    """Return the speaking rate; English narrators speak 12 to 16 letters per second."""
    return sum(char.isalnum() for char in text) / seconds


def doubt_text(samples: Samples, rate: int, text: str) -> str | None:
    """Return why a recording probably does not contain this English text, as a message; None if it probably does."""
    heard = recognize_roughly(samples, rate)
    if (share := similarity(heard, text)) >= LEAST_COMMON:
        return None
    return f"has only {share:.0%} in common with what was roughly recognised: “{heard or 'nothing'}”"
