"""English numbers in words, in American style: "one hundred five", without "and"."""

from __future__ import annotations

import re
from collections.abc import Sequence

_BELOW_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
SMALL = _BELOW_TWENTY.split()
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SCALES = ["", "thousand", "million", "billion", "trillion", "quadrillion"]
LONGEST = 3 * len(SCALES)
"""The most digits of a number that is spoken as one; longer ones are spoken digit by digit."""

_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_ROMAN = re.compile(r"C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_PARTS = {2: "half", 4: "quarter"}


def digits(text: str) -> str:
    """Return each digit as a word."""
    return " ".join(SMALL[int(digit)] for digit in text)


def cardinal(text: str) -> str:
    """Return a whole number, given as ASCII digits. If it is too long or has leading zeros, digit by digit."""
    if len(text) > LONGEST or (len(text) > 1 and text[0] == "0"):
        return digits(text)
    number = int(text)
    if number == 0:
        return SMALL[0]
    spoken = []
    for scale in range(len(SCALES) - 1, -1, -1):
        if part := number // 1000**scale % 1000:
            spoken.append(f"{_below_thousand(part)} {SCALES[scale]}".strip())
    return " ".join(spoken)


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    spoken = [f"{SMALL[hundreds]} hundred"] if hundreds else []
    if rest:
        spoken.append(_below_hundred(rest))
    return " ".join(spoken)


def _below_hundred(number: int) -> str:
    if number < 20:
        return SMALL[number]
    tens, ones = divmod(number, 10)
    return TENS[tens] + (f"-{SMALL[ones]}" if ones else "")


def decimal(text: str) -> str:
    """Return a number that may have a sign, thousands commas and a decimal point: "-1,234.50"."""
    sign = "minus " if text[0] in "-−–" else "plus " if text[0] == "+" else ""
    whole, _, fraction = text.lstrip("+-−–").replace(",", "").partition(".")
    spoken = cardinal(whole) if whole else SMALL[0]
    return f"{sign}{spoken}" + (f" point {digits(fraction)}" if fraction else "")


def ordinal(text: str) -> str:
    """Return "twenty-first" for "21"."""
    spoken = cardinal(text)
    cut = max(spoken.rfind(" "), spoken.rfind("-")) + 1
    last = spoken[cut:]
    if last in _ORDINALS:
        return spoken[:cut] + _ORDINALS[last]
    return spoken[:-1] + "ieth" if last.endswith("y") else spoken + "th"


def year(text: str) -> str:
    """Return four digits as a year: "nineteen oh five", "two thousand", "twenty twenty-five"."""
    century, rest = int(text[:2]), int(text[2:])
    if text[1:3] == "00":
        return cardinal(text)
    if rest == 0:
        return f"{_below_hundred(century)} hundred"
    return f"{_below_hundred(century)} {f'oh {SMALL[rest]}' if rest < 10 else _below_hundred(rest)}"


def decade(text: str) -> str:
    """Return "nineteen nineties" for "1990", "nineties" for "90"."""
    spoken = _below_hundred(int(text)) if len(text) == 2 else year(text)
    return spoken[:-1] + "ies" if spoken.endswith("y") else spoken + "s"


def pairs(text: str) -> str:
    """Return three or four digits in pairs, like sizes: "seven twenty", "ten eighty", "nineteen twenty"."""
    head, tail = text[:-2], text[-2:]
    if len(text) not in {3, 4} or tail == "00" or head.strip("0") == "" or text[1:3] == "00" != text[2:]:
        return cardinal(text)
    return f"{cardinal(head)} {f'oh {SMALL[int(tail)]}' if tail[0] == '0' else _below_hundred(int(tail))}"


def version(text: str) -> str:
    """Return "three point eleven" for "3.11": each part as a separate number, "oh four" for "04"."""
    return " point ".join(
        f"oh {SMALL[int(part)]}" if len(part) == 2 and part[0] == "0" else cardinal(part) for part in text.split(".")
    )


def grouped(groups: Sequence[str]) -> str:
    """Return groups of digits as in a telephone number, with a comma after each group but the last."""
    return ", ".join("eight hundred" if group == "800" else digits(group) for group in groups)


def power(text: str) -> str:
    """Return the spoken form of an exponent: "squared", "cubed", "to the tenth", "to the minus five"."""
    if text in {"2", "3"}:
        return "squared" if text == "2" else "cubed"
    if text.isdigit():
        return f"to the {ordinal(text)}"
    return f"to the {decimal(text) if text[-1].isdigit() else text}"


def roman(text: str) -> int | None:
    """Return the value of a correctly written Roman numeral; None for any other word."""
    if not text or not _ROMAN.fullmatch(text):
        return None
    values = [_ROMAN_VALUES[letter] for letter in text]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))


def fraction(above: str, below: str) -> str:
    """Return "three quarters" for 3 and 4."""
    part = _PARTS.get(int(below), ordinal(below))
    if above == "1":
        return f"one {part}"
    return f"{cardinal(above)} {'halves' if part == 'half' else part + 's'}"


def clock(hour: int, minute: int, second: int = 0) -> str:
    """Return a time of day: "nine o'clock", "nine oh five", "fourteen thirty", "fourteen hundred", "midnight"."""
    spoken = _minutes(hour, minute)
    return f"{spoken} and {plural(second, 'second')}" if second else spoken


def _minutes(hour: int, minute: int) -> str:
    if minute == 0 and hour in {0, 24}:
        return "midnight"
    if minute == 0:
        return f"{_below_hundred(hour)} hundred" if hour > 12 else f"{_below_hundred(hour)} o'clock"
    return f"{_below_hundred(hour)} {f'oh {SMALL[minute]}' if minute < 10 else _below_hundred(minute)}"


def plural(number: int, what: str) -> str:
    """Return "one second", "two seconds"."""
    return f"{cardinal(str(number))} {what}{'' if number == 1 else 's'}"
