"""English rules for dates, years and times of day. One line a rule."""

from __future__ import annotations

import re
from datetime import date

from speech import numbers
from speech.context import Rule, WordContext

_FULL_MONTHS = "January February March April May June July August September October November December"
_FULL_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
MONTHS: dict[str, str] = (
    {name[:3]: name for name in _FULL_MONTHS.split()}
    | {name: name for name in _FULL_MONTHS.split()}
    | {"Sept": "September"}
)
DAYS: dict[str, str] = {name[:3]: name for name in _FULL_DAYS.split()} | {name: name for name in _FULL_DAYS.split()} | {
    "Tues": "Tuesday", "Thur": "Thursday", "Thurs": "Thursday"
}  # fmt: skip
"""How the names of months and days are written, and their spoken forms."""

_BEFORE_A_YEAR = (
    "in since from until till by of year c ca during around circa before after early late mid spring summer autumn "
    "fall winter copyright q1 q2 q3 q4 h1 h2 fy"
)
_SURELY_BEFORE = frozenset(_BEFORE_A_YEAR.split()) - {"from", "by", "of", "around", "before", "after", "until", "till"}
BEFORE_A_YEAR = frozenset(_BEFORE_A_YEAR.split())
_ERAS = frozenset(["bc", "bce", "ad", "ce", "b.c.", "a.d.", "b.c", "a.d"])
_BEFORE_A_DECADE = frozenset(["the", "his", "her", "my", "our", "your", "their", "early", "mid", "late"])
_BEFORE_A_DAY = frozenset(["on", "by", "until", "till", "since", "before", "after", "due", "dated"])
_BETWEEN = frozenset(["to", "and", "through", "until", "till", "–", "-", "—"])
_ASPECTS = frozenset(["16:10", "21:10"])
"""Aspect ratios that look like times."""

_HALF_DAY = re.compile(r"([ap])\.?m\.?", re.IGNORECASE)
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DAY = "|".join(sorted(DAYS, key=len, reverse=True))
_TIME = r"(?:[01]?[0-9]|2[0-4]):[0-5][0-9](?::[0-5][0-9])?(?:\s?[aApP]\.?[mM])?|(?:1[0-2]|[1-9])[aApP]\.?[mM]"
_CLOCK = re.compile(r"(?P<h>[0-9]{1,2})(?::(?P<min>[0-9]{2}))?(?::(?P<s>[0-9]{2}))?(?P<half>[aApP]\.?[mM])?")


def _date(year: str, month: str, day: str) -> str | None:
    try:
        found = date(int(year) if len(year) == 4 else 2000 + int(year), int(month), int(day))
    except ValueError:
        return None
    spoken = numbers.year(year) if len(year) == 4 else _short_year(year)
    return f"{_FULL_MONTHS.split()[found.month - 1]} {numbers.ordinal(str(found.day))}, {spoken}"


def _short_year(year: str) -> str:
    """Return "twenty twenty-six" for "26", "ninety-nine" for "99"."""
    return numbers.year(f"20{year}") if int(year) < 50 else numbers.cardinal(year)


def _iso_date(found: re.Match[str], context: WordContext) -> str | None:
    spoken = _date(found["y"], found["m"], found["d"])
    if spoken is None or found["h"] is None:
        return spoken
    time = numbers.clock(int(found["h"]), int(found["min"]), int(found["s"] or 0))
    return f"{spoken}, {time}" + (" U.T.C" if found["z"] else "")


def _day_of_year(found: re.Match[str], context: WordContext) -> str | None:
    """ "on 3/15" is a date; without a word that introduces a date it is a fraction."""
    if context.lower(-1) not in _BEFORE_A_DAY and context.lower(1) != "at":
        return None
    try:
        day = date(2024, int(found[1]), int(found[2]))
    except ValueError:
        return None
    return f"{_FULL_MONTHS.split()[day.month - 1]} {numbers.ordinal(str(day.day))}"


def _written_date(found: re.Match[str], context: WordContext) -> str:
    """The month comes first in America; a first number above twelve is always the day."""
    first, second, year = found[1], found[2], found[3]
    day_first = "." in found[0] or context.language.lower() in {"en-gb", "en-au", "en-nz", "en-ie", "en-in", "en-za"}
    in_order = [(second, first), (first, second)] if day_first else [(first, second), (second, first)]
    return next(filter(None, (_date(year, month, day) for month, day in in_order)), found[0])


