"""eSpeak's phonemes, written as misaki writes them, and which word each belongs to.

eSpeak says phrases: "of the" is one run of sounds, "1,234" is five. So each word is also asked for alone, and the runs
are given to the words that they fit best.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate

from colab.handlers.tts.espeak_library import Library, opened
from colab.handlers.tts.phonemes import MARKS, Phonemes, Sound, written

_TIED = {"a^ɪ": "I", "a^ʊ": "W", "d^ʒ": "ʤ", "e^ɪ": "A", "t^ʃ": "ʧ", "ɔ^ɪ": "Y"}
_ENGLISH = {
    "ʔˌn\u0329": "ʔn",
    "ʔn\u0329": "ʔn",
    "ə^l": "ᵊl",
    "e": "A",
    "ɚ": "əɹ",
    "r": "ɹ",
    "x": "k",
    "ç": "k",
    "ɐ": "ə",
    "ɬ": "l",
    "ʲ": "",
    "\u0303": "",
    "o": "ɔ",
}
_AMERICAN = {"o^ʊ": "O", "ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɪə": "iə", "ː": "", "ɾ": "T", "ʔ": "t"}
_BRITISH = {"e^ə": "ɛː", "i^ə": "ɪə", "iə": "ɪə", "ə^ʊ": "Q", "ɾ": "T", "ʔ": "t"}
_ELSEWHERE = {"d^z": "ʣ", "o^ʊ": "O", "ə^ʊ": "Q", "s^s": "S", "t^s": "ʦ", "-": ""}

RULES: dict[str, tuple[dict[str, str], ...]] = {
    "en-us": (_TIED, {"o^ʊ": "O"}, _ENGLISH, _AMERICAN),
    "en-gb": (_TIED, {"e^ə": "ɛː", "ə^ʊ": "Q"}, _ENGLISH, _BRITISH),
}
"""What eSpeak (1.52, sounds of a diphthong tied by ^) writes and misaki (0.9) writes instead, in this order.

English has an alphabet of its own; all other languages share `_ELSEWHERE`.
"""

_MARK = "[" + re.escape(MARKS + "¿¡«»") + "]*"
_WORD = re.compile(f"({_MARK})(.*?)({_MARK})", re.DOTALL)
_OTHER_LANGUAGE = re.compile(r"\([^)]*\)")  # espeak's own note "(en)" where it changes its tongue
_COMPOSED = str.maketrans({letter: base + "\u0303" for letter, base in zip("ãẽĩõũ", "aeiou", strict=True)})
_NO_SOUND = str.maketrans(dict.fromkeys("ˈˌː^ "))


@cache
def opened_for(language: str) -> EspeakPhonemes:
    """Return eSpeak for a language. Raises `JobFailed` UNSUPPORTED where it is not installed."""
    return EspeakPhonemes(language)


class EspeakPhonemes:
    """eSpeak as a source of phonemes: always there, a little less sure of English stress than misaki."""

    def __init__(self, language: str) -> None:
        self._language = language
        with opened() as library:
            self.name = f"espeak {library.version()}"
            self._voice = library.languages()[language]

    def __call__(self, text: str) -> Phonemes:
        """Return how a text sounds; punctuation stays where it was written."""
        sounds: list[Sound] = []
        sure = True
        with opened() as library:
            for opening, run, closing in _runs(text.split()):
                found, fits = self._spoken(library, run)
                sure &= fits
                sounds += [(mark, run[0][0]) for mark in opening]
                sounds += found
                sounds += [(mark, run[-1][0]) for mark in [*closing, " "]]
        return written(sounds, sure=sure)

    def _spoken(self, library: Library, run: list[tuple[int, str]]) -> tuple[list[Sound], bool]:
        """Return the sounds of words spoken in one go, and whether every border between them is known."""
        words = [word for _, word in run]
        groups = self._phonemes(library, " ".join(words)).split()
        if len(groups) == len(words) and all(word.isalpha() for word in words):
            return _flat([[(group, place)] for group, (place, _) in zip(groups, run, strict=True)]), True
        alone = [self._phonemes(library, word) for word in words]
        shared, fits = given_to_words(alone, groups)
        return _flat([[(part, run[word][0]) for part, word in group] for group in shared]), fits

    def _phonemes(self, library: Library, text: str) -> str:
        said = _OTHER_LANGUAGE.sub("", library.phonemes(text, self._voice)).translate(_COMPOSED)
        return as_misaki(said, self._language)


def as_misaki(said: str, language: str) -> str:
    """Return eSpeak's phonemes as misaki writes them."""
    for rules in RULES.get(language, (_TIED, _ELSEWHERE)):
        for old in sorted(rules, key=len, reverse=True):
            said = said.replace(old, rules[old])
    if language in RULES:
        said = re.sub(r"(\S)\u0329", r"ᵊ\1", said).replace("\u0329", "")
    return said.replace("^", "")


