"""Words made fit for subtitles: in order, within the file, none too wide for a line."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from colab.handlers.transcribe.engine import Utterance, Word
from media.columns import clusters, columns


def joined(words: Sequence[Word]) -> str:
    """Return the words as a text, with the blanks that belong between them."""
    return "".join((" " if place and word.spaced else "") + word.text for place, word in enumerate(words))


def fitting(utterances: Iterable[Utterance], length_s: float, width: int) -> list[Word]:
    """Return all words in order, no time before the one before it or after the end, none wider than `width`."""
    words = itertools.chain.from_iterable(timed(utterance) for utterance in utterances)
    return [part for word in ordered(words, length_s) for part in _narrow(word, width)]


def timed(utterance: Utterance) -> tuple[Word, ...]:
    """Return the words of an utterance; where nobody found their times, as if each letter took equally long."""
    if utterance.words:
        return utterance.words
    parts = [part for word in utterance.text.split() for part in _signs(word)]
    whole = sum(columns(text) + 1 for text, _ in parts) or 1
    each_s = max(0.0, utterance.end_s - utterance.start_s) / whole
    at, words = utterance.start_s, []
    for text, spaced in parts:
        end = at + (columns(text) + 1) * each_s
        words.append(Word(text=text, start_s=at, end_s=end, spaced=spaced))
        at = end
    return tuple(words)


def ordered(words: Iterable[Word], length_s: float) -> Iterator[Word]:
    """Yield the words with times that never go back and end with the file."""
    before_s = 0.0
    for word in words:
        start = min(max(word.start_s, before_s, 0.0), length_s)
        yield replace(word, start_s=start, end_s=min(max(word.end_s, start), length_s))
        before_s = start


def _signs(word: str) -> list[tuple[str, bool]]:
    """Return a word as (text, whether a blank is before it): one part, or one for each wide sign and run of others."""
    runs = itertools.groupby(clusters(word), key=lambda cluster: columns(cluster) > 1)
    parts = [part for wide, run in runs for part in (list(run) if wide else ["".join(run)])]
    return [(part, place == 0) for place, part in enumerate(parts)]


def _narrow(word: Word, width: int) -> list[Word]:
    """Return a word in parts that fit into a line; its time is shared out by their columns."""
    whole = columns(word.text)
    if whole <= width:
        return [word]
    parts = [""]
    for cluster in clusters(word.text):
        if parts[-1] and columns(parts[-1] + cluster) > width:
            parts.append("")
        parts[-1] += cluster
    return list(_shared_out(word, parts, (word.end_s - word.start_s) / whole))


def _shared_out(word: Word, parts: list[str], each_s: float) -> Iterator[Word]:
    at = word.start_s
    for place, part in enumerate(parts):
        end = min(at + columns(part) * each_s, word.end_s)
        yield replace(word, text=part, start_s=at, end_s=end, spaced=word.spaced and place == 0)
        at = end
