"""Whether a rewritten text is faithful to the original: names, numbers, marks, language, length.

The writer, a model or a remote worker, is never trusted. Problems are described in sentences that can be shown to the
model, and to the user.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from protocol.errors import UsageError
from speech import languages, numbers, protected
from speech.markup import parse

SLACK_WORDS = 3
"""A short text may grow by this much, whatever the factor: "Click Save" may become "Now click the Save button"."""

SLACK_CHARACTERS = 24
_LEAST_SHARE = 0.25
"""An answer shorter than this share of a text of at least `_LEAST_WORDS` words has left something out."""

_LEAST_WORDS = 6
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_MARKDOWN_LINE = re.compile(r"^[ \t]*(?:[-*+•][ \t]|#{1,6}[ \t]|>[ \t]|```|~~~|\d{1,3}[.)][ \t])", re.MULTILINE)
_PREAMBLE = re.compile(
    r"\s*(?:sure|certainly|of course|okay|ok|here(?:'s|’s| is| are)|below is|the following is)?\b[^\n:]{0,80}"
    r"\b(?:rewritten|rewrite|revised|improved|enhanced|polished|edited|refined|updated)\b[^\n:]{0,60}:",
    re.IGNORECASE,
)
_ASSISTANT = re.compile(
    r"\bas an ai\b|\bas a language model\b|\bi(?:'m| am|’m) sorry,? but\b"
    r"|\bi (?:can(?:'|’)?t|cannot) (?:help|assist|comply)\b"
    r"|\blet me know if\b|\bi(?:'ve|’ve| have) (?:rewritten|revised|kept|changed|improved)\b|\bi hope this helps\b",
    re.IGNORECASE,
)
_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»", "'": "'", "‘": "’"}


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How long an answer may be: `factor` times the original, and at most `words` if given."""

    factor: float = 1.2
    words: int | None = None

    def most_words(self, text: str) -> int:
        """Return the most words that the answer to a text may have."""
        own = len(text.split())
        most = max(math.ceil(own * self.factor), own + SLACK_WORDS if self.factor >= 1 else 1)
        return most if self.words is None else min(most, self.words)

    def most_characters(self, text: str) -> int:
        """Return the most characters that the answer may have, for scripts without spaces and for endless words."""
        return math.ceil(len(text) * max(self.factor, 0.1) * 1.25) + SLACK_CHARACTERS


def findings(
    original: str, answer: str, *, glossary: Sequence[str], bounds: Bounds, purpose: str = "narration"
) -> list[str]:
    """Return every reason why an answer must not be used; empty if it may be."""
    if not _has_words(answer) and _has_words(original):
        return ["it is empty"]
    return [
        *_lost_terms(original, answer, glossary),
        *_numbers(original, answer, may_add=purpose == "prompt"),
        *_marks(original, answer),
        *_manners(original, answer),
        *_length(original, answer, bounds),
        *_language(_prose(original, glossary), _prose(answer, glossary)),
        *_speakable(original, answer, purpose),
    ]


def _has_words(text: str) -> bool:
    return any(mark.isalnum() for mark in text)


def _lost_terms(original: str, answer: str, glossary: Sequence[str]) -> Iterator[str]:
    """A term in the text, in whatever case, must be in the answer, spelled as in the glossary or the text."""
    for term in glossary:
        form = re.compile(rf"(?<!\w){re.escape(term)}(?!\w)", re.IGNORECASE)
        written = {found[0] for found in form.finditer(original)}
        if written and not any(found[0] in {*written, term} for found in form.finditer(answer)):
            yield f"the glossary term {term!r} is missing"


def _numbers(original: str, answer: str, *, may_add: bool) -> Iterator[str]:
    """Every number must stay, as often as before, in digits or in English words; no new one may be added."""
    before, after = Counter(_NUMBER.findall(original)), Counter(_NUMBER.findall(answer))
    for number in before - after:
        if not _in_words(number, answer):
            yield f"the number {number} is missing"
    for number in after - before:
        if not may_add and number not in before and not _in_words(number, original):
            yield f"the number {number} is not in the original"


def _in_words(number: str, text: str) -> bool:
    if not (number.isascii() and number.isdigit()):
        return False
    spoken = numbers.cardinal(number) if len(number) <= numbers.LONGEST else numbers.digits(number)
    return re.search(rf"(?<!\w){re.escape(spoken)}(?!\w)", text.casefold().replace("-", " ")) is not None or (
        re.search(rf"(?<!\w){re.escape(spoken)}(?!\w)", text.casefold()) is not None
    )


def _marks(original: str, answer: str) -> Iterator[str]:
    before, after = Counter(protected.marks(original)), Counter(protected.marks(answer))
    for mark in before - after:
        yield f"{_short(mark)} is missing or changed"
    for mark in after - before:
        yield f"{_short(mark)} is not in the original"
    if answer.count("*") > original.count("*"):
        yield "it has stars that are not in the original"
    if len(_MARKDOWN_LINE.findall(answer)) > len(_MARKDOWN_LINE.findall(original)):
        yield "it is written in Markdown"


def _manners(original: str, answer: str) -> Iterator[str]:
    """The answer must be the text and nothing around it."""
    if _PREAMBLE.match(answer) and not _PREAMBLE.match(original):
        yield "it begins with a remark about itself"
    if _ASSISTANT.search(answer) and not _ASSISTANT.search(original):
        yield "it talks to the user"
    if is_quoted(answer) and not is_quoted(original):
        yield "it is in quotation marks"
    if any(_is_control(mark) for mark in answer) or "<|" in answer or "|>" in answer:
        yield "it contains control characters"


def is_quoted(text: str) -> bool:
    """Say whether the whole text is between one pair of quotation marks."""
    bare = text.strip()
    closing = _QUOTES.get(bare[:1])
    return len(bare) > 2 and closing is not None and bare.endswith(closing) and closing not in bare[1:-1]


def _is_control(mark: str) -> bool:
    return mark not in "\n\t" and unicodedata.category(mark) in {"Cc", "Cs", "Co"}


def _length(original: str, answer: str, bounds: Bounds) -> Iterator[str]:
    had, has, most = len(original.split()), len(answer.split()), bounds.most_words(original)
    if has > most:
        yield f"it has {has} words; at most {most} are allowed"
    elif len(answer) > bounds.most_characters(original):
        yield f"it has {len(answer)} characters; at most {bounds.most_characters(original)} are allowed"
    wanted = _LEAST_SHARE * min(had, most)
    if had >= _LEAST_WORDS and has < wanted:
        yield f"it has only {has} words of {had}: something is left out"


def _prose(text: str, glossary: Sequence[str]) -> str:
    """Return a text without names and code, which do not belong to a language."""
    try:
        hidden, _ = protected.hide(text, glossary)
    except ValueError:
        return text
    return hidden


def _language(original: str, answer: str) -> Iterator[str]:
    if (before := languages.script(original)) != (after := languages.script(answer)) and before and after:
        yield f"it is written in {after.title()} instead of {before.title()} letters"
        return
    expected, found = languages.guess(original), languages.guess(answer)
    if expected and found and expected != found:
        yield f"its language seems to be {found}, not {expected}"


def _speakable(original: str, answer: str, purpose: str) -> Iterator[str]:
    """An answer to a narration that can be spoken must also be speakable."""
    problem = _problem(answer) if purpose == "narration" else None
    if problem is not None and _problem(original) is None:
        yield f"it {problem}"


def _problem(text: str) -> str | None:
    try:
        parse(text)
    except UsageError as wrong:
        return str(wrong)
    return None


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}…")
