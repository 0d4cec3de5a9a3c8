"""English rules for typed text: addresses, paths, identifiers, flags, keys, operators. One line per rule."""

from __future__ import annotations

import re

from speech import numbers
from speech.context import Rule, WordContext
from speech.spellings import ENDINGS, IN_CODE, IN_FORMULAS, KEYS, NAMES, OPERATORS, PRESSED

LONGEST_HASH = 12
"""Hashes up to this length are spoken completely; of a longer one only the first seven digits, as git shows them."""

_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_SYMBOLS = sorted(set(OPERATORS) | set(IN_CODE), key=len, reverse=True)
_TOKEN = re.compile(
    r"(?P<word>[^\W\d_]+(?:[-'][^\W\d_]+)*)|(?P<number>(?<![\d,:])[0-9]{1,3}(?:,[0-9]{3})+(?!\d)|[0-9]+)|(?P<symbol>"
    + "|".join(map(re.escape, _SYMBOLS))
    + ")"
)


def _operator(found: re.Match[str], context: WordContext) -> str | None:
    sign = found[0]
    compares = sign in "<>" and context.word(1)[:1].isdigit()
    if sign in IN_FORMULAS and (compares or (context.is_operand(-1) and context.is_operand(1))):
        return IN_FORMULAS[sign]
    if sign == "%" and context.is_number(-1):
        return "percent"
    return OPERATORS.get(sign)


def _name(found: re.Match[str], context: WordContext) -> str | None:
    if found[0] in NAMES:
        return NAMES[found[0]]
    spoken = NAMES.get(found["name"])
    return spoken + found["end"].replace("s", "'s", "'" not in found["end"]) if spoken is not None else None


def _keys(found: re.Match[str], context: WordContext) -> str | None:
    parts = re.split(r"(?<=.)[+-](?=.)", found[0])
    if len(parts) < 2 or not all(part.lower() in KEYS for part in parts[:1]):
        return None
    if any(part.lower() not in KEYS and not _is_key(part) for part in parts):
        return None
    return " ".join(_key(part) for part in parts)


def _is_key(part: str) -> bool:
    return len(part) == 1 or part.lower() in PRESSED or re.fullmatch(r"[A-Z][a-z]+|F[0-9]{1,2}", part) is not None


def _key(part: str) -> str:
    low = part.lower()
    if low in KEYS:
        return KEYS[low]
    if part[0] == "F" and part[1:].isdigit():
        return f"F {numbers.cardinal(part[1:])}"
    if part.isdigit():
        return numbers.digits(part)
    return PRESSED.get(low, part.upper() if len(part) == 1 else low)


def _glyph_keys(found: re.Match[str], context: WordContext) -> str:
    held = " ".join(NAMES[glyph] for glyph in found[1])
    return f"{held} {_key(found[2])}"


def _address(found: re.Match[str], context: WordContext) -> str:
    return _said(re.sub(r"^https?://|/$", "", found[0]))


def _hash(found: re.Match[str], context: WordContext) -> str | None:
    text = found["hex"]
    if text.isalpha() or text.isdigit():
        return None
    short = text if len(text) <= LONGEST_HASH else text[:7]
    spoken = " ".join(numbers.SMALL[int(char)] if char.isdigit() else char.upper() for char in short)
    return spoken + (" and so on" if len(short) < len(text) else "")


def _uuid(found: re.Match[str], context: WordContext) -> str:
    first = " ".join(numbers.SMALL[int(char)] if char.isdigit() else char.upper() for char in found[1])
    return f"{first} and so on"


def _hex_number(found: re.Match[str], context: WordContext) -> str:
    spoken = " ".join(numbers.SMALL[int(char)] if char.isdigit() else char.upper() for char in found[1])
    return f"hex {spoken}"


def _flag(found: re.Match[str], context: WordContext) -> str:
    dashes = " ".join(["dash"] * len(found[1]))
    return f"{dashes} {_said(found[2].replace('-', ' dash ') if found[1] == '-' else found[2].replace('-', ' '))}"


def _dunder(found: re.Match[str], context: WordContext) -> str:
    return f"dunder {_said(found[1])}"


def _in_code(found: re.Match[str], context: WordContext) -> str:
    return _said(found[0])


def _humps(found: re.Match[str], context: WordContext) -> str | None:
    parts = _HUMPS.split(found[0])
    return " ".join(parts) if len(parts) > 1 and all(len(part) > 1 for part in parts) else None


def _said(code: str) -> str:
    """Return code as it is read out: words and numbers, and the symbols by name."""
    spoken: list[str] = []
    ended = ""
    for found in _TOKEN.finditer(code):
        if found["symbol"]:
            spoken.append(_symbol(found, code))
        elif found["number"]:
            is_port = ended == ":" and len(found[0]) == 4
            digits = found[0].replace(",", "")
            spoken.append(numbers.pairs(digits) if is_port else numbers.cardinal(digits))
        elif ended == "." and found[0].lower() in ENDINGS:
            spoken.append(ENDINGS[found[0].lower()])
        else:
            spoken.append(NAMES.get(found[0]) or " ".join(_HUMPS.split(found[0])))
        ended = found[0]
    return " ".join(filter(None, spoken))


def _symbol(found: re.Match[str], code: str) -> str:
    """Hyphens inside a name and the brackets of a type are silent."""
    sign = found[0]
    if sign == "." and found.end() == len(code):
        return ""
    if sign in "<>" and "<" in code and ">" in code:
        return ""
    return OPERATORS.get(sign) or IN_CODE[sign]


_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_HOST = r"(?:[A-Za-z0-9-]+\.)+(?:com|org|net|io|dev|ai|edu|gov|app|co|uk|de|fr|eu|info|me|sh|local)"
_CODE_MARKS = r"=_\\@#$%^&*+~|:/<>"

NAMED: tuple[Rule, ...] = ((re.compile(r"(?P<name>.+?)(?P<end>'?s|)"), _name),)
"""Names from the table. They come before every other rule."""

RULES: tuple[Rule, ...] = tuple(
    (re.compile(form), say)
    for form, say in (
        (r"[-+*/=<>!&|:%@#$^\\×÷±≈≠≤≥§°−]+", _operator),
        (r"[A-Za-z]+[+-].+", _keys),
        (r"([⌘⇧⌥⌃]+)\+?(\w+|.)", _glyph_keys),
        (r"(?:[a-z][a-z0-9+.-]*://|www\.)\S+", _address),
        (rf"{_HOST}(?::[0-9]+)?(?:[/?#]\S*)?", _address),
        (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", _in_code),
        (r"([0-9a-fA-F]{8})-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", _uuid),
        (r"(?P<hex>[0-9a-f]{7,64})", _hash),
        (r"(?:sha256|sha1|md5):(?P<hex>[0-9a-f]{7,64})", _hash),
        (r"0[xX]([0-9a-fA-F]{1,16})", _hex_number),
        (r"(--?)([A-Za-z].*)", _flag),
        (r"__(\w+?)__(?:\(\))?", _dunder),
        (rf"{_NAME}(?:\.{_NAME})*\.[A-Za-z_][A-Za-z0-9_]+(?:\(.*)?", _in_code),
        (rf"[A-Za-z_][\w-]*\.(?:{'|'.join(ENDINGS)})", _in_code),
        (r"\.[A-Za-z][\w.-]*", _in_code),
        (rf"{_NAME}[(\[].*", _in_code),
        (rf"(?=.*[{_CODE_MARKS}])(?=.*\w).+", _in_code),
        (r"[A-Za-z]+", _humps),
    )
)
