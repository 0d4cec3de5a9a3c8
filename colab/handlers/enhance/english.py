"""Rules for English, one function each, on a text whose protected parts are hidden. Numbers are never touched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from speech import abbreviations
from speech.spellings import NAMES

_BEGINS = r"(?:^|(?<=[.!?] )|(?<=[.!?]\n)|(?<=\n\n))"
_APART = r"(?<![\w'’-])"
_DONE = r"(?![\w'’-])"

_NEVER_TWICE = "the|a|an|of|and|or|to|we|you|with|your|our|my|this"
_DOUBLED = re.compile(rf"{_APART}({_NEVER_TWICE})(?:\s+\1)+{_DONE}", re.IGNORECASE)

_HESITATION = r"(?:um+|uh+|uhm+|erm+)"
_HESITATES_FIRST = re.compile(rf"{_BEGINS}{_HESITATION}(?:,|…|\.\.\.)?\s+(?=\w)", re.IGNORECASE)
_HESITATES = re.compile(rf",?\s+{_HESITATION},?(?=\s\w)", re.IGNORECASE)
_FILLER = re.compile(
    rf"{_BEGINS}(?:okay|ok|alright|all right|right|well|so|basically|actually|like|yeah|you know|i mean|"
    r"(?:okay|ok|alright|right|well|yeah) so|so (?:basically|yeah|okay))\s*,\s+(?=\w)",
    re.IGNORECASE,
)
_SO = re.compile(
    rf"{_BEGINS}(?:(?:okay|ok) )?(?:so|basically|so basically) (?=(?:we|you|i|now|here|let's|let’s|let us){_DONE})",
    re.IGNORECASE,
)
_ASIDE = re.compile(r", (?:you know|i mean|like),(?= \w)", re.IGNORECASE)

_WORDY: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"{_APART}{long}{_DONE}", re.IGNORECASE), short)
    for long, short in (
        ("in order to", "to"),
        ("due to the fact that", "because"),
        ("at this point in time", "now"),
        ("in the event that", "if"),
        ("prior to", "before"),
        ("make use of", "use"),
        ("makes use of", "uses"),
        ("utili[sz]e", "use"),
        ("utili[sz]es", "uses"),
        ("utili[sz]ed", "used"),
        ("utili[sz]ing", "using"),
        ("(?:is|are) able to", "can"),
        ("ha(?:s|ve) the ability to", "can"),
        ("a large number of", "many"),
    )
)
_GO_AHEAD = re.compile(rf"{_APART}(g)o ahead and (?=(\w))", re.IGNORECASE)
_CLICK_ON = re.compile(
    rf"{_APART}(click(?:s|ed|ing)?) on(?= (?:the|a|an|this|that|your|any|each){_DONE}| [A-Z“\"\U000f0000-\U000ffffd])",
    re.IGNORECASE,
)
_SPACED_MARK = re.compile(r"(?<=[\w”\"]) +(?=[,;!?.](?:\s|$))")

LONG_SENTENCE = 24
SHORT_HALF = 6
ENDLESS_SENTENCE = 120
"""Words: a sentence longer than the first is split where neither half is shorter than the second; an endless one is
no sentence."""

_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?]+|$|\n)")
_JOINT = re.compile(r", (?P<link>and then|and|but) (?=(?:we|you|they|it|i|this|there|he|she)(?:\s|['’]))")
_UNSAFE = re.compile(
    r"(?:^|(?<=[\s,]))(?:if|when|while|although|though|because|unless|since|whenever|once|until|whether|that|which|who|"
    r"both|either|neither|between|not only|let|lets|before|after)(?=[\s,])|[()\[\]“”\";:—–]",
    re.IGNORECASE,
)

_COMMANDS = (
    """apt awk bash brew cargo conda curl git grep kubectl nginx npm npx pip pipx pnpm sed ssh sudo vim wget zsh"""
)
_STAY_SMALL = frozenset(NAMES) | frozenset(re.findall(r"\w+", _COMMANDS))
_OPENERS, _CLOSERS = "([\"'“‘", ")]\"'”’"
_PAIR = re.compile(r'(?<![\w"])"(?=[^\s"])([^"\n]+)(?<=[^\s"])"(?!\w)')
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])'(?=[^\W\d_])")


def doubled(text: str) -> str:
    """Say once what is never meant twice: "the the"."""
    return _DOUBLED.sub(lambda found: found[1], text)


def fillers(text: str) -> str:
    """Leave out what people say while they think, where a sentence begins or between commas."""
    text = _HESITATES_FIRST.sub("", text)
    text = _ASIDE.sub("", text)
    text = _FILLER.sub("", text)
    text = _SO.sub("", text)
    return _HESITATES.sub("", text)


def wordy(text: str) -> str:
    """Say in one word what is one: "in order to" is "to", and who clicks on a button clicks it."""
    for form, short in _WORDY:
        text = form.sub(lambda found, short=short: _as_high(found[0], short), text)  # type: ignore[misc]
    text = _GO_AHEAD.sub("", text)
    return _CLICK_ON.sub(lambda found: found[1], text)


def spaced_marks(text: str) -> str:
    """Put a comma or a full stop at its word."""
    return _SPACED_MARK.sub("", text)


def shorter_sentences(text: str) -> str:
    """Split long sentences where a whole new one begins after a comma, and nothing hangs on the first half."""
    return _SENTENCE.sub(lambda found: _split(found[0]), text)


def _split(sentence: str) -> str:
    words = len(sentence.split())
    if not LONG_SENTENCE < words <= ENDLESS_SENTENCE or sentence.rstrip().endswith("?"):
        return sentence
    joints = [found for found in _JOINT.finditer(sentence) if _may_split(sentence, found)]
    if not joints:
        return sentence
    middle = min(joints, key=lambda found: abs(2 * len(sentence[: found.start()].split()) - words))
    link = {"and then": "Then ", "but": "But ", "and": ""}[middle["link"]]
    rest = sentence[middle.end() :]
    return f"{sentence[: middle.start()]}. {link}{rest if link else rest[:1].upper() + rest[1:]}"


def _may_split(sentence: str, joint: re.Match[str]) -> bool:
    before, after = sentence[: joint.start()], sentence[joint.end() :]
    halves = (len(before.split()), len(after.split()))
    return min(halves) >= SHORT_HALF and _UNSAFE.search(before) is None and before[-1:].isalnum()


def capitals(text: str) -> str:
    """Begin sentences with a capital, unless their first word is a name or a command that is written small."""
    return "".join(_cased(re.split(r"(\s+)", text)))


def _cased(parts: Iterable[str]) -> Iterator[str]:
    opens = True
    for part in parts:
        if not part or part.isspace():
            yield part
            continue
        yield _capital(part) if opens else part
        opens = _ends_sentence(part)


def _capital(word: str) -> str:
    core = word.lstrip(_OPENERS)
    bare = core.rstrip(_CLOSERS + ".,;:!?…")
    plain = bare.replace("'", "").replace("’", "")
    if not (plain.isascii() and plain.isalpha() and plain.islower()) or bare in _STAY_SMALL:
        return word
    opening = word[: len(word) - len(core)]
    return opening + core[0].upper() + core[1:]


def _ends_sentence(word: str) -> bool:
    core = word.rstrip(_CLOSERS).lstrip(_OPENERS)
    if core[-1:] in ("!", "?"):
        return True
    stem = core[:-1]
    if core[-1:] != "." or not stem.isalpha() or len(stem) < 2:
        return False
    return abbreviations.spoken(core, "en") is None or core.lower() in abbreviations.NEEDS_NUMBER


def quotes(text: str) -> str:
    """Write quotation marks and apostrophes as they are printed."""
    return _APOSTROPHE.sub("’", _PAIR.sub(r"“\1”", text))


def _as_high(written: str, short: str) -> str:
    return short[:1].upper() + short[1:] if written[:1].isupper() else short


WORDS: list[Callable[[str], str]] = [doubled, fillers, wordy, spaced_marks]
"""For every text."""

SENTENCES: list[Callable[[str], str]] = [shorter_sentences, capitals, quotes]
"""For what is spoken and shown; a prompt is no prose."""