def _time(found: re.Match[str], context: WordContext) -> str | None:
    return None if found[0] in _ASPECTS else _clock(found[0], context)


def _clock(text: str, context: WordContext) -> str:
    found = _CLOCK.fullmatch(text)
    assert found is not None
    half = found["half"]
    if found["min"] is None:
        return numbers.cardinal(found["h"]) + (f" {_half_day(half)}" if half else "")
    spoken = numbers.clock(int(found["h"]), int(found["min"]), int(found["s"] or 0))
    if half or _HALF_DAY.fullmatch(context.word(1)):
        spoken = spoken.removesuffix(" o'clock")
    return f"{spoken} {_half_day(half)}" if half else spoken


def _half_day(half: str) -> str:
    return f"{half[0].upper()}.M"


def _time_span(found: re.Match[str], context: WordContext) -> str:
    return f"{_clock(found[1], context)} to {_clock(found[2], context)}"


def _named_span(found: re.Match[str], context: WordContext) -> str | None:
    """Two months or two days: "Mon–Fri" is a range, "Tue/Thu" names both."""
    names = MONTHS if found[1] in MONTHS and found[3] in MONTHS else DAYS
    if found[1] not in names or found[3] not in names:
        return None
    return names[found[1]] + (", " if found[2] in "/&" else " to ") + names[found[3]]


def _month(found: re.Match[str], context: WordContext) -> str | None:
    """An abbreviated month is spoken in full beside a number."""
    beside = context.word(1) if context.raw(1) else ""
    is_date = beside[:1].isdigit() or context.word(-1)[:1].isdigit()
    return MONTHS[found[1]] if is_date and found[1] != MONTHS[found[1]] else None


def _day(found: re.Match[str], context: WordContext) -> str | None:
    """An abbreviated day is spoken in full beside a date, a time or another day."""
    beside = [context.word(2 * side) if context.lower(side) in _BETWEEN else context.word(side) for side in (1, -1)]
    is_day = any(word.rstrip(".") in MONTHS or word.rstrip(".") in DAYS or re.match(_TIME, word) for word in beside)
    is_day |= context.word(1).isdigit() and context.word(2).rstrip(".") in MONTHS
    is_full = DAYS[found[1]] == found[1]
    return None if is_full or not (is_day or context.lower(1) == "at") else DAYS[found[1]]


def _decade(found: re.Match[str], context: WordContext) -> str | None:
    """The 90s, but 30s are seconds."""
    if len(found[1]) == 2 and context.lower(-1) not in _BEFORE_A_DECADE and context.raw(0)[0] not in "'’":
        return None
    return numbers.decade(found[1])


def _fiscal(found: re.Match[str], context: WordContext) -> str:
    return f"fiscal year {numbers.year(found[1]) if len(found[1]) == 4 else _short_year(found[1])}"


def _quarter(found: re.Match[str], context: WordContext) -> str:
    return f"{found[1]} {numbers.cardinal(found[2])} {_short_year(found[3])}"


def _year_span(found: re.Match[str], context: WordContext) -> str | None:
    low, high = found[1], found[2]
    whole = high if len(high) == 4 else low[:2] + high
    if int(low) >= int(whole) or context.counts_following():
        return None
    return f"{numbers.year(low)} to {numbers.year(high) if len(high) == 4 else numbers.cardinal(high)}"


def _copyright(found: re.Match[str], context: WordContext) -> str | None:
    return "copyright" if context.word(1)[:1].isdigit() or context.word(1)[:1].isupper() else None


def _year_or_day(found: re.Match[str], context: WordContext) -> str | None:
    text = found[0]
    if _has_era(context):
        return numbers.pairs(text) if len(text) == 3 else numbers.year(text) if len(text) == 4 else None
    if len(text) == 4:
        return numbers.year(text) if _is_year(context) else None
    if len(text) > 2 or not 1 <= int(text) <= 31 or text[0] == "0":
        return None
    if context.word(-1).rstrip(".") in MONTHS and (context.runs_on(-1) or context.raw(-1).endswith(".")):
        return numbers.ordinal(text)
    if context.word(1).rstrip(".") in MONTHS and context.runs_on():
        article = "" if context.lower(-1) in {"the", "this"} else "the "
        return f"{article}{numbers.ordinal(text)} of"
    return None


