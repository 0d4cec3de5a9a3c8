"""misaki, the phonemes that Kokoro was trained on, where it is installed. Its imports stay inside.

Nothing is downloaded here: misaki itself would fetch spaCy's model and a Japanese dictionary without asking.
"""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any

from colab.handlers.tts.phonemes import Phonemes, PhonemeSource, Sound, written
from usertext import installing

logger = logging.getLogger(__name__)

ONLY_MISAKI = {"ja": "misaki[ja]", "cmn": "misaki[zh]"}
"""Languages that eSpeak speaks in another alphabet than Kokoro's, and what to install for them."""

SPACY_MODEL = "en_core_web_sm"

_NEEDED = {
    "en-us": ("misaki", "spacy", "num2words", SPACY_MODEL),
    "en-gb": ("misaki", "spacy", "num2words", SPACY_MODEL),
    "ja": ("misaki", "fugashi", "jaconv", "mojimoji", "pyopenjtalk", "unidic"),
    "cmn": ("misaki", "jieba", "cn2an", "pypinyin"),
}


OLDEST = (0, 9)
"""Plain pip installs 0.7 on Python 3.13 without a word, because later ones declare that they want an older Python."""


def _number(told: str) -> tuple[int, ...]:
    return tuple(int(part) for part in told.split(".")[:2])


@cache
def opened(language: str) -> PhonemeSource | None:
    """Return misaki for a language, None where it or anything that it needs is not installed."""
    needed = _NEEDED.get(language)
    if needed is None or any(importlib.util.find_spec(module) is None for module in needed):
        return None
    if _number(version("misaki")) < OLDEST:
        hint = installing.install("misaki>=0.9.4", by_uv=True)
        logger.warning("misaki %s is too old and not used: %s", version("misaki"), hint)
        return None
    return English(british=language == "en-gb") if language.startswith("en") else Unspaced(language)


class English:
    """English by misaki's dictionary and spaCy's grammar; words that it does not know are eSpeak's."""

    def __init__(self, *, british: bool) -> None:
        from colab.handlers.tts.phonemes_espeak import opened_for

        self.name = f"misaki {version('misaki')}"
        self._british = british
        self._espeak = opened_for("en-gb" if british else "en-us")
        self._g2p: Any = None

    def __call__(self, text: str) -> Phonemes:
        """Return how a text sounds; a token belongs to the word that it begins in."""
        _, tokens = self._opened()(text, preprocess=False)  # without misaki's own markup of links
        sounds: list[Sound] = []
        place, starts = 0, _word_starts(text)
        for token in tokens:
            word = max(0, sum(start <= place for start in starts) - 1)
            sounds += [(mark, word) for mark in (token.phonemes or "") + token.whitespace]
            place += len(token.text) + len(token.whitespace)
        return written(sounds)

    def _opened(self) -> Any:
        """Load the dictionary and the grammar when first needed: a card can be made without them."""
        if self._g2p is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # those of misaki and spaCy are not ours to mend
                from misaki import en

                self._g2p = en.G2P(trf=False, british=self._british, fallback=self._unknown, unk="")
        return self._g2p

    def _unknown(self, token: Any) -> tuple[str | None, int | None]:
        said = self._espeak(token.text).text
        return (said, 2) if said else (None, None)


class Unspaced:
    """Japanese or Chinese by misaki, part by part: what stands between blanks is a clause there."""

    def __init__(self, language: str) -> None:
        self.name = f"misaki {version('misaki')}"
        self._language = language
        self._g2p: Callable[[str], tuple[str, Any]] | None = None

    def __call__(self, text: str) -> Phonemes:
        """Return how a text sounds."""
        if self._g2p is None:
            self._g2p = _unspaced_g2p(self._language)
        sounds: list[Sound] = []
        for place, word in enumerate(text.split()):
            sounds += [(mark, place) for mark in self._g2p(word)[0] + " "]
        return written(sounds)


def _unspaced_g2p(language: str) -> Any:
    if language == "ja":
        from misaki import ja

        return ja.JAG2P()
    from misaki import zh

    return zh.ZHG2P()


def _word_starts(text: str) -> list[int]:
    starts, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        starts.append(at)
        at += len(word)
    return starts
