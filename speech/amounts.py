"""English rules for amounts: numbers with prefixes and suffixes, money, measures, rates and ranges.

An amount is read part by part: a sign, a "+" or a "/yr" changes only its own part of the spoken form.

    about | sign | currency | number | scale | unit | currency | times | plus | per
    ~       -      $          1,200    k       ms     €          x       +      /yr
"""

from __future__ import annotations

import re

from speech import numbers
from speech.context import Rule, WordContext
from speech.units import CURRENCIES, CURRENCY_CODES, PER, SCALE_WORDS, SCALES, UNITS, plural

_NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
_CURRENCY = "|".join(re.escape(sign) for sign in sorted(CURRENCIES, key=len, reverse=True))
_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_PER = r"[A-Za-z]{1,12}"
_AMOUNT = (
    r"(?P<about>[~≈<>≤≥±#№]|<=|>=)?(?P<sign>[+\-−–])?(?P<currency>{c})?(?P<sign2>-)?(?P<number>{n})"
    r"(?P<scale>bn|mn|[kKMBTm](?![A-Za-z]))?(?P<unit>{u})?(?P<after>{c}|¢)?"
    r"(?P<times>[x×])?(?P<plus>\+)?(?:/(?P<per>{p}))?"
)
AMOUNT = re.compile(_AMOUNT.format(c=_CURRENCY, n=_NUMBER, u=_UNIT, p=_PER))
SPAN = re.compile(
    rf"(?P<about>[~≈<>≤≥])?(?P<currency>{_CURRENCY})?(?P<low>{_NUMBER})(?P<scale1>bn|[kKMB](?![A-Za-z]))?(?P<unit1>{_UNIT})?[-–—]"
    rf"(?:{_CURRENCY})?(?P<number>{_NUMBER})(?P<scale>bn|[kKMBm](?![A-Za-z]))?(?P<unit>{_UNIT})?(?P<after>{_CURRENCY})?(?P<times>[x×])?(?P<plus>\+)?"
    rf"(?:/(?P<per>{_PER}))?"
)
_ABOUT = {
    "#": "number",
    "№": "number",
    "~": "about",
    "≈": "about",
    "±": "plus or minus",
    "<": "less than",
    ">": "more than",
    "≤": "at most",
    "≥": "at least",
    "<=": "at most",
    ">=": "at least",
}
_IN_BILLIONS_WORDS = "params param parameters parameter tokens model models people users dollars views rows"
_IN_BILLIONS = frozenset(_IN_BILLIONS_WORDS.split())
"""Before these, B means billion; elsewhere it means byte."""

_SAID_K = frozenset(["2", "4", "5", "6", "8"])
"""4K is a video format; 10K means ten thousand."""


def _amount(found: re.Match[str], context: WordContext) -> str | None:
    if found["about"] in {"#", "№"} and (found["unit"] or found["currency"]):
        return None
    spoken = _quantity(found, context)
    if spoken is None:
        return None
    about = f"{_ABOUT[found['about']]} " if found["about"] else ""
    sign = found["sign"] or found["sign2"]
    return about + ({"+": "plus "}.get(sign, "minus ") if sign else "") + spoken + _tail(found)


def _span(found: re.Match[str], context: WordContext) -> str | None:
    """A range: the currency of the first and the unit of the last amount apply to both."""
    about = f"{_ABOUT[found['about']]} " if found["about"] else ""
    if found["low"] == found["number"] and not (found["unit"] or found["currency"]):
        same = numbers.decimal(found["low"])
        return f"{same} {same}{_tail(found)}"
    scale = found["scale1"] or found["scale"]
    low = numbers.decimal(found["low"])
    if found["scale1"] and found["scale1"] != found["scale"]:
        low = f"{low} {SCALES[found['scale1']]}"
    elif found["unit1"] and found["unit1"] != found["unit"]:
        low = f"{low} {plural(UNITS[found['unit1']])}"
    if scale and not found["scale"]:
        return None
    high = _quantity(found, context)
    return None if high is None else f"{about}{low} to {high}{_tail(found)}"


def _tail(found: re.Match[str]) -> str:
    plus = " plus" if found["plus"] else ""
    per = found["per"]
    return plus + (f" per {PER.get(per, per)}" if per else "")


def _quantity(found: re.Match[str], context: WordContext) -> str | None:
    """Return the number with its scale and unit, or None if the parts do not belong together."""
    unit, currency = found["unit"], found["currency"] or found["after"]
    number, scale = found["number"], found["scale"]
    if (unit and (currency or found["times"])) or (found["per"] and not _may_be_rate(found)):
        return None
    if currency:
        return _money(number, scale, currency, context, is_span="low" in found.groupdict())
    if scale == "B" and context.runs_on() and context.lower(1) in _IN_BILLIONS:
        return f"{numbers.decimal(number)} {'B' if context.lower(1).startswith('model') else 'billion'}"
    if scale and (scale not in UNITS or (scale == "B" and "." in number)):
        return _scaled(number, scale)
    unit = unit or scale
    spoken = numbers.decimal(number)
    if found["times"]:
        return f"{spoken} times"
    if not unit:
        return spoken
    if context.is_attributive() and not found["plus"]:
        return f"{spoken} percent" if UNITS[unit] == "percent" else _tied(spoken, UNITS[unit])
    return f"{spoken} {UNITS[unit] if number == '1' else plural(UNITS[unit])}"


def _tied(number: str, unit: str) -> str:
    """Return "forty-centimeter", or "five thousand dollar" if the number already has several words."""
    words = f"{number} {unit}".split()
    return "-".join(words) if len(words) == 2 else " ".join(words)


