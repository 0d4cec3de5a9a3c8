"""Where the words of a known English text lie in a recording of it, and what is roughly said in one: PocketSphinx.

Its model of English is in its wheel; nothing is downloaded. A person's speech is aligned in a fraction of a second, a
robot's often not at all: that it cannot be done proves nothing by itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE = 16_000
FRAME_S = 0.01
_NO_LETTER = re.compile(r"[^a-z']")
_FILLER = re.compile(r"<.*>|\[.*\]|\(NULL\)")


def plain_words(text: str) -> list[str]:
    """Return the words of a text as a dictionary has them; empty ones are marks that are not spoken."""
    return [_NO_LETTER.sub("", word.replace("’", "'").lower()).strip("'") for word in text.split()]


def unknown_words(text: str) -> list[str]:
    """Return the words of a text that the dictionary lacks: it cannot be aligned then."""
    decoder = _decoder(lm=None)
    return [word for word in dict.fromkeys(plain_words(text)) if word and decoder.lookup_word(word) is None]


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
    return sum(mark.isalnum() for mark in text) / seconds


def checked_words(samples: Samples, rate: int, text: str) -> Sequence[str]:
    """Return why it is doubtful that a recording says this English text, in words for people; nothing where it does."""
    if unknown := unknown_words(text):
        return [f"is not compared with the sound: {', '.join(unknown)} is in no dictionary here"]
    if aligned(samples, rate, text) is not None:
        return []
    heard = roughly_heard(samples, rate)
    share = in_common(heard, text)
    return [f"cannot be found in the sound ({share:.0%} of its words): roughly heard is “{heard or 'nothing'}”"]
