"""English rules for numbers that are not quantities: room numbers, codes, versions, sizes, ratios, powers."""

from __future__ import annotations

import re

from speech import numbers
from speech.context import Rule, WordContext

_DIGIT_BY_DIGIT_WORDS = "dial call zip zipcode postal postcode pin passcode password otp extension ext cve"
_DIGIT_BY_DIGIT = frozenset(_DIGIT_BY_DIGIT_WORDS.split())
_CODES = frozenset(["code", "codes"])
_IN_PAIRS_WORDS = (
    "room suite flight route highway interstate apartment apt port http https error status rfc iso ieee pep rtx gtx "
    "boeing code returns returned errno bus din form section"
)
_IN_PAIRS = frozenset(_IN_PAIRS_WORDS.split())
"""Their numbers are spoken in pairs: "three oh five", "eighty eighty"."""

_ERRORS_WORDS = "http https error errors status response responses 404 500 4xx 5xx 400s 404s 403 502 503"
_ERRORS = frozenset(_ERRORS_WORDS.split())
_STATUSES = frozenset(["error", "errors", "status", "response", "responses", "page"])
_REASON_WORDS = "Bad Created Forbidden Found Gateway Gone Internal Moved Not OK Service Too Unauthorized"
_REASONS = frozenset(_REASON_WORDS.split())
"""The first words of the reason that follows a status code: "429 Too Many Requests"."""

_PRODUCTS_WORDS = (
    "python node java ubuntu debian fedora php go golang rust ruby django kernel linux version versions release "
    "section chapter figure table appendix usb tls ssl http bluetooth cuda ios ipados macos android swift kotlin "
    "scala perl julia r lua bash postgres postgresql mysql sqlite redis kafka docker kubernetes chrome firefox edge "
    "safari angular react vue svelte flask rails laravel spring dotnet .net c# numpy pandas pytorch tensorflow numpy "
    "scipy ffmpeg git npm pip uv cmake gcc clang llvm opengl vulkan directx glibc openssl nginx"
)
_PRODUCTS = frozenset(_PRODUCTS_WORDS.split())
_VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,3}){1,3}")
_FAR = 8
"""The most words between a product and the last of its versions: "Python 3.9, 3.11 and 3.12"."""

_STAGES = {"a": "alpha", "b": "beta", "rc": "release candidate", "dev": "development"}
_HALVES = {
    "½": "1/2",
    "⅓": "1/3",
    "⅔": "2/3",
    "¼": "1/4",
    "¾": "3/4",
    "⅕": "1/5",
    "⅛": "1/8",
    "⅜": "3/8",
    "⅝": "5/8",
    "⅞": "7/8",
}
VULGAR = "".join(_HALVES)
_EXPONENTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_MEASURED_IN_WORDS = (
    "cup mile inch foot hour minute second teaspoon tablespoon pound ounce pint quart gallon acre yard mile day"
)
_MEASURED_IN = frozenset(_MEASURED_IN_WORDS.split())
"""Units that are used with fractions: "three quarters of a cup"."""


def _code(found: re.Match[str], context: WordContext) -> str | None:
    """A number used as a name: digit by digit after "ZIP" or "PIN", in pairs after "room" or "HTTP"."""
    text, before = found[0], context.before(3)
    if len(text) == 5 and re.fullmatch(r"[A-Z]{2}", context.word(-1)):
        return numbers.digits(text)
    if any(word in _DIGIT_BY_DIGIT for word in before[:1]) or (_is_named_code(before) and len(text) >= 3):
        return numbers.digits(text)
    if len(text) > 4 or len(text) < 3 or text[0] == "0":
        return None
    names_it = context.lower(1) in _STATUSES or context.word(1) in _REASONS or _is_after_error(before)
    is_status = (
        len(text) == 3 and text[0] in "12345" and names_it and context.runs_on(-1 if not context.runs_on() else 0)
    )
    return numbers.pairs(text) if is_status or (before[:1] and before[0] in _IN_PAIRS) else None


def _is_named_code(before: list[str]) -> bool:
    """ "Her ZIP code is", "the code is": the name of the code, possibly followed by a verb."""
    named = [word for word in before if word not in {"is", "was", "are", "number", ":", "="}]
    if not named:
        return False
    if named[0] in _CODES:
        return not (len(named) > 1 and named[1] in {"status", "error", "exit", "http", "area", "return", "response"})
    return named[0] in _DIGIT_BY_DIGIT - {"call"}


def _is_after_error(before: list[str]) -> bool:
    return bool(before) and before[0] in {"http", "error", "status", "code", "returns", "returned"}


