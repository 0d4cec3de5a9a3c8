"""The spoken form of English words. The first rule that matches decides.

A compound word such as "post-9/11" is read part by part with the same rules.
"""

from __future__ import annotations

import re

from speech import amounts, calendar, code, figures, labels, numbers, romans, telephone
from speech.context import Rule, WordContext, unwrapped
from speech.sentences import is_abbreviation
from speech.spellings import GREEK, KEYS, OPERATORS, PAIRS
from speech.units import DOTTED_UNITS, plural

LONGEST = 400
"""Longer words than this are not examined; they are not meant to be read."""

_QUALIFYING = frozenset(["sub", "multi", "near", "non", "over", "under"])
"""After these prefixes, a measure describes a noun: "sub-10ms latency"."""

_ARGUMENT = r"[A-Za-z0-9](?:\^[A-Za-z0-9]|[²³])?"
_CALLED = re.compile(rf"[A-Za-z]\({_ARGUMENT}")
_LENGTH = re.compile(rf"[0-9]{{1,4}}(?:\.[0-9]+)?|[0-9]{{1,2}}/[0-9]{{1,2}}|[{figures.VULGAR}]|[1-9]'[0-9]{{1,2}}")
_QUOTED = 100
"""Words of a quotation that are searched for its opening mark."""

_IN_FEET = frozenset(["tall", "high", "long", "wide", "deep", "by", "x", "×"])


def spoken_form(context: WordContext) -> str | None:
    """Return the spoken form of a word with its opening and closing marks, or None if it is spoken as written."""
    word = context.raw(0)
    if len(word) > LONGEST:
        return None
    opening, core, closing = _parted(context)
    if not core or not any(char.isalnum() for char in word):
        core = word.rstrip(",.;")  # an operator may consist of brackets only
        opening, closing = "", word[len(core) :]
    if closing.startswith(".") and (unit := _dotted_unit(core, context)) is not None:
        return opening + unit + ("" if context.raw(1)[:1].islower() or context.raw(1)[:1].isdigit() else closing)
    spoken = _by_rule(core, context)
    if spoken is not None and spoken.endswith(","):
        return spoken  # its own pause replaces the closing marks
    if closing.startswith(")") and _ends_call(context):
        spoken, closing = spoken or core, closing[1:]
    elif closing.startswith(".") and is_abbreviation(f"{core}.", context.raw(1), context.language, context.word(-1)):
        closing = closing[1:]
    if spoken is None:
        return None
    if core[0].isdigit() and core.endswith("s"):
        opening = opening.removesuffix("'")  # the '90s
    return opening + spoken + closing


def _dotted_unit(core: str, context: WordContext) -> str | None:
    """Return the unit in "6 ft. 2 in. tall"; "in." at the end of a sentence is probably not a unit."""
    unit = DOTTED_UNITS.get(f"{core}.")
    if unit is None or not context.is_number(-1) or (core == "in" and context.raw(1)[:1].isupper()):
        return None
    return unit if context.is_one(-1) else plural(unit)


def _parted(context: WordContext) -> tuple[str, str, str]:
    """Split a word into opening marks, the word, and closing marks; a mark for inches or feet is part of the word."""
    opening, core, closing = unwrapped(context.raw(0))
    if not closing or not _LENGTH.fullmatch(core):
        return opening, core, closing
    is_inch = closing[0] == "″" or (closing[0] == '"' and not _quotes(context))
    if is_inch or (closing == "'" and context.lower(1) in _IN_FEET):
        return opening, core + closing[0], closing[1:]
    return opening, core, closing


def _quotes(context: WordContext) -> bool:
    """Say whether a quotation is open here, so that this mark ends it; a mark after a digit does not open one."""
    text = " ".join([*context.words[max(0, context.at - _QUOTED) : context.at], context.raw(0).rpartition('"')[0]])
    is_open = False
    for found in re.finditer('"', text):
        is_inch = not is_open and text[: found.start()][-1:].isdigit()
        is_open = is_open if is_inch else not is_open
    return is_open