def _may_be_rate(found: re.Match[str]) -> bool:
    per = found["per"]
    return per in PER or (bool(found["currency"] or found["after"]) and per.isalpha() and per.islower())


def _scaled(number: str, scale: str) -> str:
    if scale == "K" and number in _SAID_K:
        return f"{numbers.cardinal(number)} K"
    return f"{numbers.decimal(number)} {SCALES[scale]}"


def _money(number: str, scale: str | None, sign: str, context: WordContext, *, is_span: bool) -> str:
    unit, small = CURRENCIES[sign]
    describes = context.is_attributive() and not is_span
    if sign == "¢":
        return f"{numbers.decimal(number)} {unit if number == '1' else plural(unit)}"
    if scale:
        return f"{numbers.decimal(number)} {SCALES[scale]} {unit if describes else plural(unit)}"
    if context.lower(1) in SCALE_WORDS:
        return numbers.decimal(number)  # the unit is spoken after the next word
    whole, _, cents = number.partition(".")
    if len(cents) != 2 or not small:
        if describes:
            return _tied(numbers.decimal(number), unit)
        return f"{numbers.decimal(number)} {unit if number == '1' else plural(unit)}"
    return " and ".join(_coins(whole.replace(",", "") or "0", unit, cents, small))


def _coins(whole: str, unit: str, cents: str, small: str) -> list[str]:
    spoken = [f"{numbers.cardinal(whole)} {unit if whole == '1' else plural(unit)}"] if whole != "0" else []
    if cents != "00" or not spoken:
        count = str(int(cents))
        spoken.append(f"{numbers.cardinal(count)} {small if count == '1' else plural(small)}")
    return spoken


def _scale_word(found: re.Match[str], context: WordContext) -> str | None:
    """ "$5 million": the unit is spoken after both."""
    money = re.fullmatch(rf"[~≈<>≤≥]?[-−]?({_CURRENCY})(?:{_NUMBER})(?:[-–](?:{_NUMBER}))?", context.word(-1))
    if money is None:
        return None
    unit = CURRENCIES[money[1]][0]
    return f"{found[0]} {unit if context.is_attributive(-1) else plural(unit)}"


def _unit(found: re.Match[str], context: WordContext) -> str | None:
    """A unit that is a separate word after its number."""
    if re.fullmatch(r"[0-9]/[0-9]", context.word(-1)) and found["unit"] in UNITS:
        return UNITS[found["unit"]]
    if not context.is_number(-1) or not context.runs_on(-1):
        return None
    unit, per = UNITS.get(found["unit"]), found["per"]
    if unit is None:
        return f"{found['unit']} per {PER[per]}" if per in PER and found["unit"].islower() else None
    if per:
        return f"{_counted(unit, context)} per {PER[per]}" if per in PER else None
    if found["unit"] in UNITS and len(found["unit"]) == 1 and found["unit"].isupper() and context.word(1)[:1].isupper():
        return None
    return _counted(unit, context)


def _counted(unit: str, context: WordContext) -> str:
    return unit if context.is_one(-1) or context.is_attributive(-1) else plural(unit)


def _before_a_number(found: re.Match[str], context: WordContext) -> str | None:
    """ "CHF 30": the number is spoken first, and the currency in its place."""
    if found[0] not in CURRENCY_CODES or not context.runs_on() or not re.fullmatch(_NUMBER, context.word(1)):
        return None
    return numbers.cardinal(context.word(1).replace(",", "").split(".")[0])


def _after_a_currency(found: re.Match[str], context: WordContext) -> str | None:
    if context.word(-1) not in CURRENCY_CODES or not context.runs_on(-1):
        return None
    unit, small = CURRENCY_CODES[context.word(-1)]
    whole, _, cents = found[0].replace(",", "").partition(".")
    spoken = unit if whole == "1" else plural(unit)
    return (
        f"{spoken} and {_coins('0', unit, cents, small)[0]}" if len(cents) == 2 and cents != "00" and small else spoken
    )


def _compound(found: re.Match[str], context: WordContext) -> str:
    """ "24-bit", "5-minute", "9-to-5": the hyphen stays."""
    money, number, word, last = found["currency"], found["number"], found["word"], found["last"]
    spoken = numbers.decimal(number)
    if money:
        return f"{spoken}-{CURRENCIES[money][0]}-{word}"
    tail = UNITS.get(word, word) + (f"-{numbers.decimal(last)}" if last else "")
    return f"{spoken}-{tail}"


def _compound_span(found: re.Match[str], context: WordContext) -> str:
    return f"{numbers.decimal(found[1])} to {numbers.decimal(found[2])}-{UNITS.get(found[3], found[3])}"


def _with_letter(found: re.Match[str], context: WordContext) -> str:
    return f"{numbers.cardinal(found[1])} {'.'.join(found[2])}"


RULES: tuple[Rule, ...] = (
    (re.compile("|".join(SCALE_WORDS)), _scale_word),
    (re.compile(rf"(?P<unit>{_UNIT}|[a-z]{{2,12}})(?:/(?P<per>{_PER}))?"), _unit),
    (re.compile(r"[A-Z]{3}"), _before_a_number),
    (re.compile(_NUMBER), _after_a_currency),
    (re.compile(rf"({_NUMBER})-({_NUMBER})-([A-Za-z]+)"), _compound_span),
    (
        re.compile(
            rf"(?P<currency>{_CURRENCY})?(?P<number>{_NUMBER})-(?P<word>[A-Za-z]+(?:-[A-Za-z]+)*)(?:-(?P<last>[0-9]+))?"
        ),
        _compound,
    ),
    (AMOUNT, _amount),
    (SPAN, _span),
    (re.compile(r"([0-9]{1,3})([A-Z]{1,2})"), _with_letter),
)
