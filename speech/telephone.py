"""English rules for telephone numbers: digit by digit, with a pause after each group."""

from __future__ import annotations

import re

from speech import numbers
from speech.context import Rule, WordContext

_CALLS_WORDS = "call called calling dial dialed phone telephone tel ring text fax mobile number at hotline"
_CALLS = frozenset(_CALLS_WORDS.split())
_COUNTRY = re.compile(r"\+[0-9]{1,3}")
_GROUP = re.compile(r"[0-9]{1,8}")
_LEAST_DIGITS = 6
"""The fewest digits after the country code."""

_MOST_GROUPS = 6


def _whole(found: re.Match[str], context: WordContext) -> str:
    """A number in one word, with hyphens or dots: 555-123-4567, +1-800-555-0199."""
    groups = re.split(r"[-.]", found[0].lstrip("+"))
    abroad = found[0][0] == "+"
    if not abroad and groups[0] != "1":
        return numbers.grouped(groups)
    return ("plus " if abroad else "") + f"{numbers.digits(groups[0])}, {numbers.grouped(groups[1:])}"


def _in_letters(found: re.Match[str], context: WordContext) -> str:
    """1-800-FLOWERS."""
    return f"{numbers.grouped([found[1], found[2]])}, {found[3].replace('-', ' ')}"


def _local(found: re.Match[str], context: WordContext) -> str | None:
    """555-1234, or the rest of (555) 123-4567; elsewhere two numbers with a dash between them are a range."""
    after_area = re.fullmatch(r"\([0-9]{3}\)", context.raw(-1)) is not None
    is_called = any(word in _CALLS for word in context.before(3))
    if after_area or is_called or (found[1] == "555" and not found[2].endswith("00")):
        return numbers.grouped([found[1], found[2]])
    return None


def _area(found: re.Match[str], context: WordContext) -> str | None:
    if context.raw(0).startswith("(") and re.fullmatch(r"[0-9]{3}[-.][0-9]{4}", context.word(1)):
        return numbers.grouped([found[0]]) + ","
    return None


def _country(found: re.Match[str], context: WordContext) -> str | None:
    """The country code of a number whose groups are separate words: +49 30 901820."""
    return f"plus {numbers.digits(found[1])}," if _has_groups(context, 0) else None


def _group(found: re.Match[str], context: WordContext) -> str | None:
    """A group of digits after a country code."""
    code = -1
    while code >= -_MOST_GROUPS and _GROUP.fullmatch(context.word(code)) and context.runs_on(code):
        code -= 1
    if not (_COUNTRY.fullmatch(context.word(code)) and context.runs_on(code) and _has_groups(context, code)):
        return None
    more = context.runs_on() and _GROUP.fullmatch(context.word(1))
    return numbers.grouped([found[0]]) + ("," if more else "")


def _has_groups(context: WordContext, code: int) -> bool:
    """Say whether enough digits follow the country code at `code`, in groups that nothing separates."""
    offset, count = code, 0
    while offset < code + _MOST_GROUPS and context.runs_on(offset) and _GROUP.fullmatch(context.word(offset + 1)):
        offset += 1
        count += len(context.word(offset))
    return count >= _LEAST_DIGITS


RULES: tuple[Rule, ...] = tuple(
    (re.compile(form), say)
    for form, say in (
        (r"\+?(?:1-)?[0-9]{3}-[0-9]{3}-[0-9]{4}|[0-9]{3}\.[0-9]{3}\.[0-9]{4}|\+[0-9]{1,3}(?:-[0-9]{2,5}){2,4}", _whole),
        (r"\+?(1)-(8[0-9]{2})-([A-Z][A-Z-]{3,})", _in_letters),
        (r"([0-9]{3})[-.]([0-9]{4})", _local),
        (r"[0-9]{3}", _area),
        (r"\+([0-9]{1,3})", _country),
        (r"[0-9]{1,8}", _group),
    )
)
