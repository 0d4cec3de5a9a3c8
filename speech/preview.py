"""How a narration will be spoken, for its author to read: no worker and no engine is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from speech import scripts
from speech.lexicon import Lexicon
from speech.markup import Script, advice, parse
from speech.text import Piece, pieces, written_words

_STOPS = frozenset(".,;:!?…\"'“”‘’«»()[]—–-")


def preview(narration: str, language: str, lexicon: Mapping[str, str]) -> str:
    """Return the text as spoken, marks and all, and below it a line for each word that is said otherwise than written.

    Last lines name misspelt pauses and the words that a voice of the language cannot read.
    In languages other than English numbers stay as they are: the engine reads them. Raises UsageError for markup that
    cannot be spoken.
    """
    script = parse(narration)
    spoken = pieces(script.text, language, Lexicon(lexicon))
    lines = [_as_spoken(script, spoken) or "(nothing is spoken)"]
    lines += dict.fromkeys(_differences(script, spoken))
    lines += [f"  warning: {advice(written, meant)}" for written, meant in script.misspelt]
    if strange := scripts.unreadable(script.text, language, lexicon):
        lines.append(f"  warning: {scripts.advice(strange, language)}")
    return "\n".join(lines)


def _as_spoken(script: Script, spoken: tuple[Piece, ...]) -> str:
    """Return all that is spoken, with pauses in brackets and stars around what is emphasised."""
    said: list[str] = []
    pauses = list(script.pauses)
    for piece in spoken:
        while pauses and pauses[0][0] <= piece.word:
            said.append(_pause(pauses.pop(0)[1]))
        said.append(f"*{piece.text}*" if piece.word in script.emphasis else piece.text)
    return " ".join([*said, *(_pause(seconds) for _, seconds in pauses)])


def _pause(seconds: float) -> str:
    return f"[pause {seconds:g}s]"


def _differences(script: Script, spoken: tuple[Piece, ...]) -> Iterator[str]:
    said: dict[int, list[str]] = {}
    for piece in spoken:
        said.setdefault(piece.word, []).append(piece.text)
    for place, word in enumerate(written_words(script.text)):
        heard = " ".join(said.get(place, []))
        if _bare(heard) != _bare(word):
            yield f"  {word} → {heard or '(silent)'}"


def _bare(text: str) -> str:
    """What stops, quotes and dashes do to a word is no difference worth a line."""
    return "".join(char for char in text if char not in _STOPS)
