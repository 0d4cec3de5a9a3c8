"""Where a text may be broken: what a break between two words costs a reader, from 0 (a sentence ends) upwards.

The costs are relative; they order the rules of subtitling guides: after a sentence, after a clause, before a word that
opens the next phrase; never between an article and its noun, a title and its name, a number and its unit.
"""

from __future__ import annotations

import re

from colab.handlers.transcribe.engine import Word

SENTENCE, CLAUSE, OPENER, PLAIN, CLINGING, BOUND = 0.0, 20.0, 35.0, 70.0, 120.0, 220.0

PAUSE_WORTH = 100.0
LONGEST_PAUSE_S = 1.0
"""A second of silence makes a break so much cheaper, up to a pause that long."""

DOUBTFUL_PAUSE_S = 0.4
"""After "etc." or "U.S." a sentence ends only with a pause, and a capital after it."""

_TRAILING = "\"'”’»)]}」』）"
_LEADING = "\"'“‘«([{「『（¿¡"
_ENDS = ".!?…。！？｡।؟"
_CLAUSE_ENDS = ",;:،、，；：–—"
_NEVER_FIRST = "、。，．！？：；）」』】”’»)]}%,.;:!?…"

_TITLE_WORDS = "mr mrs ms dr prof sr st gen col capt lt sgt rev hon pres gov sen rep mme mlle hr fr no nr"
_SHORT_WORDS = "jr vs etc inc ltd co corp fig approx dept est min max sec ca cf al usw bzw ggf evtl ing mag vol pp ch"
_TITLES = frozenset(_TITLE_WORDS.split())
_SHORTENED = _TITLES | frozenset(_SHORT_WORDS.split())
_BEFORE_NUMBER_WORDS = (
    "page chapter number figure section part version level step about around over under than some nearly almost room "
    "january february march april may june july august september october november december"
)
_BEFORE_NUMBERS = frozenset(_BEFORE_NUMBER_WORDS.split())
_DOTTED = re.compile(r"^(?:[^\W\d_]\.)+$")  # an initial, "e.g.", "U.S."
_NUMBER = re.compile(r"^[\W_]*\d[\d.,:/'’]*[\W_]*$")
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
    "by for from with and or but if as is are was were be been am has have had will would can could should must i you "
    "he she it we they who which that",
    "de": "der die das den dem des ein eine einen einem einer eines mein dein sein ihr unser kein nicht zu von in an "
    "auf mit für und oder aber wenn dass ist sind war hat",
    "fr": "le la les un une des du de au aux mon ton son ma ta sa mes tes ses notre votre leur ce cet cette ces ne à "
    "en et ou mais si que qui est sont",
    "es": "el la los las un una unos unas mi tu su de del al en con por para y o pero si que no es son muy",
    "it": "il lo la i gli le un uno una di del della da in con su per e o ma se che non è sono",
    "pt": "o a os as um uma de do da em no na com por para e ou mas se que não é são",
    "nl": "de het een mijn jouw zijn haar ons hun van in op aan met voor en of maar als dat niet is te",
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
"""They cling to a verb, but may well end a phrase ("for you")."""

_OPENING = {code: frozenset(words.split()) for code, words in _OPENERS.items()}
_CLINGS = {code: frozenset(words.split()) for code, words in _CLINGING.items()}
_SAID_OF = {code: frozenset(words.split()) for code, words in _SUBJECTS.items()}
_NONE: frozenset[str] = frozenset()


def cost(left: Word, right: Word, language: str) -> float:
    """Return what a break between two words costs."""
    pause_s = min(LONGEST_PAUSE_S, max(0.0, right.start_s - left.end_s))
    return max(0.0, _by_words(left, right, language) - PAUSE_WORTH * pause_s)


def ends_sentence(left: Word, right: Word | None) -> bool:
    """Say whether a sentence ends with the first of two words; "Mr." and "3." end none."""
    text = left.text.rstrip(_TRAILING)
    if not text.endswith(tuple(_ENDS)):
        return False
    if right is None or not text.endswith("."):
        return True
    bare = text.lstrip(_LEADING)
    if bare.rstrip(".").casefold() in _TITLES:
        return False
    if _DOTTED.match(bare) or bare.rstrip(".").casefold() in _SHORTENED or _ORDINAL.match(bare):
        capital = right.text.lstrip(_LEADING)[:1].isupper()
        return capital and right.start_s - left.end_s >= DOUBTFUL_PAUSE_S
    return True


def _by_words(left: Word, right: Word, language: str) -> float:
    if not right.spaced and right.text[:1] in _NEVER_FIRST:
        return BOUND
    if ends_sentence(left, right):
        return SENTENCE
    bare = left.text.strip(_TRAILING + _LEADING)
    if _are_bound(bare, right.text.strip(_TRAILING + _LEADING)):
        return BOUND
    if bare.endswith(tuple(_CLAUSE_ENDS)):
        return CLAUSE
    if bare.casefold() in _CLINGS.get(language, _NONE):
        return CLINGING
    if right.text.strip(_TRAILING + _LEADING + _ENDS + _CLAUSE_ENDS).casefold() in _OPENING.get(language, _NONE):
        return OPENER
    return CLINGING if bare.casefold() in _SAID_OF.get(language, _NONE) else PLAIN


def _are_bound(left: str, right: str) -> bool:
    """Say whether two words are one thing: a title and a name, an initial, a number and what it counts, a full name."""
    if left.endswith("."):
        return left.rstrip(".").casefold() in _SHORTENED or bool(_DOTTED.match(left) or _ORDINAL.match(left))
    if _NUMBER.match(left):
        return not left.endswith(tuple(_CLAUSE_ENDS))
    if _NUMBER.match(right):
        return not left.endswith(tuple(_CLAUSE_ENDS)) and left.casefold() in _BEFORE_NUMBERS
    return left[:1].isupper() and right[:1].isupper() and len(left) > 1 and not left.endswith(tuple(_CLAUSE_ENDS))
