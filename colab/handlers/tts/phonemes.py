"""The phonemes that Kokoro was made for, whoever finds them. Rules over strings; the sources are files of their own.

Kokoro was trained on the phonemes of misaki: one character for one sound, diphthongs as capitals. So misaki speaks for
English where it is installed, for Japanese and Chinese it must be; everything else is eSpeak's, written as misaki does.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

LIMIT = 510
"""Phonemes that the model takes at once: its 512 places less the two pads."""

MARKS = ';:,.!?—…"“”()'
"""Punctuation that the model knows, and that it breathes and falls by."""

_SENTENCE_ENDS = ".!?…"
_CLAUSE_ENDS = ",;:—"


@dataclass(frozen=True, kw_only=True)
class Phonemes:
    """What to say. `words` holds, for each character of `text`, the place of the word that it sounds in.

    `sure` is False where words were spoken as one and the border between them is a guess.
    """

    text: str
    words: tuple[int, ...]
    sure: bool = True

    def __post_init__(self) -> None:
        assert len(self.text) == len(self.words)

    def cut(self, start: int, end: int) -> Phonemes:
        """Return a part of it, without blanks around it."""
        while start < end and self.text[start] == " ":
            start += 1
        while end > start and self.text[end - 1] == " ":
            end -= 1
        return Phonemes(text=self.text[start:end], words=self.words[start:end], sure=self.sure)


Sound = tuple[str, int]
"""One phoneme character, and the place of its word."""


class PhonemeSource(Protocol):
    """Who knows how a text sounds. The same text gives the same phonemes, every time."""

    name: str  # as records say it: "espeak 1.52.0"

    def __call__(self, text: str) -> Phonemes:
        """Return how a text sounds; its words are its parts between blanks."""
        ...


def known(sounds: Iterable[Sound], vocabulary: Container[str] | None = None) -> Iterator[Sound]:
    """Leave out what the model does not know, and blanks that stand first or beside another."""
    blank = True
    for mark, word in sounds:
        mark = " " if mark.isspace() else mark  # noqa: PLW2901 - one kind of blank
        if (blank and mark == " ") or (vocabulary is not None and mark not in vocabulary):
            continue
        blank = mark == " "
        yield mark, word


def written(sounds: Iterable[Sound], vocabulary: Container[str] | None = None, *, sure: bool = True) -> Phonemes:
    """Return the phonemes of a run of sounds."""
    kept = list(known(sounds, vocabulary))
    whole = Phonemes(text="".join(mark for mark, _ in kept), words=tuple(word for _, word in kept), sure=sure)
    return whole.cut(0, len(kept))


def within_limit(phonemes: Phonemes, limit: int = LIMIT) -> list[Phonemes]:
    """Return the phonemes in parts of at most `limit`, nothing lost: cut after a sentence, a clause, or a word.

    The parts are of like size, as a short rest would be spoken at another pace. A word longer than all that is cut too.
    """
    parts: list[Phonemes] = []
    start, length = 0, len(phonemes.text)
    while start < length:
        left = -(-(length - start) // limit)
        end = length if left == 1 else _cut(phonemes.text, start, -(-(length - start) // left), limit)
        if (part := phonemes.cut(start, end)).text:
            parts.append(part)
        start = end
    return parts


def _cut(text: str, start: int, wanted: int, limit: int) -> int:
    """Return where to end a part: at the best kind of border from half of what is wanted up to the limit."""
    borders = [at for at in range(start + wanted // 2, start + limit + 1) if text[at : at + 1] == " "]
    for marks in (_SENTENCE_ENDS, _CLAUSE_ENDS, ""):
        of_kind = [at for at in borders if not marks or text[at - 1] in marks]
        if of_kind:
            return min(of_kind, key=lambda at: abs(at - start - wanted))
    return start + limit
