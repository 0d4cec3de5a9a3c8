"""A narration as its author writes it, parsed into the plain text that is shown and spoken, and marks on its words.

Marks are `[pause 0.5s]`, `*emphasis*` and `<em>emphasis</em>`. Simple Markdown and HTML is removed. What cannot be
spoken (code fences, SSML, scripts) is refused; it is neither read aloud nor dropped. A backslash before a mark escapes
it, and so do backquotes: `[pause]` between them is an ordinary word.
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
from speech.text import clean

PAUSE_S = 0.5
"""The length of `[pause]` without a number: longer than between sentences, shorter than between paragraphs."""

LONGEST_PAUSE_S = 60.0
"""The longest pause at one place, in total."""

_LONGEST_EMPHASIS = 500  # characters; without a limit, many stars would take minutes to match
_ESCAPABLE = r"*`\[\]<>#&"
_HIDDEN = 0xE000  # escaped characters are stored in the private use area, from which `clean` has removed everything
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

_STRIPPED_TAGS = frozenset(["b", "br", "code", "em", "i", "p", "strong"])
"""Tags that are removed; the text between them stays."""

_EMPHASIS_TAGS = frozenset(["em", "strong"])
_BREAK_TAGS = frozenset(["br", "p"])

_ELEMENTS = """
a abbr acronym address applet area article aside audio base bdi bdo big blockquote body button canvas caption
center cite col colgroup data datalist dd del details dfn dialog dir div dl dt embed fieldset figcaption figure
font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe img input ins kbd label legend
li link main map mark menu meta meter nav noscript object ol optgroup option output param picture pre progress q rp
rt ruby s samp script section select slot small source span strike style sub summary sup svg table tbody td
template textarea tfoot th thead time title tr track tt u ul var video wbr
audio break desc emphasis lexicon lookup lang metadata paragraph phoneme prosody say-as sentence speak token voice
amazon:effect mstts:express-as
"""
_KNOWN_TAGS = frozenset(_ELEMENTS.split())
"""The elements of HTML and SSML. They change how a text is shown or spoken, so they are refused by name."""


@dataclass(frozen=True, kw_only=True)
class MarkedText:
    """A narration without its markup. Positions are indices into `text.split()`.

    `pauses` has (words before it, seconds) in order, at most one for each position; `emphasis` the positions of the
    emphasised words. `misspelt` has (as written, as probably meant) for marks that look like a pause; they are not in
    the text.
    """

    text: str
    pauses: tuple[tuple[int, float], ...] = ()
    emphasis: tuple[int, ...] = ()
    misspelt: tuple[tuple[str, str], ...] = ()


def advice(written: str, meant: str) -> str:
    """Return the warning about a misspelt pause."""
    return f"{written} looks like a pause; did you mean {meant}? It is not spoken"


def parse(narration: str) -> MarkedText:
    """Return the parsed narration. Raises UsageError, with a hint, for markup that cannot be spoken."""
    plain = _Plain()
    plain.add(_lines(_escaped(clean(narration))))
    return plain.script()


@dataclass
class _Plain:
    """The plain text so far, and the marks by their position in it."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    pauses: list[tuple[int, float]] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)  # emphasised
    open_tags: list[tuple[str, int]] = field(default_factory=list)
    misspelt: list[tuple[str, str]] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Add text that may contain marks."""
        at = 0
        for found in _spans(text):
            self._prose(text[at : found.start()])
            self._mark(found)
            at = found.end()
        self._prose(text[at:])

    def script(self) -> MarkedText:
        """Return the result, with character positions converted to word positions."""
        for _, start in self.open_tags:
            self.spans.append((start, self.length))
        text = "".join(self.parts)
        starts = [found.start() for found in re.finditer(r"\S+", text)]
        ends = [found.end() for found in re.finditer(r"\S+", text)]
        stressed = {
            place for since, to in self.spans for place in range(bisect_right(ends, since), bisect_left(starts, to))
        }
        return MarkedText(
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
        """Leave out and record a misspelt pause; any other word in brackets is text."""
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
        if name not in _STRIPPED_TAGS:
            if name in _KNOWN_TAGS or found["end"] or whole.endswith("/>") or "=" in found["more"]:
                _refuse(f"<{found['end']}{found['tag']}>")
            self._put(whole)  # a word between angle brackets, as in `git switch <branch>`
            return
        if name in _BREAK_TAGS:
            self._put("\n" if name == "br" else "\n\n")
        elif name in _EMPHASIS_TAGS:
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
    """Yield the marks of a text in order, never nested; code and tags take precedence over stars around them."""
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
    """Remove Markdown that applies to whole lines: headings, list items and rules become separate paragraphs."""
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    if _FENCE.match(line):
        raise UsageError(
            "contains a code fence (``` or ~~~), which cannot be spoken; say in words what the code does, and put "
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
    """Hide characters that are escaped by a backslash."""
    return re.sub(rf"\\([{_ESCAPABLE}])", lambda found: chr(_HIDDEN + ord(found[1])), text)


def _shown(text: str) -> str:
    """Return the text as it is shown: hidden characters restored, no spaces or empty lines left from marks."""
    text = re.sub(r"[^\S\n]+", " ", re.sub(r"[^\S\n]*\n[^\S\n]*", "\n", text))
    text = re.sub(r"\n{3,}", "\n\n", text)
    return clean(re.sub("[\ue000-\ue07f]", lambda found: chr(ord(found[0]) - _HIDDEN), text)).strip()


def _seconds(found: re.Match[str]) -> float:
    told = found["pause"]
    if not told.strip(" \t:"):
        return PAUSE_S
    length = _LENGTH.fullmatch(told)
    if length is None:
        raise UsageError(
            f"{found[0]} is not a valid pause; write [pause 0.5s] or [pause 500ms], or \\[ if it is only text"
        )
    return float(length[1]) / (1000 if length[2].lower() == "ms" else 1)


def _is_like_pause(word: str, *, has_length: bool) -> bool:
    """Say whether a word in brackets is a misspelt `pause`; without a length, words such as "cause" are not."""
    close = difflib.SequenceMatcher(None, word, "pause").ratio()
    return close >= 0.6 if has_length else close >= 0.8 and set(word) <= set("pause")


def _by_word(pauses: list[tuple[int, float]], starts: list[int]) -> tuple[tuple[int, float], ...]:
    """Return pauses by the number of words that begin before them; several at one position are added up."""
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
        f"contains the markup {what}, which cannot be spoken; remove it. Write pauses as [pause 0.5s] and emphasis as "
        f"*so*. To have it read aloud, put it between backquotes: `{what}`"
    )
