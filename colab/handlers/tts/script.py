"""From spoken pieces to what an engine says in one breath. Pure rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from speech.text import Piece, pieces, written_words

SENTENCE_S = 0.35
PARAGRAPH_S = 0.65
CLAUSE_S = 0.15
CUT_S = 0.03
"""Pauses at speed 1, after a sentence, a paragraph, and where a sentence had to be cut at a comma or anywhere."""

_CLAUSE_ENDS = ",;:、，；："


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """What an engine speaks in one call, and the pause after it at speed 1. `words` holds the written word of each
    piece, as many as `text` has parts between blanks."""

    text: str
    words: tuple[int, ...]
    pause_s: float


@dataclass(frozen=True, kw_only=True)
class Script:
    """One narration, ready to speak: the words as written, and chunks within the engine's limit. No chunk: silence."""

    words: tuple[str, ...]
    chunks: tuple[Chunk, ...]


def script(narration: str, language: str, limit: int) -> Script:
    """Return the script of a narration; every chunk has at most `limit` characters (at least MAX_PIECE)."""
    chunks = [chunk for sentence in _sentences(pieces(narration, language)) for chunk in _within_limit(sentence, limit)]
    return Script(words=written_words(narration), chunks=tuple(chunks))


def _sentences(spoken: tuple[Piece, ...]) -> Iterator[list[Piece]]:
    sentence: list[Piece] = []
    for piece in spoken:
        sentence.append(piece)
        if piece.ends_sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _within_limit(sentence: list[Piece], limit: int) -> Iterator[Chunk]:
    rest = sentence
    while rest:
        count = _fitting(rest, limit)
        if count < len(rest):
            count = _best_cut(rest[:count])
        yield _chunk(rest[:count])
        rest = rest[count:]


def _fitting(rest: list[Piece], limit: int) -> int:
    """How many pieces fit into `limit`; at least one."""
    length = -1
    for count, piece in enumerate(rest):
        length += 1 + len(piece.text)
        if length > limit:
            return max(count, 1)
    return len(rest)


def _best_cut(fitting: list[Piece]) -> int:
    """After the last comma of the second half, else after the last piece that fits."""
    for count in range(len(fitting), len(fitting) // 2, -1):
        if fitting[count - 1].text[-1] in _CLAUSE_ENDS:
            return count
    return len(fitting)


def _chunk(part: list[Piece]) -> Chunk:
    return Chunk(
        text=" ".join(piece.text for piece in part),
        words=tuple(piece.word for piece in part),
        pause_s=_pause_after(part[-1]),
    )


def _pause_after(piece: Piece) -> float:
    if piece.ends_paragraph:
        return PARAGRAPH_S
    if piece.ends_sentence:
        return SENTENCE_S
    return CLAUSE_S if piece.text[-1] in _CLAUSE_ENDS else CUT_S
