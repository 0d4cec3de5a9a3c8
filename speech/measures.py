"""English rules for what is counted and measured: numbers, money, units, dates, times, versions. One line a rule."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from speech import numbers
from speech.near import Near
from speech.units import CURRENCIES, SCALE_WORDS, SCALES, UNITS, plural

Rule = tuple[re.Pattern[str], Callable[[re.Match[str], Near], str | None]]
"""What a whole word looks like, and what is said for it; None where its neighbours speak against it."""

_MONTH_NAMES = (
    "January February March April May June July August September October November December "
    "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec"
)
MONTHS = _MONTH_NAMES.split()
_BEFORE_A_YEAR = (
    "in since from until till by of year during around circa before after early late mid "
    "spring summer autumn fall winter ©"
)
_ASPECTS = frozenset(["16:10", "21:10"])
"""Proportions that look like times."""

_HALF_DAY = re.compile(r"([ap])\.?m", re.IGNORECASE)
_AMOUNT = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
_SIGNED = rf"[+\-−]?(?:{_AMOUNT})"
_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_MONEY = "".join(CURRENCIES)


def _iso_date(found: re.Match[str], near: Near) -> str | None:
    try:
        day = date(int(found["y"]), int(found["m"]), int(found["d"]))
    except ValueError:
        return None
    said = f"{MONTHS[day.month - 1]} {numbers.ordinal(str(day.day))}, {numbers.year(found['y'])}"
    if found["h"] is None:
        return said
    time = numbers.clock(int(found["h"]), int(found["min"]), int(found["s"] or 0))
    return f"{said}, {time}" + (" U.T.C" if found["z"] else "")


def _unchanged(found: re.Match[str], near: Near) -> str:
    return found[0]


def _time(found: re.Match[str], near: Near) -> str | None:
    if found[0] in _ASPECTS:
        return None
    said = numbers.clock(int(found["h"]), int(found["min"]), int(found["s"] or 0))
    half = found["half"]
    if half or _HALF_DAY.fullmatch(near.word(1)):
        said = said.removesuffix(" o'clock")
    return f"{said} {_half_day(half)}" if half else said


def _hour(found: re.Match[str], near: Near) -> str:
    return f"{numbers.cardinal(found[1])} {_half_day(found[2])}"


def _half_day(half: str) -> str:
    return f"{half[0].upper()}.M"


def _ratio(found: re.Match[str], near: Near) -> str:
    return f"{numbers.cardinal(found[1])} to {numbers.cardinal(found[2])}"


def _size(found: re.Match[str], near: Near) -> str:
    return " by ".join(numbers.pairs(side) for side in re.split("[x×]", found[0]))


def _lines(found: re.Match[str], near: Near) -> str:
    return f"{numbers.pairs(found[1])} {found[2].upper()}"


def _times(found: re.Match[str], near: Near) -> str:
    return f"{numbers.decimal(found[1])} times"


def _money(found: re.Match[str], near: Near) -> str:
    unit, small = CURRENCIES[found["unit"] or found["after"]]
    sign = "minus " if found["sign"] else ""
    amount, scale = found["amount"], found["scale"]
    if scale:
        return f"{sign}{numbers.decimal(amount)} {SCALES[scale]} {plural(unit)}"
    if near.word(1) in SCALE_WORDS:
        return sign + numbers.decimal(amount)  # the unit is said after the next word
    whole, _, cents = amount.partition(".")
    if len(cents) != 2 or not small:
        return f"{sign}{numbers.decimal(amount)} {unit if amount == '1' else plural(unit)}"
    return sign + " and ".join(_parts(whole.replace(",", "") or "0", unit, cents, small))


def _parts(whole: str, unit: str, cents: str, small: str) -> list[str]:
    said = [f"{numbers.cardinal(whole)} {unit if whole == '1' else plural(unit)}"] if whole != "0" else []
    if cents != "00" or not said:
        count = str(int(cents))
        said.append(f"{numbers.cardinal(count)} {small if count == '1' else plural(small)}")
    return said


def _scale_word(found: re.Match[str], near: Near) -> str | None:
    money = re.fullmatch(rf"[-−]?([{_MONEY}])(?:{_AMOUNT})", near.word(-1))
    return f"{found[0]} {plural(CURRENCIES[money[1]][0])}" if money else None


def _measured(found: re.Match[str], near: Near) -> str:
    unit = UNITS[found[2]]
    return f"{numbers.decimal(found[1])} {unit if found[1] == '1' else plural(unit)}"


def _unit(found: re.Match[str], near: Near) -> str | None:
    if not near.is_number(-1):
        return None
    unit = UNITS[found[0]]
    return unit if near.word(-1) == "1" else plural(unit)


def _thousands(found: re.Match[str], near: Near) -> str:
    if found[1] in {"2", "4", "5", "6", "8"} and found[2] == "K":
        return f"{numbers.cardinal(found[1])} K"
    return f"{numbers.decimal(found[1])} {SCALES[found[2]]}"


def _ordinal(found: re.Match[str], near: Near) -> str:
    return numbers.ordinal(found[1].replace(",", ""))


def _decade(found: re.Match[str], near: Near) -> str | None:
    """The 90s, but 30s are seconds."""
    if len(found[1]) == 2 and near.word(-1) != "the" and near.raw(0)[0] not in "'’":
        return None
    return numbers.decade(found[1])


def _version(found: re.Match[str], near: Near) -> str | None:
    parts = found["parts"].split(".")
    if not found["v"] and len(parts) == 4:
        return " dot ".join(numbers.pairs(part) for part in parts)  # an address
    said = " point ".join(numbers.cardinal(part) for part in parts)
    if found["v"] and near.word(-1).lower() != "version":
        said = f"version {said}"
    if found["stage"]:
        said += f" {_STAGES.get(found['stage'], found['stage'])}"
    return f"{said} {numbers.cardinal(found['n'])}" if found["n"] else said


_STAGES = {"a": "alpha", "b": "beta", "rc": "release candidate", "dev": "development"}


def _scientific(found: re.Match[str], near: Near) -> str:
    return f"{numbers.decimal(found[1])} times ten to the {numbers.decimal(found[2])}"


def _fraction(found: re.Match[str], near: Near) -> str:
    above, below = found[1], found[2]
    if above == below:
        return f"{numbers.cardinal(above)} {numbers.cardinal(below)}"
    if 0 < int(above) < int(below) <= 10 and above[0] != "0" != below[0]:
        return numbers.fraction(above, below)
    return f"{numbers.cardinal(above)} slash {numbers.cardinal(below)}"


def _span(found: re.Match[str], near: Near) -> str | None:
    low, high, unit = found[1], found[2], found[3]
    if float(low) >= float(high):
        return None
    if not unit and all(len(end) == 4 and 1900 <= int(end) < 2100 for end in (low, high)):
        return f"{numbers.year(low)} to {numbers.year(high)}"
    said = f"{numbers.decimal(low)} to {numbers.decimal(high)}"
    return f"{said} {plural(UNITS[unit])}" if unit else said


def _compound(found: re.Match[str], near: Near) -> str:
    return f"{numbers.decimal(found[1])}-{UNITS.get(found[2], found[2])}"


_SIGNS = {
    "#": "number",
    "№": "number",
    "~": "about",
    "≈": "about",
    "±": "plus or minus",
    "<": "less than",
    ">": "more than",
    "≤": "at most",
    "≥": "at least",
}


def _with_sign(found: re.Match[str], near: Near) -> str:
    return f"{_SIGNS[found[1]]} {numbers.decimal(found[2])}" + (f" {plural(UNITS[found[3]])}" if found[3] else "")


def _number(found: re.Match[str], near: Near) -> str:
    text = found[0]
    if _is_year(text, near):
        return numbers.year(text)
    if text.isdigit() and 1 <= int(text[:3]) <= 31 and len(text) <= 2 and text[0] != "0":
        if near.word(-1) in MONTHS and near.raw(-1)[-1:].isalpha():
            return numbers.ordinal(text)
        if near.word(1) in MONTHS and near.raw(0)[-1:].isdigit():
            return f"{numbers.ordinal(text)} of"
    return numbers.decimal(text)


def _is_year(text: str, near: Near) -> bool:
    if not (len(text) == 4 and text.isdigit() and 1100 <= int(text) < 2100):
        return False
    if near.word(-1) in MONTHS or near.word(-1).lower() in _BEFORE_A_YEAR.split():
        return True
    return near.word(-2) in MONTHS and near.word(-1).rstrip("stndrh").isdigit()


def _with_letter(found: re.Match[str], near: Near) -> str:
    return f"{numbers.cardinal(found[1])} {found[2]}"


RULES: tuple[Rule, ...] = tuple(
    (re.compile(form), say)
    for form, say in (
        (
            r"(?P<y>[12][0-9]{3})-(?P<m>[01][0-9])-(?P<d>[0-3][0-9])"
            r"(?:T(?P<h>[01][0-9]|2[0-3]):(?P<min>[0-5][0-9])(?::(?P<s>[0-5][0-9])(?:\.[0-9]+)?)?(?P<z>Z)?)?",
            _iso_date,
        ),
        (r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{2}(?:[0-9]{2})?", _unchanged),  # which is the month?
        (r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", _unchanged),
        (
            r"(?P<h>[01]?[0-9]|2[0-4]):(?P<min>[0-5][0-9])(?::(?P<s>[0-5][0-9]))?(?P<half>[aApP]\.?[mM])?",
            _time,
        ),
        (r"(1[0-2]|[1-9])([aApP])\.?[mM]", _hour),
        (r"([0-9]{1,4}):([0-9]{1,4})", _ratio),
        (r"[0-9]{1,5}[x×][0-9]{1,5}(?:[x×][0-9]{1,5})?", _size),
        (r"(360|480|540|576|720|1080|1440|2160|4320)([pi])", _lines),
        (rf"({_AMOUNT})[x×]", _times),
        (rf"(?P<sign>[-−])?(?P<unit>[{_MONEY}])(?P<amount>{_AMOUNT})(?P<scale>bn|[kKMmBT])?(?P<after>)", _money),
        (rf"(?P<sign>[-−])?(?P<unit>)(?P<amount>{_AMOUNT})(?P<scale>)(?P<after>[{_MONEY}])", _money),
        ("|".join(SCALE_WORDS), _scale_word),
        (r"([0-9]{1,3})(K|k|bn)", _thousands),
        (r"([0-9]{1,3}\.[0-9])([KkM])", _thousands),
        (r"([2-9]0|1[1-9][0-9]0|20[0-9]0)s", _decade),
        (rf"({_SIGNED})({_UNIT})", _measured),
        (_UNIT, _unit),
        (r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15})(?:st|nd|rd|th)", _ordinal),
        (
            r"(?P<v>[vV]?)(?P<parts>[0-9]{1,6}(?:\.[0-9]{1,6}){2,5}|(?<=[vV])[0-9]{1,6}(?:\.[0-9]{1,6})?)"
            r"(?:[-.]?(?P<stage>alpha|beta|rc|dev|post|a|b)[-.]?(?P<n>[0-9]{1,4})?)?",
            _version,
        ),
        (rf"({_SIGNED})[eE]([+\-−]?[0-9]{{1,3}})", _scientific),
        (r"(?!24/7)([0-9]{1,3})/([0-9]{1,3})", _fraction),
        (rf"([0-9]{{1,4}}(?:\.[0-9]+)?)[-–—]([0-9]{{1,4}}(?:\.[0-9]+)?)({_UNIT})?", _span),
        (rf"({_AMOUNT})-([A-Za-z]+(?:-[A-Za-z]+)*)", _compound),
        (rf"([{''.join(_SIGNS)}])({_AMOUNT})({_UNIT})?", _with_sign),
        (_SIGNED, _number),
        (r"([0-9]{1,3})([A-Z])", _with_letter),
    )
)
