"""How a narration will be spoken, shown to its author without a worker or an engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from speech import scripts
from speech.lexicon import Lexicon
from speech.markup import MarkedText, advice, parse
from speech.text import SpokenPiece, pieces, written_words

_STOPS = frozenset(".,;:!?…\"'“”‘’«»()[]—–-")


def preview(narration: str, language: str, lexicon: Mapping[str, str]) -> str:
    """Return the text as spoken, with its marks, and below it a line for each word that is spoken differently.

    The last lines list misspelt pauses, and words that a voice of this language cannot read. In languages other than
    English, numbers stay as they are, because the engine reads them. Raises UsageError for markup that cannot be
    spoken.
    """
    script = parse(narration)
    spoken = pieces(script.text, language, Lexicon(lexicon))
    lines = [_as_spoken(script, spoken) or "(nothing is spoken)"]
    lines += dict.fromkeys(_differences(script, spoken))
    lines += [f"  warning: {advice(written, meant)}" for written, meant in script.misspelt]
    if strange := scripts.unreadable(script.text, language, lexicon):
        lines.append(f"  warning: {scripts.advice(strange, language)}")
    return "\n".join(lines)


def _as_spoken(script: MarkedText, spoken: tuple[SpokenPiece, ...]) -> str:
    """Return everything that is spoken, with pauses in brackets and stars around emphasised words."""
    spoken_texts: list[str] = []
    pauses = list(script.pauses)
    for piece in spoken:
        while pauses and pauses[0][0] <= piece.word:
            spoken_texts.append(_pause(pauses.pop(0)[1]))
        spoken_texts.append(f"*{piece.text}*" if piece.word in script.emphasis else piece.text)
    return " ".join([*spoken_texts, *(_pause(seconds) for _, seconds in pauses)])


def _pause(seconds: float) -> str:
    return f"[pause {seconds:g}s]"


def _differences(script: MarkedText, spoken: tuple[SpokenPiece, ...]) -> Iterator[str]:
    by_word: dict[int, list[str]] = {}
    for piece in spoken:
        by_word.setdefault(piece.word, []).append(piece.text)
    for place, word in enumerate(written_words(script.text)):
        spoken_text = " ".join(by_word.get(place, []))
        if _bare(spoken_text) != _bare(word):
            yield f"  {word} → {spoken_text or '(silent)'}"


def _bare(text: str) -> str:
    """Return a word without punctuation, which is not listed as a difference."""
    return "".join(char for char in text if char not in _STOPS)
