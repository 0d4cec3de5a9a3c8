"""The parts of a text that a rewrite must not change: marks, code, addresses, numbers, and the terms of a glossary.

Each is replaced by one private-use character and restored afterwards, so that nothing in between can damage it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_FIRST, _LAST = 0xF0000, 0xFFFFD
"""A plane of private-use characters. A text that already contains one cannot be hidden."""

_ENDS = ".,;:!?…\"'“”’)»]"
_MARKS = (
    r"(?P<code>(?<!`)(?P<ticks>`+)(?!`)[^`]{1,2000}(?P=ticks))"
    r"|!?\[[^\[\]\n]{1,500}\]\([^()\s]{0,1000}\)"
    r"|\[[^\[\]\n]{1,200}\]"
    r"|<[^<>\n]{1,200}>"
    r"|(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s<>\"]+"
    r"|&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
)
_STRANGE_WORDS = (
    r"|\*{1,3}(?=[^\s*])[^*\n]{1,500}(?<=[^\s*])\*{1,3}"
    r"|\\."
    r"|(?<!\S)-{1,2}[A-Za-z][\w-]*"
    r"|(?<!\S)\S*[0-9_/\\=#@$%^&+~|{}]\S*"
    r"|(?<!\S)\S*\d\S*"
    r"|(?<![\w.])\w+(?:\.\w+)+(?:\(\))?"
    r"|(?<!\w)[a-z]+[A-Z]\w*"
    r"|(?<!\w)[A-Za-z_]\w*\(\)"
)
_ALL = re.compile(_MARKS + _STRANGE_WORDS)
_ONLY_MARKS = re.compile(_MARKS)


def terms(glossary: Sequence[str]) -> re.Pattern[str] | None:
    """Return a pattern for the terms of a glossary as whole words, in their exact spelling; None without terms."""
    if not glossary:
        return None
    longest_first = sorted(set(glossary), key=lambda term: (-len(term), term))
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")


def marks(text: str) -> list[str]:
    """Return the marks, code and addresses in a text, as written."""
    return [_trimmed(found[0]) for found in _ONLY_MARKS.finditer(text)]


def hide(text: str, glossary: Sequence[str] = ()) -> tuple[str, list[str]]:
    """Return the text with each protected part replaced by one character, and the parts in order.

    Raises ValueError if the text contains such characters itself, or has too many parts.
    """
    if any(_FIRST <= ord(mark) <= _LAST for mark in text):
        raise ValueError("it contains private-use characters")
    parts: list[str] = []
    hidden: list[str] = []
    at = 0
    for start, end in _spans(text, glossary):
        hidden += [text[at:start], chr(_FIRST + len(parts))]
        parts.append(text[start:end])
        at = end
    if len(parts) > _LAST - _FIRST:
        raise ValueError("it contains too many numbers, marks or terms")
    return "".join([*hidden, text[at:]]), parts


def show(hidden: str, parts: Sequence[str]) -> str:
    """Return the text with its protected parts restored."""
    return "".join(parts[ord(mark) - _FIRST] if _FIRST <= ord(mark) <= _LAST else mark for mark in hidden)


def part_of(mark: str, parts: Sequence[str]) -> str | None:
    """Return the part that a character of a hidden text stands for; None for an ordinary character."""
    return parts[ord(mark) - _FIRST] if mark and _FIRST <= ord(mark) <= _LAST else None


def _spans(text: str, glossary: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the protected parts in order, never nested. A glossary term takes precedence over an overlapping part."""
    form = terms(glossary)
    named = [found.span() for found in form.finditer(text)] if form else []
    others = [(found.start(), found.start() + len(_trimmed(found[0]))) for found in _ALL.finditer(text)]
    end = 0
    for start, stop in sorted({*named, *others}, key=lambda span: (span[0], -span[1])):
        if stop <= end or start == stop:
            continue
        yield max(start, end), stop
        end = stop


def _trimmed(part: str) -> str:
    """Return a part without a final full stop or quote; brackets and marks are complete already."""
    if part[0] in "`[<*!&\\" or part.endswith("()"):
        return part
    return part.rstrip(_ENDS) or part
