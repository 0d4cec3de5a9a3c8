"""Utterances as sentences: what the texts and tables have a line for."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from colab.handlers.transcribe.engine import Utterance, Word
from media.timed_text import in_order, join_text
from speech.breaks import sentence_ends

PAUSE_S = 1.0
"""A silence that ends a sentence, where no mark does: rough recognisers write none."""

LONGEST_S = 30.0
"""What goes on for longer is cut at its longest pause."""


def sentences_of(utterances: Iterable[Utterance], length_s: float, language: str) -> list[Utterance]:
    """Return the sentences in order, their times within the file. Utterances without words stay as they are."""
    found: list[Utterance] = []
    pending: list[Word] = []
    for utterance in utterances:
        if utterance.words:
            pending.extend(utterance.words)
            continue
        found += _told(pending, length_s, language)
        pending = []
        start = min(max(0.0, utterance.start_s), length_s)
        found.append(Utterance(start_s=start, end_s=min(max(start, utterance.end_s), length_s), text=utterance.text))
    return found + _told(pending, length_s, language)


def _told(words: Sequence[Word], length_s: float, language: str) -> list[Utterance]:
    within = list(in_order(words, length_s))
    return [_utterance(part) for sentence in _split(within, language) for part in _short(sentence)]


def _split(words: Sequence[Word], language: str) -> Iterator[Sequence[Word]]:
    start, ends = 0, sentence_ends(words, language)
    for place, word in enumerate(words):
        after = words[place + 1] if place + 1 < len(words) else None
        silent = after is not None and after.start_s - word.end_s >= PAUSE_S
        if after is None or silent or ends[place]:
            yield words[start : place + 1]
            start = place + 1


def _short(words: Sequence[Word]) -> list[Sequence[Word]]:
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


def _utterance(words: Sequence[Word]) -> Utterance:
    end = max(word.end_s for word in words)
    return Utterance(start_s=words[0].start_s, end_s=end, text=join_text(words), words=tuple(words))
