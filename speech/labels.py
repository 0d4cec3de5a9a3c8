"""English rules for names with digits in them: GPT-4, H.264, B2B, IPv6, C++20, ext4. One line per rule."""

from __future__ import annotations

import re

from speech import numbers
from speech.context import Rule, WordContext

_WORDS_ENOUGH = 3
"""With this many capitals an engine spells them out; fewer may be read as a word, so they are separated."""


def _spelled(letters: str) -> str:
    return ".".join(letters) if 1 < len(letters) < _WORDS_ENOUGH else letters


def _figures(text: str) -> str:
    """Return the digits of a name: "sixteen", "two fifty-six", "forty ninety", "two point five"."""
    return numbers.version(text) if "." in text else numbers.pairs(text)


def _between(found: re.Match[str], context: WordContext) -> str:
    return f"{found[1]} to {found[2]}"


def _label(found: re.Match[str], context: WordContext) -> str:
    last = f" {'.'.join(found[3].upper())}" if found[3] else ""
    return f"{_spelled(found[1])} {_figures(found[2])}{last}"


def _small_label(found: re.Match[str], context: WordContext) -> str:
    """Letters without a vowel are spelled out: "mp4", but not "ext4"."""
    letters = found[1] if set(found[1]) & set("aeiouy") else ".".join(found[1].upper())
    return f"{letters} {_figures(found[2])}"


def _step(found: re.Match[str], context: WordContext) -> str:
    """A variable and a step: "n-1"."""
    return f"{found[1]} {'plus' if found[2] == '+' else 'minus'} {numbers.cardinal(found[3])}"


def _several(found: re.Match[str], context: WordContext) -> str:
    """Alternating letters and digits: R2-D2, C-3PO."""
    runs = re.findall(r"[A-Z]+|[0-9]+", found[0])
    return " ".join(_figures(run) if run.isdigit() else _spelled(run) for run in runs)


def _experts(found: re.Match[str], context: WordContext) -> str:
    return f"{numbers.cardinal(found[1])} by {numbers.cardinal(found[2][:-1])} B"


def _model(found: re.Match[str], context: WordContext) -> str:
    return f"{_figures(found[1])} {'.'.join(found[2])}"


def _part_number(found: re.Match[str], context: WordContext) -> str:
    """DDR5-6000, i7-13700K."""
    last = f" {'.'.join(found[4])}" if found[4] else ""
    return f"{found[1]} {_figures(found[2])} {_figures(found[3])}{last}"


def _codec(found: re.Match[str], context: WordContext) -> str:
    return f"{found[1]} dot {numbers.digits(found[2])}"


def _protocol(found: re.Match[str], context: WordContext) -> str:
    return f"{found[1]} {numbers.version(found[2])}"


def _ip(found: re.Match[str], context: WordContext) -> str:
    return f"I.P.V {numbers.cardinal(found[1])}"


def _standard(found: re.Match[str], context: WordContext) -> str:
    return f"C plus plus {numbers.cardinal(found[1])}"


def _zone(found: re.Match[str], context: WordContext) -> str:
    sign = "plus" if found[2] == "+" else "minus"
    return f"{found[1]} {sign} {numbers.cardinal(found[3])}" + (f" {numbers.cardinal(found[4])}" if found[4] else "")


RULES: tuple[Rule, ...] = tuple(
    (re.compile(form), say)
    for form, say in (
        (r"(UTC|GMT)([+\-−])([0-9]{1,2})(?::([0-9]{2}))?", _zone),
        (r"([a-zKLMN])([-+−])([0-9]{1,2})", _step),
        (r"(?!H2O)([A-Z])2([A-Z])", _between),
        (r"IPv([46])", _ip),
        (r"C\+\+([0-9]{2})", _standard),
        (r"([A-Z])\.([0-9]{3})", _codec),
        (r"(x)([0-9]{1,2})", _small_label),
        (r"([0-9]{1,2})x([0-9]{1,3}B)", _experts),
        (r"([0-9]{4})([A-Z]{1,2})", _model),
        (r"([A-Za-z]{1,5})([0-9]{1,2})-([0-9]{3,5})([A-Z]{0,2})", _part_number),
        (r"([A-Z]{2,6})/([0-9](?:\.[0-9])?)", _protocol),
        (r"([A-Z]{1,6})-?([0-9]{1,4}(?:\.[0-9])?)([A-Za-z]?)", _label),
        (r"([a-z]{2,6})([0-9]{1,3})", _small_label),
        (r"[A-Z]{1,3}[0-9]{1,4}-[A-Z]{1,3}[0-9]{1,4}|[A-Z]-[0-9]{1,2}[A-Z]{1,3}", _several),
    )
)
