"""Roman numerals in English, by the word before them: "Louis the fourteenth", but "Chapter four"."""

from __future__ import annotations

import re

from speech import numbers
from speech.abbreviations import STARTERS
from speech.context import Rule, WordContext

_RULERS = (
    "Albert Alexander Alfonso Amenhotep Amenophis Anastasius Artaxerxes Augustus Baldwin Benedict Boniface Carlos "
    "Catherine Charles Christian Clement Conrad Constantine Cyrus Darius David Edward Elizabeth Felipe Ferdinand "
    "Francis Franz Frederick Friedrich George Gregory Gustav Haakon Harald Henri Henry Honorius Innocent Isabella Ivan "
    "James Joao John Joseph Juan Julius Justinian Kenneth Leo Leopold Louis Ludwig Malcolm Manuel Margaret Mary Mehmed "
    "Mindaugas Mithridates Murad Napoleon Nicholas Olaf Oscar Otto Paul Pedro Peter Philip Philippe Pius Ptolemy "
    "Rameses Ramesses Ramses Richard Robert Rudolf Selim Seti Sigismund Sixtus Stephen Suleiman Sultan Theodosius "
    "Thutmose Umberto Urban Valdemar Victor Vittorio Wenceslaus Wilhelm William Wladyslaw Xerxes"
)
_TITLES = "King Queen Pope Emperor Empress Tsar Czar Prince Princess Sultan Pharaoh Duke Elector"
_NUMBERED = (
    "act apollo appendix article book bowl canto case category chapter chapters class division episode exhibit factor "
    "figure final game grade group item lesson level mark module month note olympiad pane panel paragraph part parts "
    "phase plate psalm round schedule scene season section sections series stage step table tier title type types unit "
    "version vol vol. volume war ch. sec. fig. no. pt."
)
RULERS, TITLES, NUMBERED = frozenset(_RULERS.split()), frozenset(_TITLES.split()), frozenset(_NUMBERED.split())
_LETTERED = frozenset(["appendix", "case", "category", "class", "exhibit", "factor", "group", "series", "unit"])
"""After these, a single I, V or X is usually a letter: "Series X"."""

_OF_THE_SPEAKER_WORDS = "am think thought know knew guess believe have would will can could should"
_OF_THE_SPEAKER = frozenset(_OF_THE_SPEAKER_WORDS.split())
"""Before these, "I" is a pronoun: "Mary, I think"."""


def _numeral(found: re.Match[str], context: WordContext) -> str | None:
    value = numbers.roman(found[0])
    if value is None or context.at == 0 or not context.runs_on(-1):
        return None
    before = context.word(-1)
    spoken = str(value)
    if context.lower(1) in {"century", "centuries"} and len(found[0]) > 1:
        return numbers.ordinal(spoken)
    if len(found[0]) == 1 and not _may_be_lone(found[0], context):
        return None
    if before.lower() in NUMBERED:
        return numbers.cardinal(spoken)
    if _is_ruler(context):
        return f"the {numbers.ordinal(spoken)}"
    is_name = before[:1].isupper() and not before.isupper() and before.lower() not in STARTERS
    return numbers.cardinal(spoken) if is_name and len(found[0]) > 1 and set(found[0]) <= set("IVX") else None


def _may_be_lone(letter: str, context: WordContext) -> bool:
    """Say whether a single letter may be a number: "Act V", but not "this part I show", "Series X" or "Malcolm X"."""
    before = context.word(-1)
    if letter not in "IVX" or not before[:1].isupper() or before.lower() in _LETTERED:
        return False
    return not (letter == "I" and context.lower(1) in _OF_THE_SPEAKER) and (before, letter) != ("Malcolm", "X")


def _is_ruler(context: WordContext) -> bool:
    """Say whether the preceding names belong to one person, and one of them is a ruler's."""
    for offset in range(1, 4):
        word = context.word(-offset)
        if word in RULERS or word in TITLES:
            return True
        if not word[:1].isupper() or not context.runs_on(-offset):
            return False
    return False


def _span(found: re.Match[str], context: WordContext) -> str | None:
    low, high = numbers.roman(found[1]), numbers.roman(found[2])
    if low is None or high is None or context.lower(-1) not in NUMBERED:
        return None
    return f"{numbers.cardinal(str(low))} to {numbers.cardinal(str(high))}"


RULES: tuple[Rule, ...] = (
    (re.compile(r"[IVXLC]+"), _numeral),
    (re.compile(r"([IVXLC]+)[-–—]([IVXLC]+)"), _span),
)
