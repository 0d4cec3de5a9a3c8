"""The words of utterances, each with its time, made ready for captions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

from colab.handlers.transcribe.engine import Utterance, Word
from media import timed_text
from media.text_width import text_width
from media.timed_text import TimedText
from speech import segments
from speech.breaks import breaks_after


def fitting(utterances: Iterable[Utterance], length_s: float, width: int, language: str) -> list[TimedText]:
    """Return all words in order, none wider than `width`, each with the cost of a break after it."""
    words = itertools.chain.from_iterable(timed(utterance, language) for utterance in utterances)
    fit = timed_text.fit_width(words, length_s, width)
    return [
        replace(part, break_cost=cost, ends_sentence=ends)
        for part, (cost, ends) in zip(fit, breaks_after(fit, language), strict=True)
    ]


def timed(utterance: Utterance, language: str) -> tuple[Word, ...]:
    """Return the words of an utterance; where nobody found their times, as if each letter took equally long."""
    if utterance.words:
        return utterance.words
    texts = [
        (phrase, place == 0)
        for word in utterance.text.split()
        for place, phrase in enumerate(segments.phrases(word, language))
    ]
    whole = sum(text_width(text) + 1 for text, _ in texts) or 1
    each_s = max(0.0, utterance.end_s - utterance.start_s) / whole
    at, words = utterance.start_s, []
    for text, spaced in texts:
        end = at + (text_width(text) + 1) * each_s
        words.append(Word(text=text, start_s=at, end_s=end, spaced=spaced))
        at = end
    return tuple(words)