LONGEST_RUN = 120
"""Characters spoken in one go. A clause of eSpeak's holds 1000 phonemes and drops the others without a word; a digit
may need six."""


LONGEST_WORD, LONGEST_CODE = 40, 16
"""Characters of a word, and of what is spelt out: digits, capitals, signs. A word of eSpeak's holds 200 sounds, and the
letter W alone is nine."""


def _speakable(bare: str) -> list[str]:
    """Cut what is too long for one word of eSpeak's."""
    longest = LONGEST_CODE if any(_is_spelt(mark) for mark in bare[1:]) else LONGEST_WORD
    return [bare[at : at + longest] for at in range(0, len(bare), longest)] or [""]


def _is_spelt(mark: str) -> bool:
    return mark.isupper() or (unicodedata.category(mark)[0] not in "LM" and mark not in "'-")


def _runs(words: Sequence[str]) -> Iterator[tuple[str, list[tuple[int, str]], str]]:
    """Return the words between punctuation: (marks before, [(place, bare word)], marks after)."""
    before = ""
    run: list[tuple[int, str]] = []
    for place, word in enumerate(words):
        matched = _WORD.fullmatch(word)
        assert matched
        opening, bare, closing = matched.groups()
        length = sum(len(said) + 1 for _, said in run) + len(bare)
        if run and (opening or length > LONGEST_RUN):
            yield before, run, ""
            run = []
        before = opening if not run else before
        run += [(place, part) for part in _speakable(bare)]
        if closing:
            yield before, run, closing
            before, run = "", []
    if run:
        yield before, run, ""


def _flat(groups: Sequence[Sequence[tuple[str, int]]]) -> list[Sound]:
    """Join the groups by blanks; a blank belongs to the word before it."""
    sounds: list[Sound] = []
    for group in groups:
        sounds += [(" ", sounds[-1][1])] if sounds else []
        sounds += [(mark, word) for part, word in group for mark in part]
    return sounds


def given_to_words(alone: Sequence[str], groups: Sequence[str]) -> tuple[list[list[tuple[str, int]]], bool]:
    """Share groups of sounds among words that sound like `alone` by themselves: each group as [(part, word)].

    A word takes some groups, or some words share one; whatever leaves the least difference in length.
    """
    shared: list[list[tuple[str, int]]] = []
    sure = True
    for words, taken in _best_fit([_length(said) for said in alone], [_length(group) for group in groups]):
        if len(words) == 1:
            shared += [[(groups[at], words[0])] for at in taken]
        else:
            parts, fits = _split(groups[taken[0]], [_length(alone[word]) for word in words])
            shared.append([(part, word) for part, word in zip(parts, words, strict=True) if part])
            sure &= fits
    return shared, sure


def _length(said: str) -> int:
    return len(said.translate(_NO_SOUND))


_MOST = 40
"""Groups that one word may take: a number of a dozen digits is as long."""


def _best_fit(words: Sequence[int], groups: Sequence[int]) -> list[tuple[range, range]]:
    """Pair runs of words with runs of groups, one of either at most being longer than one, by least difference."""
    of_words, of_groups = [0, *accumulate(words)], [0, *accumulate(groups)]
    best: dict[tuple[int, int], tuple[int, tuple[int, int]]] = {(0, 0): (0, (0, 0))}
    for i in range(len(words) + 1):
        for j in range(len(groups) + 1):
            steps = [(i - 1, j - taken) for taken in range(_MOST)] + [(i - many, j - 1) for many in range(2, 5)]
            options = [
                (best[step][0] + abs(of_words[i] - of_words[step[0]] - of_groups[j] + of_groups[step[1]]), step)
                for step in steps
                if step in best
            ]
            if options:
                best[i, j] = min(options)
    return _path(best, len(words), len(groups))


def _path(best: dict[tuple[int, int], tuple[int, tuple[int, int]]], i: int, j: int) -> list[tuple[range, range]]:
    """Return the steps that lead to (i, j); where none does, all words share each group that is there."""
    if (i, j) not in best:
        return [(range(i - 1, i), range(j))]
    path: list[tuple[range, range]] = []
    while (i, j) != (0, 0):
        before_i, before_j = best[i, j][1]
        path.append((range(before_i, i), range(before_j, j)))
        i, j = before_i, before_j
    return path[::-1]


def _split(group: str, lengths: Sequence[int]) -> tuple[list[str], bool]:
    """Cut a group by the lengths that its words have alone; a stress mark goes with the sound after it."""
    total = max(1, sum(lengths))
    sounds = re.findall(r"[ˈˌ]*[^ˈˌ]ː?", group)
    ends = [round(passed * len(sounds) / total) for passed in accumulate(lengths)]
    parts = ["".join(sounds[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
    return parts, len(sounds) == total
