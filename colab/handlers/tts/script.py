"""From spoken pieces to what an engine says in one breath. Pure rules."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from speech.lexicon import Lexicon
from speech.text import NO_LEXICON, SpokenPiece, pieces, written_words

SENTENCE_S = 0.35
PARAGRAPH_S = 0.65
CLAUSE_S = 0.15
CUT_S = 0.03
"""Pauses at speed 1, after a sentence, a paragraph, and where a sentence had to be cut at a comma or anywhere."""

_CLAUSE_ENDS = ",;:、，；："


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """What an engine speaks in one call, and the pause after it at speed 1. `words` holds the written word of each
    piece, as many as `text` has parts between blanks.

    `hold_s` is the silence that a mark asks for instead, the same at every speed; `emphasis` the places of emphasised
    pieces.
    """

    text: str
    words: tuple[int, ...]
    pause_s: float
    hold_s: float | None = None
    emphasis: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True)
class SpeechScript:
    """One narration, ready to speak: the words as written, and chunks within the engine's limit. No chunk: silence.

    `lead_s` is the silence that a mark asks for before the first word.
    """

    words: tuple[str, ...]
    chunks: tuple[Chunk, ...]
    lead_s: float = 0.0


def script(
    narration: str,
    language: str,
    limit: int,
    *,
    lexicon: Lexicon = NO_LEXICON,
    pauses: Sequence[tuple[int, float]] = (),
    emphasis: Collection[int] = (),
) -> SpeechScript:
    """Return the script of a narration; every chunk has at most `limit` characters (at least MAX_PIECE).

    `pauses` are (words before it, seconds): each ends a chunk, so that the silence lies exactly there.
    """
    spoken, stressed = pieces(narration, language, lexicon), frozenset(emphasis)
    chunks: list[Chunk] = []
    for sentence in _sentences(spoken):
        for run in _between(sentence, pauses):
            chunks += [_chunk(part, stressed) for part in _within_limit(run, limit)]
    holds = _holds(chunks, pauses)
    held = [
        chunk if hold is None else replace(chunk, hold_s=hold) for chunk, hold in zip(chunks, holds[1:], strict=True)
    ]
    return SpeechScript(words=written_words(narration), chunks=tuple(held), lead_s=holds[0] or 0.0)


def otherwise(chunk: Chunk) -> tuple[Chunk, ...]:
    """Return the same speech for another try: as two chunks, cut after a comma where there is one.

    A single piece gets a full stop, or loses it: an engine speaks it differently then.
    """
    texts = chunk.text.split()
    if len(texts) < 2:
        return (replace(chunk, text=chunk.text[:-1] if chunk.text.endswith(".") else f"{chunk.text}."),)
    middle = range(len(texts) // 4 + 1, len(texts) * 3 // 4 + 1)
    cut = next((place for place in middle if texts[place - 1][-1] in _CLAUSE_ENDS), len(texts) // 2)
    first = Chunk(
        text=" ".join(texts[:cut]),
        words=chunk.words[:cut],
        pause_s=CLAUSE_S if texts[cut - 1][-1] in _CLAUSE_ENDS else CUT_S,
        emphasis=frozenset(place for place in chunk.emphasis if place < cut),
    )
    rest = frozenset(place - cut for place in chunk.emphasis if place >= cut)
    return first, replace(chunk, text=" ".join(texts[cut:]), words=chunk.words[cut:], emphasis=rest)


def _between(sentence: list[SpokenPiece], pauses: Sequence[tuple[int, float]]) -> Iterator[list[SpokenPiece]]:
    """Yield the parts of a sentence between the pauses inside it."""
    places = [place for place, _ in pauses]
    run: list[SpokenPiece] = []
    for piece in sentence:
        if run and bisect_right(places, run[-1].word) < bisect_right(places, piece.word):
            yield run
            run = []
        run.append(piece)
    yield run


def _holds(chunks: list[Chunk], pauses: Sequence[tuple[int, float]]) -> list[float | None]:
    """Return the silence that marks ask for before the first chunk, and after each."""
    holds: list[float | None] = [None] * (len(chunks) + 1)
    last_words = [chunk.words[-1] for chunk in chunks]
    for place, seconds in pauses:
        after = bisect_left(last_words, place)
        holds[after] = (holds[after] or 0.0) + seconds
    return holds


def _sentences(spoken: tuple[SpokenPiece, ...]) -> Iterator[list[SpokenPiece]]:
    sentence: list[SpokenPiece] = []
    for piece in spoken:
        sentence.append(piece)
        if piece.ends_sentence:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _within_limit(sentence: list[SpokenPiece], limit: int) -> Iterator[list[SpokenPiece]]:
    rest = sentence
    while rest:
        count = _fitting(rest, limit)
        if count < len(rest):
            count = _best_cut(rest[:count])
        yield rest[:count]
        rest = rest[count:]


def _fitting(rest: list[SpokenPiece], limit: int) -> int:
    """How many pieces fit into `limit`; at least one."""
    length = -1
    for count, piece in enumerate(rest):
        length += 1 + len(piece.text)
        if length > limit:
            return max(count, 1)
    return len(rest)


def _best_cut(fitting: list[SpokenPiece]) -> int:
    """After the last comma of the second half, else after the last piece that fits."""
    for count in range(len(fitting), len(fitting) // 2, -1):
        if fitting[count - 1].text[-1] in _CLAUSE_ENDS:
            return count
    return len(fitting)


def _chunk(part: list[SpokenPiece], stressed: frozenset[int]) -> Chunk:
    return Chunk(
        text=" ".join(piece.text for piece in part),
        words=tuple(piece.word for piece in part),
        pause_s=_pause_after(part[-1]),
        emphasis=frozenset(place for place, piece in enumerate(part) if piece.word in stressed),
    )


def _pause_after(piece: SpokenPiece) -> float:
    if piece.ends_paragraph:
        return PARAGRAPH_S
    if piece.ends_sentence:
        return SENTENCE_S
    return CLAUSE_S if piece.text[-1] in _CLAUSE_ENDS else CUT_S
