"""Where the words of a known English text lie in a recording of it, and what is roughly said in one: PocketSphinx.

Its model of English is in its wheel; nothing is downloaded. Alignment believes the text: it finds places for the words
of another text too. Whether a text is what is said, only recognition tells, and roughly.
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
"""How much a rough transcript has in common with the truth. Measured: 0.77 for a person in a poor recording, 0.48 where
half of the text was left out, 0.32 for a robot, at most 0.07 for another text."""

_NO_LETTER = re.compile(r"[^a-z']")
_FILLER = re.compile(r"<.*>|\[.*\]|\(NULL\)")


def plain_words(text: str) -> list[str]:
    """Return the words of a text as a dictionary has them; empty ones are marks that are not spoken."""
    return [_NO_LETTER.sub("", word.replace("’", "'").lower()).strip("'") for word in text.split()]


def aligned(samples: Samples, rate: int, text: str) -> list[tuple[float, float]] | None:
    """Return when each word of `text` (its parts between blanks) sounds, None where they cannot be found there."""
    words = plain_words(text)
    if not words or not all(words):
        return None
    decoder = _decoder(lm=None)
    if any(decoder.lookup_word(word) is None for word in words):
        return None
    decoder.set_align_text(" ".join(words))
    if not _heard(decoder, samples, rate):
        return None
    spans = [
        (each.start_frame * FRAME_S, (each.end_frame + 1) * FRAME_S)
        for each in decoder.seg()
        if not _FILLER.fullmatch(each.word)
    ]
    return spans if len(spans) == len(words) else None


def roughly_heard(samples: Samples, rate: int) -> str:
    """Return what a recording may say: a third of the words are wrong in good speech, most in bad."""
    decoder = _decoder()
    return str(decoder.hyp().hypstr) if _heard(decoder, samples, rate) else ""


def in_common(one: str, other: str) -> float:
    """Return how much two texts have in common, word by word and in order: 1.0 is all."""
    return SequenceMatcher(None, plain_words(one), plain_words(other), autojunk=False).ratio()


def _decoder(**options: Any) -> Any:
    from pocketsphinx import Decoder

    return Decoder(samprate=RATE, loglevel="FATAL", **options)


def _heard(decoder: Any, samples: Samples, rate: int) -> bool:
    at_rate: Samples = samples if rate == RATE else soxr.resample(samples, rate, RATE)
    decoder.start_utt()
    decoder.process_raw((np.clip(at_rate, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    return decoder.hyp() is not None


def letters_a_second(text: str, seconds: float) -> float:
    """Return how fast a text is said; narrators say 12 to 16 letters a second in English."""
    return sum(char.isalnum() for char in text) / seconds


def doubt(samples: Samples, rate: int, text: str) -> str | None:
    """Return why it is doubtful that a recording says this English text, in words for people; None where it is not."""
    heard = roughly_heard(samples, rate)
    if (share := in_common(heard, text)) >= LEAST_COMMON:
        return None
    return f"has only {share:.0%} in common with what is roughly heard: “{heard or 'nothing'}”"
