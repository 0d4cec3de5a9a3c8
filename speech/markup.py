"""A narration as its author writes it → the plain text that is shown and spoken, and the marks on its words.

Marks are `[pause 0.5s]`, `*emphasis*` and `<em>emphasis</em>`. Simple Markdown and HTML is taken away. What cannot be
spoken (fences of code, SSML, scripts) is refused, never read aloud and never dropped. A backslash before a mark makes
it plain, and so do backquotes: `[pause]` between them is only a word.
"""

from __future__ import annotations

import difflib
import html
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from protocol.errors import UsageError
from speech import tags
from speech.text import clean

PAUSE_S = 0.5
"""What `[pause]` without a length means: between a sentence's end and a paragraph's."""

LONGEST_PAUSE_S = 60.0
"""In all, at one place."""

_LONGEST_EMPHASIS = 500  # characters; without a bound, many stars would be looked at for minutes
_ESCAPABLE = r"*`\[\]<>#&"
_HIDDEN = 0xE000  # escaped characters wait in the private use area, which `clean` has emptied
_CLOSING = ".,;:!?…)]}\"'”’»"
_OPENING = "([{\"'“‘«—–-"
_ALONE = re.compile(r"[ \t]*(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|=+)")
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*")
_ITEM = re.compile(r"[ \t]*[-*+][ \t]+(?:\[[ xX]\][ \t]+)?(.*)")
_QUOTE = re.compile(r"[ \t]*>[ \t]?(.*)")
_MARK = re.compile(
    r"(?P<ticks>`+)(?!`)(?P<code>(?:(?!\n\s*\n).)+?)(?<!`)(?P=ticks)(?!`)"
    r"|!?(?<![\w\])])\[(?P<label>[^\[\]\n]+)\]\((?P<url>[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:[ \t]+\"[^\"]*\")?\)"
    r"|\[[ \t]*pause\b(?P<pause>[^\[\]\n]*)\]"
    r"|\[[ \t]*(?P<word>[a-z]{3,8})[ \t:]*(?P<length>(?:\d+(?:\.\d+)?|\.\d+)[ \t]*(?:s|sec|seconds?|ms))?[ \t]*\]"
    r"|<(?P<address>(?:https?://|mailto:)[^\s<>]+|[\w.+-]+@[\w.-]+)>"
    r"|(?P<strange><!--|<!\[CDATA\[|<![A-Za-z]|<\?[A-Za-z])"
    r"|<(?P<end>/?)(?P<tag>[A-Za-z][\w:.-]*)(?P<more>(?:\s[^<>]*)?)/?>",
    re.IGNORECASE | re.DOTALL,
)
_EMPHASIS = re.compile(
    rf"(?:^|(?<=[\s{re.escape(_OPENING)}]))(?P<stars>\*{{1,3}})(?=[^\s*./,;:!?)])"
    rf"(?P<inner>(?:(?!\n\s*\n).){{1,{_LONGEST_EMPHASIS}}}?)(?<=[^\s*/(])(?P=stars)"
    rf"(?=[{re.escape(_CLOSING)}—–-]*(?:\s|$))",
    re.DOTALL,
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_LENGTH = re.compile(r"\s*:?\s*(\d+(?:\.\d+)?|\.\d+)\s*(s|sec|seconds?|ms)\s*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Script:
    """A narration without its markup. Places count the words of `text.split()`.

    `pauses` holds (words before it, seconds), in order, one for each place; `emphasis` the places of emphasised words.
    `misspelt` holds (as written, as probably meant) of marks that look like a pause: they are left out of the text.
    """

    text: str
    pauses: tuple[tuple[int, float], ...] = ()
    emphasis: tuple[int, ...] = ()
    misspelt: tuple[tuple[str, str], ...] = ()


def advice(written: str, meant: str) -> str:
    """Return the warning about a misspelt mark."""
    return f"{written} looks like a pause; did you mean {meant}? It is not spoken"


def parse(narration: str) -> Script:
    """Return the script of a narration. Raises UsageError for markup that cannot be spoken, with the hint."""
    plain = _Plain()
    plain.add(_lines(_escaped(clean(narration))))
    return plain.script()


@dataclass
class _Plain:
    """Plain text as it grows, and the marks by their place in it."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    pauses: list[tuple[int, float]] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)  # emphasised
    open_tags: list[tuple[str, int]] = field(default_factory=list)
    misspelt: list[tuple[str, str]] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Add text that may hold marks."""
        at = 0
        for found in _spans(text):
            self._prose(text[at : found.start()])
            self._mark(found)
            at = found.end()
        self._prose(text[at:])

    def script(self) -> Script:
        """Return what there is, with places in characters turned into places in words."""
        for _, start in self.open_tags:
            self.spans.append((start, self.length))
        text = "".join(self.parts)
        starts = [found.start() for found in re.finditer(r"\S+", text)]
        ends = [found.end() for found in re.finditer(r"\S+", text)]
        stressed = {
            place for since, to in self.spans for place in range(bisect_right(ends, since), bisect_left(starts, to))
        }
        return Script(
            text=_shown(text),
            pauses=_by_word(self.pauses, starts),
            emphasis=tuple(sorted(stressed)),
            misspelt=tuple(self.misspelt),
        )

    def _prose(self, text: str) -> None:
        """Add text without marks; entities become their characters."""
        self._put(_ENTITY.sub(lambda found: clean(html.unescape(found[0])), text))

    def _put(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    def _mark(self, found: re.Match[str]) -> None:
        if found.re is _EMPHASIS:
            start = self.length
            self.add(found["inner"])
            self.spans.append((start, self.length))
        elif found["code"] is not None:
            self._put(found["code"].strip() or found["code"])
        elif found["label"] is not None:
            self.add(found["label"])
        elif found["pause"] is not None:
            self._pause(found)
        elif found["word"] is not None:
            self._bracket(found)
        elif found["address"] is not None:
            self._put(found["address"].removeprefix("mailto:"))
        elif found["strange"] is not None:
            _refuse(found["strange"])
        else:
            self._tag(found)

    def _bracket(self, found: re.Match[str]) -> None:
        """Leave out a pause that is misspelt, and remember it; any other word in brackets is text."""
        if not _is_like_pause(found["word"].lower(), has_length=found["length"] is not None):
            self._prose(found[0])
            return
        meant = "[pause]" if found["length"] is None else f"[pause {found['length']}]"
        self.misspelt.append((found[0], meant))
        self._space(found)

    def _pause(self, found: re.Match[str]) -> None:
        self.pauses.append((self.length, _seconds(found)))
        self._space(found)

    def _space(self, found: re.Match[str]) -> None:
        following = found.string[found.end() : found.end() + 1]
        if following and following not in _CLOSING:
            self._put(" ")

    def _tag(self, found: re.Match[str]) -> None:
        name, whole = found["tag"].lower(), found[0]
        if name not in tags.STRIPPED:
            if name in tags.KNOWN or found["end"] or whole.endswith("/>") or "=" in found["more"]:
                _refuse(f"<{found['end']}{found['tag']}>")
            self._put(whole)  # a word between angle brackets, as in `git switch <branch>`
            return
        if name in tags.BREAKS:
            self._put("\n" if name == "br" else "\n\n")
        elif name in tags.EMPHASIS:
            self._emphasis_tag(name, bool(found["end"]))

    def _emphasis_tag(self, name: str, ends: bool) -> None:
        if not ends:
            self.open_tags.append((name, self.length))
            return
        for place in range(len(self.open_tags) - 1, -1, -1):
            if self.open_tags[place][0] == name:
                self.spans.append((self.open_tags.pop(place)[1], self.length))
                return


def _spans(text: str) -> Iterator[re.Match[str]]:
    """Yield the marks of a text in order, none inside another; code and tags win over the stars around them."""
    at, found = 0, {form: form.search(text) for form in (_MARK, _EMPHASIS)}
    while True:
        for form, ahead in found.items():
            if ahead is not None and ahead.start() < at:
                found[form] = form.search(text, at)
        first = min(filter(None, found.values()), key=lambda mark: mark.start(), default=None)
        if first is None:
            return
        yield first
        at = first.end()


def _lines(text: str) -> str:
    """Take away what Markdown says with whole lines: headings, items and rules become paragraphs of their own."""
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    if _FENCE.match(line):
        raise UsageError(
            "holds a fence of code (``` or ~~~), which cannot be spoken; say in words what the code does, and put "
            "short code between single backquotes"
        )
    if _ALONE.fullmatch(line):
        return "\n"
    if quoted := _QUOTE.fullmatch(line):
        line = quoted[1]
    for form in (_HEADING, _ITEM):
        if found := form.fullmatch(line):
            return f"\n{found[1]}\n"
    return line


def _escaped(text: str) -> str:
    """Hide characters that a backslash makes plain."""
    return re.sub(rf"\\([{_ESCAPABLE}])", lambda found: chr(_HIDDEN + ord(found[1])), text)


def _shown(text: str) -> str:
    """Return the text as it is shown: hidden characters back, no blanks or empty lines left over from marks."""
    text = re.sub(r"[^\S\n]+", " ", re.sub(r"[^\S\n]*\n[^\S\n]*", "\n", text))
    text = re.sub(r"\n{3,}", "\n\n", text)
    return clean(re.sub("[\ue000-\ue07f]", lambda found: chr(ord(found[0]) - _HIDDEN), text)).strip()


def _seconds(found: re.Match[str]) -> float:
    told = found["pause"]
    if not told.strip(" \t:"):
        return PAUSE_S
    length = _LENGTH.fullmatch(told)
    if length is None:
        raise UsageError(f"{found[0]} is no pause; write [pause 0.5s] or [pause 500ms], or \\[ where it is only text")
    return float(length[1]) / (1000 if length[2].lower() == "ms" else 1)


def _is_like_pause(word: str, *, has_length: bool) -> bool:
    """Say whether a word in brackets is a misspelt `pause`; without a length, words such as "cause" are not."""
    close = difflib.SequenceMatcher(None, word, "pause").ratio()
    return close >= 0.6 if has_length else close >= 0.8 and set(word) <= set("pause")


def _by_word(pauses: list[tuple[int, float]], starts: list[int]) -> tuple[tuple[int, float], ...]:
    """Return pauses by the number of words that begin before them; several at one place are one."""
    summed: dict[int, float] = {}
    for at, seconds in pauses:
        place = bisect_left(starts, at)
        summed[place] = summed.get(place, 0.0) + seconds
    for seconds in summed.values():
        if seconds > LONGEST_PAUSE_S:
            raise UsageError(f"pauses for {seconds:g} s at one place; {LONGEST_PAUSE_S:g} s is the longest")
    return tuple((place, round(seconds, 3)) for place, seconds in summed.items() if seconds > 0)


def _refuse(what: str) -> NoReturn:
    raise UsageError(
        f"holds the markup {what}, which is not spoken; take it away. Pauses are written [pause 0.5s], emphasis *so*; "
        f"to have it read as text put it between backquotes: `{what}`"
    )
