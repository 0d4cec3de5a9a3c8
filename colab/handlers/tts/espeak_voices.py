"""Which of eSpeak's voices speaks when a language and a voice are asked for. Pure rules over its lists."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from colab.handlers.tts import kokoro_voices
from colab.handlers.tts.engine import EngineVoice
from protocol.errors import JobFailed
from protocol.messages import Choices

DEFAULT_NAMES = frozenset({"default", "espeak"})

VARIANT_OF_GENDER = {"f": "f3", "m": "m3"}
"""The variants that are least harsh, for a voice of another engine of which we know the gender."""

ALIASES = {
    "en": "en-us",  # eSpeak's own "en" is British; the format's default has always been American
    "hy-am": "hy",
    "vi-vn": "vi",
    "zh": "cmn",
    "zh-cn": "cmn",
    "zh-hans": "cmn",
    "zh-hant": "cmn",
    "zh-hk": "yue",
    "zh-sg": "cmn",
    "zh-tw": "cmn",
}

UNSPEAKABLE = frozenset({"fo", "kaa", "xex"})
"""Listed by eSpeak 1.52, but their dictionaries are not in the wheel."""

_REGION = re.compile(r"[a-z]{2}|[0-9]{3}")


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What this eSpeak can speak: `{tag: voice key}` and the names of the speaker variants."""

    languages: Mapping[str, str]
    variants: Sequence[str]

    def names(self) -> tuple[str, ...]:
        """Return every language that can be asked for, sorted."""
        return tuple(sorted(set(self.languages) - UNSPEAKABLE))

    def choices(self) -> Choices:
        """Return what may be asked for: any tag with any variant, a variant alone, and what stands in for Kokoro's."""
        names = self.names()
        variants = (*self.variants, *(f"{name}+*" for name in names), "+*")
        voices = (*sorted(DEFAULT_NAMES), *names, *ALIASES, *variants, *kokoro_voices.names())
        regions = [f"{name}-*" for name in names if "-" not in name and not self._has_regions(name)]
        return {"voice": voices, "language": (*names, *ALIASES, *regions)}

    def find(self, language: str) -> str | None:
        """Return the tag of a language, however it is written ("en_US", "ja-JP"), None when there is none."""
        tag = language.strip().lower().replace("_", "-")
        tag = ALIASES.get(tag, tag)
        if tag in self.names():
            return tag
        base, _, region = tag.partition("-")
        if base not in self.names() or not _REGION.fullmatch(region):
            return None
        return base if region == base or not self._has_regions(base) else None

    def _has_regions(self, base: str) -> bool:
        return any(tag.startswith(f"{base}-") for tag in self.names())

    def language(self, asked: str) -> str:
        """Return the tag of a language. Raises `JobFailed` BAD_REQUEST with all there are."""
        tag = self.find(asked)
        if tag is None:
            raise JobFailed(
                f"espeak does not speak the language {asked!r}; it speaks: {', '.join(self.names())}",
                code="BAD_REQUEST",
            )
        return tag

    def pick(self, voice: str, language: str) -> EngineVoice:
        """Return the voice asked for, or the nearest to one of another engine, marked as substituted."""
        tag = self.language(language)
        name = voice.strip()
        if name.lower() in DEFAULT_NAMES:
            return self._voice(tag)
        if name.lower() in kokoro_voices.LANGUAGE_OF:
            return self._nearest(tag, name.lower())
        own = self._own(name, tag)
        if own is None:
            raise JobFailed(self._nobody(name, tag), code="BAD_REQUEST")
        return own

    def _nobody(self, name: str, tag: str) -> str:
        of_language = [other for other in self.names() if self._same_language(other, tag)]
        return (
            f"there is no voice {name!r}; espeak has for {tag}: default, {', '.join(of_language)}, each alone or with "
            f"a variant as in {tag}+f3 (variants: {', '.join(self.variants)}); a Kokoro voice "
            f"({', '.join(kokoro_voices.names())}) is spoken by the nearest of these"
        )

    def _nearest(self, tag: str, kokoro: str) -> EngineVoice:
        """The voice's own accent of the text's language is kept. One of another language would be no stand-in."""
        accent = self.find(kokoro_voices.LANGUAGE_OF[kokoro]) or tag
        if not self._same_language(accent, tag):
            raise JobFailed(_of_another_language(kokoro, accent, tag), code="BAD_REQUEST")
        return self._voice(accent, VARIANT_OF_GENDER[kokoro[1]], substituted=True)

    def _own(self, name: str, tag: str) -> EngineVoice | None:
        head, plus, variant = name.partition("+")
        tag_of_voice = self.find(head) if head else tag
        if tag_of_voice is None:
            return self._voice(tag, self._variant(name)) if not plus and self._is_variant(name) else None
        if not self._same_language(tag_of_voice, tag):
            raise JobFailed(_of_another_language(name, tag_of_voice, tag), code="BAD_REQUEST")
        return self._voice(tag_of_voice, self._variant(variant) if plus else "")

    def _same_language(self, one: str, other: str) -> bool:
        if one.split("-")[0] == other.split("-")[0]:
            return True
        return self.languages.get(one) == self.languages.get(other)

    def _is_variant(self, name: str) -> bool:
        return name.lower() in {variant.lower() for variant in self.variants}

    def _variant(self, asked: str) -> str:
        for variant in self.variants:
            if variant.lower() == asked.lower():
                return variant
        raise JobFailed(
            f"espeak has no voice variant {asked!r}; it has: {', '.join(self.variants)}", code="BAD_REQUEST"
        )

    def _voice(self, tag: str, variant: str = "", *, substituted: bool = False) -> EngineVoice:
        suffix = f"+{variant}" if variant else ""
        return EngineVoice(name=tag + suffix, language=tag, key=self.languages[tag] + suffix, substituted=substituted)


def _of_another_language(voice: str, speaks: str, tag: str) -> str:
    return (
        f"the voice {voice!r} speaks {speaks}, but the text is in {tag}: "
        f'set the language to {speaks}, or the voice to "default"'
    )
