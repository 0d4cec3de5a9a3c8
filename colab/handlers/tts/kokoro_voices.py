"""The voices of Kokoro v1.0, and which of them speaks. Pure rules over one table, the same for every Kokoro engine."""

from __future__ import annotations

import re
from collections.abc import Callable

from colab.handlers.tts.engine import EngineVoice
from protocol.errors import JobFailed
from protocol.messages import Choices

VOICES: dict[str, tuple[str, ...]] = {
    "en-us": (
        "af_heart",
        "af_alloy",
        "af_aoede",
        "af_bella",
        "af_jessica",
        "af_kore",
        "af_nicole",
        "af_nova",
        "af_river",
        "af_sarah",
        "af_sky",
        "am_adam",
        "am_echo",
        "am_eric",
        "am_fenrir",
        "am_liam",
        "am_michael",
        "am_onyx",
        "am_puck",
        "am_santa",
    ),
    "en-gb": (
        "bf_emma",
        "bf_alice",
        "bf_isabella",
        "bf_lily",
        "bm_daniel",
        "bm_fable",
        "bm_george",
        "bm_lewis",
    ),
    "es": ("ef_dora", "em_alex", "em_santa"),
    "fr-fr": ("ff_siwis",),
    "hi": ("hf_alpha", "hf_beta", "hm_omega", "hm_psi"),
    "it": ("if_sara", "im_nicola"),
    "ja": ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo"),
    "pt-br": ("pf_dora", "pm_alex", "pm_santa"),
    "cmn": (
        "zf_xiaoxiao",
        "zf_xiaobei",
        "zf_xiaoni",
        "zf_xiaoyi",
        "zm_yunjian",
        "zm_yunxi",
        "zm_yunxia",
        "zm_yunyang",
    ),
}
"""Every voice by the language that it speaks, the default first: the one its makers grade best, where they differ.

Source: `VOICES.md` of the model hexgrad/Kokoro-82M, version 1.0.
"""

LANGUAGE_OF = {name: language for language, names in VOICES.items() for name in names}
"""`{"af_heart": "en-us", …}`, all 54."""

DEFAULT_NAMES = frozenset({"default", "kokoro"})

ALIASES = {
    "en": "en-us",
    "fr": "fr-fr",
    "pt": "pt-br",
    "zh": "cmn",
    "zh-cn": "cmn",
    "zh-hans": "cmn",
    "zh-hant": "cmn",
    "zh-sg": "cmn",
    "zh-tw": "cmn",
}

_ANY_REGION = {"es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "ja": "ja"}
"""Languages that Kokoro speaks in one accent, whatever region is asked for. Portugal is not Brazil."""

_REGION = re.compile(r"[a-z]{2}|[0-9]{3}")


def names() -> tuple[str, ...]:
    """Return every voice, sorted."""
    return tuple(sorted(LANGUAGE_OF))


def choices(readable: Callable[[str], bool]) -> Choices:
    """Return what may be asked for, of the languages of which somebody here can read the text."""
    tags = [tag for tag in VOICES if readable(tag)]
    others = [alias for alias, tag in ALIASES.items() if tag in tags]
    regions = [f"{base}-*" for base, tag in _ANY_REGION.items() if tag in tags]
    voices = sorted(name for tag in tags for name in VOICES[tag])
    return {"voice": (*sorted(DEFAULT_NAMES), *voices), "language": (*tags, *others, *regions)}


def find(language: str) -> str | None:
    """Return the tag of a language, however it is written ("en_US", "ja-JP"), None when Kokoro does not speak it."""
    tag = language.strip().lower().replace("_", "-")
    tag = ALIASES.get(tag, tag)
    if tag in VOICES:
        return tag
    base, _, region = tag.partition("-")
    return _ANY_REGION.get(base) if _REGION.fullmatch(region) else None


def pick(voice: str, language: str) -> EngineVoice:
    """Return the voice asked for, or the default of the language.

    A voice with another accent of the same language speaks in its own accent. Raises `JobFailed` BAD_REQUEST, listing
    what exists, for an unknown language, an unknown voice, and a voice of another language than the text.
    """
    tag = _language(language)
    name = voice.strip().lower()
    if name in DEFAULT_NAMES:
        return _voice(VOICES[tag][0])
    if name not in LANGUAGE_OF:
        raise JobFailed(f"Kokoro has no voice {voice!r}; for {tag} it has: {_listed(tag)}", code="BAD_REQUEST")
    if _base(LANGUAGE_OF[name]) != _base(tag):
        raise JobFailed(
            f"the voice {name!r} speaks {LANGUAGE_OF[name]}, but the text is in {tag}: "
            f"set the language to {LANGUAGE_OF[name]}, or the voice to one of: {_listed(tag)}",
            code="BAD_REQUEST",
        )
    return _voice(name)


def _language(asked: str) -> str:
    tag = find(asked)
    if tag is None:
        raise JobFailed(
            f"Kokoro does not speak the language {asked!r}; it speaks: {', '.join(sorted(VOICES))}. "
            "The engine espeak speaks many more: ask for it",
            code="BAD_REQUEST",
        )
    return tag


def _listed(tag: str) -> str:
    of_language = [name for other, voices in VOICES.items() if _base(other) == _base(tag) for name in voices]
    return ", ".join(["default", *of_language])


def _base(tag: str) -> str:
    return tag.split("-")[0]


def _voice(name: str) -> EngineVoice:
    return EngineVoice(name=name, language=LANGUAGE_OF[name], key=name)
