"""Which words a voice cannot read: those in letters that do not belong to its language's script.

Every voice can read Latin letters. A word that the lexicon respells is read as respelled.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from speech.languages import family
from speech.lexicon import Lexicon
from speech.text import pieces, written_words

_SCRIPTS: dict[str, frozenset[str]] = {
    language: frozenset(scripts)
    for scripts, languages in (
        (("CYRILLIC",), "ru uk be bg sr mk kk ky mn tt ba cv tg"),
        (("GREEK",), "el grc"),
        (("HEBREW",), "he yi"),
        (("ARABIC",), "ar fa ur ps sd ug ckb"),
        (("DEVANAGARI",), "hi mr ne sa kok"),
        (("CJK",), "zh cmn yue hak ja"),
        (("HANGUL", "CJK"), "ko"),
        (("THAI",), "th"),
        (("GEORGIAN",), "ka"),
        (("ARMENIAN",), "hy hyw"),
        (("BENGALI",), "bn as"),
        (("GUJARATI",), "gu"),
        (("GURMUKHI",), "pa"),
        (("KANNADA",), "kn"),
        (("MALAYALAM",), "ml"),
        (("TAMIL",), "ta"),
        (("TELUGU",), "te"),
        (("ORIYA",), "or"),
        (("SINHALA",), "si"),
        (("MYANMAR",), "my"),
        (("ETHIOPIC",), "am ti"),
        (("LAO",), "lo"),
        (("KHMER",), "km"),
        (("TIBETAN",), "bo"),
    )
    for language in languages.split()
}
_NO_SCRIPT = frozenset(["LATIN", "MODIFIER", "MICRO", "FEMININE", "MASCULINE", "DEGREE"])
"""What every voice can read, and letters that are symbols."""

_SHOWN = 8
"""The most words that a warning lists."""


def unreadable(text: str, language: str, lexicon: Mapping[str, str]) -> tuple[str, ...]:
    """Return the written words that a voice of this language cannot read, each once."""
    own = _SCRIPTS.get(language.lower().split("-")[0], frozenset()) | _NO_SCRIPT
    written = written_words(text)
    strange = [piece.word for piece in pieces(text, language, Lexicon(lexicon)) if _is_strange(piece.text, own)]
    return tuple(dict.fromkeys(_bare(written[word]) for word in strange))


def _is_strange(text: str, own: frozenset[str]) -> bool:
    return any(char.isalpha() and unicodedata.category(char) != "Lm" and family(char) not in own for char in text)


def _bare(word: str) -> str:
    """Return a word without the punctuation around it."""
    marks = [place for place, char in enumerate(word) if unicodedata.category(char)[0] in "LMN"]
    return word[marks[0] : marks[-1] + 1] if marks else word


def advice(words: tuple[str, ...], language: str) -> str:
    """Return the warning for users: which words, and what to do."""
    shown = ", ".join(words[:_SHOWN]) + (f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else "")
    return (
        f"a voice for {language} cannot read {shown}: write it in that voice's letters, or add its "
        "pronunciation to the lexicon"
    )
