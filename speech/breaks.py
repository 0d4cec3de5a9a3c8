"""Where captions may be broken: how much a break between two words disturbs a reader, from 0 (a sentence ends) upwards.

The costs are relative; they rank the rules of subtitling guides: after a sentence, after a clause, before a word that
begins the next phrase; never between an article and its noun, a title and its name, a number and its unit, nor inside a
word of a script without spaces.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Protocol

from speech import segments
from speech.sentences import CLOSERS, OPENERS, ends_sentence, is_abbreviation

SENTENCE, CLAUSE, OPENER, PLAIN, CLINGING, BOUND = 0.0, 20.0, 35.0, 70.0, 120.0, 220.0

PAUSE_WORTH = 100.0
LONGEST_PAUSE_S = 1.0
"""How much cheaper a second of silence makes a break, for pauses of up to `LONGEST_PAUSE_S`."""

_ENDS = ".!?…。！？｡।؟"
_CLAUSE_ENDS = ",;:،、，；：–—"
_NEVER_FIRST = "、。，．！？：；）」』】”’»)]}%,.;:!?…"

_BEFORE_NUMBER_WORDS = (
    "page chapter number figure section part version level step about around over under than some nearly almost room "
    "january february march april may june july august september october november december port error python line"
)
_BEFORE_NUMBERS = frozenset(_BEFORE_NUMBER_WORDS.split())
_NUMBER = re.compile(r"^[\W_]*\d[\d.,:/'’]*[\W_]*$")
_DAY, _YEAR = re.compile(r"[0-9]{1,2}(?:st|nd|rd|th)?,"), re.compile(r"(?:1[1-9]|20)[0-9]{2}\b")
_ORDINAL = re.compile(r"^\d{1,2}\.$")

_OPENERS = {
    "en": "and but or nor so because although though while when where who which that if unless until since as than "
    "with without from for in on at to of by about into over after before between through under against",
    "de": "und aber oder denn weil obwohl während wenn als dass ob der die das mit ohne von für in an auf zu bei nach",
    "fr": "et mais ou donc car parce que quand lorsque si qui dont où avec sans de pour dans sur à par après avant",
    "es": "y pero o porque aunque cuando donde que si con sin de para en sobre por desde hasta entre",
    "it": "e ma o perché quando dove che se con senza di per in su da tra fra dopo prima",
    "pt": "e mas ou porque quando onde que se com sem de para em sobre por desde até entre",
    "nl": "en maar of want omdat hoewel terwijl wanneer als dat die met zonder van voor in op aan te bij na",
}
_CLINGING = {
    "en": "a an the my your his her its our their this these those some any no every each very too not to of in on at "
    "by for from with and or but nor so if as is are was were be been am has have had will would can could should must "
    "may might do does did i you he she it we they who which that whose when where while because into onto over under "
    "between through about after before without within against than then both either neither such another other only "
    "more most less least also just even one two three own same several many few there's it's i'm you're we're they're "
    "don't doesn't didn't can't won't isn't",
    "de": "der die das den dem des ein eine einen einem einer eines mein dein sein ihr unser kein nicht zu von in an "
    "auf mit für und oder aber wenn dass ist sind war hat im am zum zur vom beim als bei nach durch über unter sehr",
    "fr": "le la les un une des du de au aux mon ton son ma ta sa mes tes ses notre votre leur ce cet cette ces ne à "
    "en et ou mais si que qui est sont pour par sur dans avec sans très plus",
    "es": "el la los las un una unos unas mi tu su de del al en con por para y o pero si que no es son muy sin sobre",
    "it": "il lo la i gli le un uno una di del della da in con su per e o ma se che non è sono al alla nel nella",
    "pt": "o a os as um uma de do da em no na com por para e ou mas se que não é são ao à",
    "nl": "de het een mijn jouw zijn haar ons hun van in op aan met voor en of maar als dat niet is te door over",
}
_SUBJECTS = {
    "en": "i you he she it we they",
    "de": "ich du er sie es wir",
    "fr": "je tu il elle on nous vous ils elles",
    "es": "yo tú él ella",
    "it": "io tu lui lei",
    "pt": "eu tu ele ela",
    "nl": "ik jij hij zij wij",
}
"""They belong to a verb, but may also end a phrase ("for you")."""

_OPENING = {code: frozenset(words.split()) for code, words in _OPENERS.items()}
_SAID_OF = {code: frozenset(words.split()) for code, words in _SUBJECTS.items()}
_CLINGS = {code: frozenset(words.split()) - _SAID_OF[code] for code, words in _CLINGING.items()}
_NONE: frozenset[str] = frozenset()


class Timed(Protocol):
    """A written word, or a part of one, and when it is spoken. `spaced` says that a space precedes it."""

    @property
    def text(self) -> str: ...
    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...
    @property
    def spaced(self) -> bool: ...


def breaks_after(words: Sequence[Timed], language: str) -> list[tuple[float, bool]]:
    """Return for each word the cost of a break after it, and whether a sentence ends with it."""
    ends = sentence_ends(words, language)
    inside = segments.inside_words([(word.text, word.spaced) for word in words], language)
    prices = [
        BOUND if inside[place] else _cost(left, right, ends[place], language)
        for place, (left, right) in enumerate(itertools.pairwise(words))
    ]
    return list(zip([*prices, SENTENCE], ends, strict=True)) if words else []


def sentence_ends(words: Sequence[Timed], language: str) -> list[bool]:
    """Say of each word whether a sentence ends with it."""
    found: list[bool] = []
    for place, word in enumerate(words):
        right = words[place + 1] if place + 1 < len(words) else None
        found.append(
            ends_sentence(
                word.text,
                right.text if right else "",
                language,
                opens=not found or found[-1],
                pause_s=max(0.0, right.start_s - word.end_s) if right else None,
                before=words[place - 1].text if place else "",
            )
        )
    return found


def _cost(left: Timed, right: Timed, ends: bool, language: str) -> float:
    if not any(char.isalnum() for char in right.text):
        return BOUND  # a lone dash or emoji stays with the preceding word
    pause_s = min(LONGEST_PAUSE_S, max(0.0, right.start_s - left.end_s))
    return max(0.0, _by_words(left, right, ends, language.split("-")[0]) - PAUSE_WORTH * pause_s)


def _by_words(left: Timed, right: Timed, ends: bool, language: str) -> float:
    if not right.spaced and right.text[:1] in _NEVER_FIRST:
        return BOUND
    if ends:
        return SENTENCE
    bare, following = left.text.strip(CLOSERS + OPENERS), right.text.strip(CLOSERS + OPENERS)
    if _are_bound(bare, following, language):
        return BOUND
    if bare.endswith(tuple(_CLAUSE_ENDS)):
        return CLAUSE
    if bare.casefold() in _CLINGS.get(language, _NONE):
        return CLINGING
    if following.strip(_ENDS + _CLAUSE_ENDS).casefold() in _OPENING.get(language, _NONE):
        return OPENER
    return CLINGING if bare.casefold() in _SAID_OF.get(language, _NONE) else PLAIN


def _are_bound(left: str, right: str, language: str) -> bool:
    """Say whether two words form a unit: a title and a name, an initial, a number and what it counts, a full name."""
    if left.endswith("."):
        return bool(_ORDINAL.match(left)) or is_abbreviation(left, right, language)
    if left.endswith(tuple(_CLAUSE_ENDS)):
        return bool(_DAY.fullmatch(left) and _YEAR.match(right))  # "May 5, 2026"
    if _NUMBER.match(left):
        return not (
            right.casefold() in _OPENING.get(language, _NONE) or right.casefold() in _CLINGS.get(language, _NONE)
        )
    if _NUMBER.match(right):
        return left.casefold() in _BEFORE_NUMBERS or left[:1].isupper()
    return left[:1].isupper() and right[:1].isupper() and len(left) > 1