def _hundreds(found: re.Match[str], context: WordContext) -> str | None:
    """The 500s, near the word error; elsewhere 500s are seconds."""
    is_error = any(word in _ERRORS for word in context.before(6)) or context.lower(1) in _ERRORS
    return f"{numbers.cardinal(found[1])}s" if is_error else None


def _wildcard(found: re.Match[str], context: WordContext) -> str:
    return f"{numbers.cardinal(found[1])} X X"


def _version(found: re.Match[str], context: WordContext) -> str | None:
    if not found["v"] and found["parts"].count(".") == 3:
        return None  # an address
    spoken = numbers.version(found["parts"])
    if found["v"] and context.lower(-1) != "version":
        spoken = f"version {spoken}"
    if found["stage"]:
        spoken += f" {_STAGES.get(found['stage'], found['stage'])}"
    return f"{spoken} {numbers.cardinal(found['n'])}" if found["n"] else spoken


def _release(found: re.Match[str], context: WordContext) -> str | None:
    """Two parts are a version after a product's name: "Python 3.11", but "pi is 3.14"."""
    if not _has_product(context) or context.lower(1) in {"million", "billion", "percent", "%"}:
        return None
    last = f" to {numbers.version(found[2])}" if found[2] else ""
    return numbers.version(found[1]) + last + (" plus" if found[3] else "")


def _has_product(context: WordContext) -> bool:
    """Say whether a product is named before this version, or before another one in the same list."""
    offset = -1
    while offset > -_FAR and (
        _VERSION.fullmatch(context.word(offset))
        or (context.lower(offset) in {"to", "and", "or", "through"} and _VERSION.fullmatch(context.word(offset - 1)))
    ):
        offset -= 1
    name = context.word(offset)
    return context.runs_on(offset) and (name.lower() in _PRODUCTS or (context.at + offset > 0 and _is_camel(name)))


def _is_camel(word: str) -> bool:
    """Say whether a word is spelled like a product: iOS, macOS, PyTorch, Blender within a sentence."""
    return word.isalpha() and any(char.isupper() for char in word) and len(word) > 2


def _address(found: re.Match[str], context: WordContext) -> str:
    spoken = " dot ".join(numbers.pairs(part) for part in found[1].split("."))
    return spoken + (f" {'colon' if found[2] == ':' else 'slash'} {numbers.pairs(found[3])}" if found[2] else "")


def _wifi(found: re.Match[str], context: WordContext) -> str:
    return "eight oh two dot eleven" + (f" {'.'.join(found[1].upper())}" if found[1] else "")


def _size(found: re.Match[str], context: WordContext) -> str:
    return " by ".join(numbers.pairs(side) for side in re.split("[x×]", found[0]))


def _lines(found: re.Match[str], context: WordContext) -> str:
    return f"{numbers.pairs(found[1])} {found[2].upper()}"


def _ratio(found: re.Match[str], context: WordContext) -> str:
    return f"{numbers.cardinal(found[1])} to {numbers.cardinal(found[2])}"


def _ordinal(found: re.Match[str], context: WordContext) -> str:
    return numbers.ordinal(found[1].replace(",", "")) + (found[2] or "")


def _scientific(found: re.Match[str], context: WordContext) -> str:
    return f"{numbers.decimal(found[1])} times ten to the {numbers.decimal(found[2])}"


def _times_ten(found: re.Match[str], context: WordContext) -> str:
    exponent = found[2] or found[3].translate(_EXPONENTS)
    return f"{numbers.decimal(found[1])} times ten {numbers.power(exponent)}"


def _underscored(found: re.Match[str], context: WordContext) -> str:
    return numbers.cardinal(found[0].replace("_", ""))


def _power(found: re.Match[str], context: WordContext) -> str:
    base = numbers.decimal(found[1]) if found[1][0].isdigit() else found[1]
    return f"{base} {numbers.power(found[2].strip('{}()'))}"


def _raised(found: re.Match[str], context: WordContext) -> str:
    base = numbers.decimal(found[1]) if found[1][0].isdigit() else found[1]
    return f"{base} {numbers.power(found[2].translate(_EXPONENTS))}"


def _fraction(found: re.Match[str], context: WordContext) -> str | None:
    above, below = (_HALVES[found[0]] if found[0] in _HALVES else found[0]).split("/")
    if above == below:
        return f"{numbers.cardinal(above)} {numbers.cardinal(below)}"
    if not (0 < int(above) < int(below) <= 16 and above[0] != "0" != below[0]):
        return f"{numbers.cardinal(above)} slash {numbers.cardinal(below)}"
    if context.runs_on(-1) and context.word(-1).isdigit():
        return f"and {_part(above, below)}"
    return (
        _of(above, below, context.lower(1))
        if context.runs_on() and context.lower(1) in _MEASURED_IN
        else numbers.fraction(above, below)
    )


