"""Where sentences end, for both speech and captions, so that a cue never ends where the voice continues."""

from __future__ import annotations

import re

from speech import abbreviations
from speech.units import DOTTED_UNITS

OPENERS = "([{<\"'«“„‘‚¿¡「『（"
CLOSERS = ")]}>\"'»”“’›」』）】》〉〕］｝"
WIDE_STOPS = "。！？｡"
_STOPS = WIDE_STOPS + ".!?…।؟۔"
_INITIAL = re.compile(r"[^\W\d_]\.")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+")  # an initial, "e.g.", "U.S."
_LEAST_PAUSE_S = 0.4
"""The shortest pause of a speaker after an abbreviation that also ends the sentence."""


def ends_sentence(
    word: str, following: str, language: str, *, opens: bool = False, pause_s: float | None = None, before: str = ""
) -> bool:
    """Say whether a sentence ends with a written word; never within an abbreviation or a number.

    `following` and `before` are its neighbours, empty if there is none. `opens` says that the word begins a sentence,
    like the "1." of a list. `pause_s`, if known, decides about words such as "etc.".
    """
    core = word.rstrip(CLOSERS)
    if not core or not following:
        return not following
    if core[-1] not in _STOPS:
        return False
    if core[-1] != ".":
        return core[-1] in WIDE_STOPS or not _continues(following)
    core = core.lstrip(OPENERS)
    if _continues(following) or core.strip(".") == "":
        return not _continues(following)
    return not _is_protected(core, following, language, opens, pause_s, before)


def is_abbreviation(core: str, following: str, language: str, before: str = "") -> bool:
    """Say whether the full stop of a word belongs to the word, as in "Dr.", "U.S." or the "No." of "No. 5".

    After a number "ms." and "s." are units at the end of a sentence.
    """
    low = core.lower()
    if not core.endswith(".") or (low in abbreviations.NEEDS_NUMBER and not _is_numeral(following)):
        return False
    if before[-1:].isdigit() and core.islower() and (_INITIAL.fullmatch(core) or low == "ms."):
        return False
    if core in {"Sat.", "Sun."}:
        return following[:1].isdigit()
    if before[-1:].isdigit() and low in DOTTED_UNITS:
        return True
    return bool(_DOTTED.fullmatch(core)) or abbreviations.is_known(low, language)


def _is_protected(core: str, following: str, language: str, opens: bool, pause_s: float | None, before: str) -> bool:
    if core[:-1].isdigit():
        return opens or language.split("-")[0] in abbreviations.ORDINAL_DOT
    if not is_abbreviation(core, following, language, before):
        return False
    low = core.lower()
    if low in abbreviations.STREETS and not abbreviations.is_street(before, following):
        return True
    may_end = (
        low in abbreviations.MAY_END
        or low in DOTTED_UNITS
        or (bool(_DOTTED.fullmatch(core)) and not _INITIAL.fullmatch(core))
    )
    if not may_end:
        return True
    if pause_s is not None:
        return pause_s < _LEAST_PAUSE_S
    bare = following.strip(OPENERS + CLOSERS + ".,;:!?").lower()
    if bare[:1].isdigit():
        return True
    return (
        bare in abbreviations.GO_ON
        if low in abbreviations.MAY_END or low in DOTTED_UNITS
        else bare not in abbreviations.STARTERS
    )


def _continues(following: str) -> bool:
    """Say whether the next word continues the sentence: it begins with a lower-case letter."""
    return following.lstrip(OPENERS)[:1].islower()


def _is_numeral(following: str) -> bool:
    bare = following.lstrip(OPENERS + "#")
    return bare[:1].isdigit() or re.match(r"[IVXLC]+\b", bare) is not None
