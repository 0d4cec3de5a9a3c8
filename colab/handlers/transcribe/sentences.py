"""Utterances as sentences: what the texts and tables have a line for."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from colab.handlers.transcribe.engine import HeardUtterance, HeardWord
from media import timed_text
from media.text_width import text_width
from media.timed_text import TimedText, in_order, join_text
from speech import segments
from speech.breaks import breaks_after, sentence_ends

PAUSE_S = 1.0
"""A silence that ends a sentence, where no mark does: rough recognisers write none."""

LONGEST_S = 30.0
"""What goes on for longer is cut at its longest pause."""


def sentences_of(utterances: Iterable[HeardUtterance], length_s: float, language: str) -> list[HeardUtterance]:
    """Return the sentences in order, their times within the file. Utterances without words stay as they are."""
    found: list[HeardUtterance] = []
    pending: list[HeardWord] = []
    for utterance in utterances:
        if utterance.words:
            pending.extend(utterance.words)
            continue
        found += _told(pending, length_s, language)
        pending = []
        start = min(max(0.0, utterance.start_s), length_s)
        found.append(
            HeardUtterance(start_s=start, end_s=min(max(start, utterance.end_s), length_s), text=utterance.text)
        )
    return found + _told(pending, length_s, language)


def _told(words: Sequence[HeardWord], length_s: float, language: str) -> list[HeardUtterance]:
    within = list(in_order(words, length_s))
    return [_utterance(part) for sentence in _split(within, language) for part in _short(sentence)]


def _split(words: Sequence[HeardWord], language: str) -> Iterator[Sequence[HeardWord]]:
    start, ends = 0, sentence_ends(words, language)
    for place, word in enumerate(words):
        after = words[place + 1] if place + 1 < len(words) else None
        silent = after is not None and after.start_s - word.end_s >= PAUSE_S
        if after is None or silent or ends[place]:
            yield words[start : place + 1]
            start = place + 1


def _short(words: Sequence[HeardWord]) -> list[Sequence[HeardWord]]:
    """Return a sentence in parts of at most `LONGEST_S`, where there are words enough."""
    done, waiting = [], [words]
    while waiting:
        part = waiting.pop()
        if len(part) == 1 or part[-1].end_s - part[0].start_s <= LONGEST_S:
            done.append(part)
            continue
        pauses = [after.start_s - before.end_s for before, after in itertools.pairwise(part)]
        cut = 1 + max(range(len(pauses)), key=lambda place: pauses[place])
        waiting += [part[cut:], part[:cut]]
    return done


def _utterance(words: Sequence[HeardWord]) -> HeardUtterance:
    end = max(word.end_s for word in words)
    return HeardUtterance(start_s=words[0].start_s, end_s=end, text=join_text(words), words=tuple(words))


def fitting(utterances: Iterable[HeardUtterance], length_s: float, width: int, language: str) -> list[TimedText]:
    """Return all words in order, none wider than `width`, each with the cost of a break after it."""
    words = itertools.chain.from_iterable(timed(utterance, language) for utterance in utterances)
    fit = timed_text.fit_width(words, length_s, width)
    return [
        replace(part, break_cost=cost, ends_sentence=ends)
        for part, (cost, ends) in zip(fit, breaks_after(fit, language), strict=True)
    ]


def timed(utterance: HeardUtterance, language: str) -> tuple[HeardWord, ...]:
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
        words.append(HeardWord(text=text, start_s=at, end_s=end, spaced=spaced))
        at = end
    return tuple(words)