def _by_rule(core: str, context: WordContext) -> str | None:
    for form, say in RULES:
        found = form.fullmatch(core)
        if found and (spoken := say(found, context)) is not None:
            return None if spoken == core else spoken
    return None


def _part(text: str, context: WordContext) -> str:
    """Return the spoken form of a part of a word."""
    return _by_rule(text, context.with_word(text)) or text


def _prefixed(found: re.Match[str], context: WordContext) -> str | None:
    """ "mid-1990s", "pre-2020", "Catch-22": the prefix, and the rest as a word by itself."""
    prefix, rest = found[1], found[2]
    if prefix.lower() in KEYS:
        return None
    if re.fullmatch(r"1[1-9][0-9]{2}|20[0-9]{2}", rest):
        return f"{prefix} {numbers.year(rest)}"
    before = "a" if prefix.lower() in _QUALIFYING else prefix
    apart = WordContext(
        words=[*context.words[: context.at], before, rest, *context.words[context.at + 1 :]], at=context.at + 1
    )
    spoken = _by_rule(rest, apart)
    return f"{prefix} {spoken}" if spoken else None


def _at(found: re.Match[str], context: WordContext) -> str:
    return f"{_part(found[1], context)} at {_part(found[2], context)}"


def _pair(found: re.Match[str], context: WordContext) -> str | None:
    joint = PAIRS.get(found[0].lower())
    return f"{found[1]} {joint} {found[2]}" if joint else None


def _function(found: re.Match[str], context: WordContext) -> str | None:
    """ "O(n)", "f(x)", and the first word of "O(n log n)"."""
    if not found[3] and context.raw(0).endswith(","):
        return None
    if not found[3] and not any(")" in word for word in context.words[context.at + 1 : context.at + 4]):
        return None
    return f"{found[1]} of {_part(found[2], context)}"


def _ends_call(context: WordContext) -> bool:
    """Say whether the bracket after this word closes one opened by "O(n" a few words earlier."""
    for offset in (-1, -2, -3):
        if ")" in context.raw(offset):
            return False
        if _CALLED.fullmatch(context.word(offset)):
            return True
    return False


def _stars(found: re.Match[str], context: WordContext) -> str:
    """Parameters are spoken with their stars; before a capital letter, stars are remains of Markdown."""
    stars = ["star"] * len(found[1]) if found[2][0].islower() else []
    return " ".join([*stars, _part(found[2], context)])


def _assigned(found: re.Match[str], context: WordContext) -> str | None:
    """ "lr=1e-4": the value as a word by itself."""
    value = _part(found[3], context)
    return None if value == found[3] else f"{_part(found[1], context)} {OPERATORS[found[2]]} {value}"


def _bang(found: re.Match[str], context: WordContext) -> str:
    return _part(found[1], context)


def _greek(found: re.Match[str], context: WordContext) -> str:
    parts = [found[1] and numbers.decimal(found[1]), GREEK[found[2]], found[3] and _part(found[3], context)]
    return " ".join(filter(None, parts))


RULES: tuple[Rule, ...] = (
    *code.NAMED,
    *romans.RULES,
    *calendar.RULES,
    *telephone.RULES,
    *figures.RULES,
    *amounts.RULES,
    (re.compile(rf"([0-9.]*)([{''.join(GREEK)}])([0-9A-Za-z]?)"), _greek),
    *labels.RULES,
    (re.compile(r"(\*{1,2})([A-Za-z_]\w*)"), _stars),
    (re.compile(r"!([a-z]+)"), _bang),
    (re.compile(r"([A-Za-z_]\w*)(==?|:=|[<>!]=)(-?[0-9][\w.+-]*)"), _assigned),
    (re.compile(rf"([A-Za-z])\(({_ARGUMENT})(\)?)"), _function),
    (re.compile(r"([0-9][\w.]*)@([0-9]\w*)"), _at),
    (re.compile(r"([A-Za-z]+)/([A-Za-z]+)"), _pair),
    (re.compile(r"([A-Za-z]{2,}|[A-Z])-([0-9$~<].*)"), _prefixed),
    *code.RULES,
)