def _part(above: str, below: str) -> str:
    spoken = numbers.fraction(above, below)
    return spoken.replace("one ", "an " if spoken == "one eighth" else "a ", 1)


def _of(above: str, below: str, unit: str) -> str:
    article = "an" if unit in {"inch", "hour", "ounce", "acre"} else "a"
    return f"half {article}" if (above, below) == ("1", "2") else f"{numbers.fraction(above, below)} of {article}"


def _mixed(found: re.Match[str], context: WordContext) -> str:
    above, below = _HALVES[found[2]].split("/")
    return f"{numbers.cardinal(found[1])} and {_part(above, below)}"


def _inches(found: re.Match[str], context: WordContext) -> str:
    text = _HALVES.get(found[1], found[1])
    if "/" in text:
        above, below = text.split("/")
        return f"{_of(above, below, 'inch')} inch"
    if context.with_word(text).is_attributive():
        return f"{numbers.decimal(text)}-inch"
    return f"{numbers.decimal(text)} {'inch' if text == '1' else 'inches'}"


def _height(found: re.Match[str], context: WordContext) -> str:
    return f"{numbers.cardinal(found[1])} foot {numbers.cardinal(found[2])}"


def _feet(found: re.Match[str], context: WordContext) -> str:
    return f"{numbers.cardinal(found[1])} {'foot' if found[1] == '1' else 'feet'}"


def _hex_colour(found: re.Match[str], context: WordContext) -> str | None:
    """Six digits including a letter, or three equal ones, are a colour; "#42" is a number and "#news" a word."""
    text = found[1]
    is_named = any(word.rstrip(":") in {"color", "colour", "background", "hex"} for word in context.before(3))
    is_mixed = not text.isalpha() and not text.isdigit()
    is_plain = text.isalpha() and (len(set(text.lower())) == 1 or (len(text) == 6 and text.isupper()))
    if not (is_named or is_mixed or is_plain):
        return None
    return "hash " + " ".join(numbers.SMALL[int(char)] if char.isdigit() else char.upper() for char in text)


RULES: tuple[Rule, ...] = tuple(
    (re.compile(form), say)
    for form, say in (
        (r"[0-9]{2,10}", _code),
        (r"([1-9]00)s", _hundreds),
        (r"([1-5])[xX]{2}", _wildcard),
        (
            r"(?P<v>[vV]?)(?P<parts>[0-9]{1,6}(?:\.[0-9]{1,6}){2,5}|(?<=[vV])[0-9]{1,6}(?:\.[0-9]{1,6})?)"
            r"(?:[-.]?(?P<stage>alpha|beta|rc|dev|post|a|b)[-.]?(?P<n>[0-9]{1,4})?)?",
            _version,
        ),
        (r"([0-9]{1,3}(?:\.[0-9]{1,3}){3})(?:([:/])([0-9]{1,5}))?", _address),
        (r"802\.11([a-z]{0,2})", _wifi),
        (r"([0-9]{1,4}\.[0-9]{1,3})(?:[-–—]([0-9]{1,4}\.[0-9]{1,3}))?(\+)?", _release),
        (r"([0-9]{1,4}):([0-9]{1,4})", _ratio),
        (r"[0-9]{1,5}[x×][0-9]{1,5}(?:[x×][0-9]{1,5})?", _size),
        (r"(360|480|540|576|720|1080|1440|2160|4320)([pi])", _lines),
        (r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15})(?:st|nd|rd|th)((?:-[A-Za-z]+)*)", _ordinal),
        (r"([+\-−–]?[0-9]+(?:\.[0-9]+)?)[eE]([+\-−]?[0-9]{1,3})", _scientific),
        (r"([0-9]+(?:\.[0-9]+)?)[×x*·]10(?:\^(-?[0-9]{1,3})|([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]{1,4}))", _times_ten),
        (r"[0-9]{1,3}(?:_[0-9]{3})+", _underscored),
        (r"([A-Za-z]|[0-9]{1,4})\^(\{?\(?-?[0-9]{1,3}\)?\}?|[a-z])", _power),
        (r"([A-Za-z]|[0-9]{1,4})([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)", _raised),
        (r"(?!24/7|9/11)[0-9]{1,3}/[0-9]{1,3}", _fraction),
        (rf"[{VULGAR}]", _fraction),
        (rf"([0-9]{{1,4}})([{VULGAR}])", _mixed),
        (rf"([0-9]{{1,4}}(?:\.[0-9]+)?|[0-9]{{1,2}}/[0-9]{{1,2}}|[{VULGAR}])[\"″]", _inches),
        (r"([1-9])'([0-9]|1[01])[\"″]?", _height),
        (r"([0-9]{1,3})'", _feet),
        (r"#([0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})", _hex_colour),
    )
)
