"""Which source of phonemes speaks a language: misaki where it is installed, otherwise eSpeak."""

from __future__ import annotations

from colab.handlers.tts import phonemes_espeak, phonemes_misaki
from colab.handlers.tts.phonemes import PhonemeSource
from protocol.errors import JobFailed
from usertext import installing


def source_for(language: str) -> PhonemeSource:
    """Return the phoneme source for one of Kokoro's languages. Raises `JobFailed` UNSUPPORTED, with a hint."""
    if language in phonemes_misaki.ONLY_MISAKI:
        found = phonemes_misaki.opened(language)
        if found is None:
            raise JobFailed(
                f"Kokoro's phonemes for {language} need misaki: "
                f"{installing.install(phonemes_misaki.ONLY_MISAKI[language], by_uv=True)}",
                code="UNSUPPORTED",
            )
        return found
    return phonemes_misaki.opened(language) or phonemes_espeak.opened_for(language)


def readable(language: str) -> bool:
    """Say whether a phoneme source for one of Kokoro's languages is available."""
    try:
        source_for(language)
    except JobFailed:
        return False
    return True