def _has_era(context: WordContext) -> bool:
    """Say whether a number is a year with an era: "1279 to 1213 BC", "AD 79"."""
    if context.lower(1) in _ERAS or context.word(-1) == "AD":
        return True
    return context.lower(1) in _BETWEEN and context.word(2).isdigit() and context.lower(3) in _ERAS


def _is_year(context: WordContext) -> bool:
    """Say whether four digits are a year, judging by the words around them."""
    text, before = context.word(0), context.lower(-1)
    if not 1100 <= int(text) < 2100:
        return False
    if context.word(-1).rstrip(".") in MONTHS or before in _SURELY_BEFORE or context.raw(-1) == "©":
        return True
    if context.counts_following() or context.lower(1) in {"hundred", "thousand", "million", "billion"}:
        return False
    if before in BEFORE_A_YEAR and not _is_amount_on(context):
        return True
    if _is_dated(context) or _is_pair(context):
        return True
    is_recent = int(text) >= 1900
    is_named = (
        context.word(-1)[:1].isupper() and context.runs_on(-1) and context.at > 1 and not context.word(-1).isupper()
    )
    is_the_year_of = before in {"the", "this"} and context.is_noun(1) and context.runs_on()
    return is_recent and (is_the_year_of or is_named or _is_edition(context))


def _is_edition(context: WordContext) -> bool:
    """ "Office 2019" can begin a sentence just like "Add 2019"; only the next word identifies a product."""
    return (
        context.word(-1)[:1].isupper()
        and context.runs_on(-1)
        and context.lower(1) in {"is", "was", "has", "will", "came"}
    )


def _is_dated(context: WordContext) -> bool:
    """Say whether a day and its month precede the year."""
    day = re.fullmatch(r"[0-9]{1,2}(?:st|nd|rd|th)?", context.word(-1))
    return day is not None and context.word(-2).rstrip(".") in MONTHS


def _is_pair(context: WordContext) -> bool:
    """Say whether two numbers may be years, with nothing counted after the second: "1914 to 1918"."""
    for ahead in (1, -1):
        other = context.word(2 * ahead)
        if context.lower(ahead) in _BETWEEN and re.fullmatch(r"1[1-9][0-9]{2}|20[0-9]{2}", other):
            last = WordContext(words=context.words, at=context.at + max(0, 2 * ahead))
            return not last.counts_following() and not _is_amount_on(last)
    return False


def _is_amount_on(context: WordContext) -> bool:
    """Say whether a unit, or the other end of a counted range, follows: "from 1500 to 2000 users"."""
    if context.lower(1) in _BETWEEN and context.word(2).isdigit():
        return WordContext(words=context.words, at=context.at + 2).counts_following()
    return False


RULES: tuple[Rule, ...] = tuple(
    (re.compile(form), say)
    for form, say in (
        (
            r"(?P<y>[12][0-9]{3})-(?P<m>[01][0-9])-(?P<d>[0-3][0-9])"
            r"(?:T(?P<h>[01][0-9]|2[0-3]):(?P<min>[0-5][0-9])(?::(?P<s>[0-5][0-9])(?:\.[0-9]+)?)?(?P<z>Z)?)?",
            _iso_date,
        ),
        (r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})", _written_date),
        (r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", _written_date),
        (r"(1[0-2]|[1-9])/([12][0-9]|3[01]|[1-9])", _day_of_year),
        (r"([QH])([1-4])['’]([0-9]{2})", _quarter),
        (_TIME, _time),
        (rf"({_TIME}|[1-9]|1[0-2])[-–—]({_TIME})", _time_span),
        (rf"({_MONTH}|{_DAY})([-–—/&])({_MONTH}|{_DAY})", _named_span),
        (rf"({_MONTH})\.?", _month),
        (rf"({_DAY})\.?", _day),
        (r"['’]?([2-9]0|1[1-9][0-9]0|20[0-9]0)['’]?s", _decade),
        (r"FY[' ]?([0-9]{4}|[0-9]{2})", _fiscal),
        (r"(1[1-9][0-9]{2}|20[0-9]{2})[-–—](1[1-9][0-9]{2}|20[0-9]{2}|[0-9]{2})", _year_span),
        (r"©", _copyright),
        (r"[0-9]{1,4}", _year_or_day),
    )
)
