"""Guessing the language of a text from its most common words and its script. Cheap, without a model."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from itertools import islice

_COMMON: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the and of to is are you we this that it with for on your can will from have be in as here now now's "
        "then its our at by not they which when if click open see how what so",
        "de": "der die das und ist sind wir sie ihr ihre mit für auf ein eine einen nicht zu den dem im von hier dann "
        "auch wird können wenn es als oder aus bei man noch",
        "fr": "le la les et est sont nous vous avec pour sur un une des du dans pas ici puis au aux ce cette qui que "
        "votre notre il elle ne en peut",
        "es": "el la los las y es son con para en un una del no aquí se que su por lo como más este esta puede hay",
        "it": "il la le gli e è sono con per in un una del della non qui si che di da questo questa come più può",
        "pt": "o a os as e é são com para em um uma do da não aqui se que no na seu sua por como mais este esta pode",
        "nl": "de het een en is zijn we je met voor op niet hier dan van in dat die te ook kan wordt uw deze dit",
    }.items()
}
_LOOKED_AT = 4000
"""The most words that are examined; far fewer are usually enough."""

_WORD = re.compile(r"[^\W\d_]+")
_SURE_HITS = 2
_SURE_LEAD = 1.5


def guess(text: str) -> str | None:
    """Return the two-letter language code, or None if it is unclear."""
    words = [found[0] for found in islice(_WORD.finditer(text.casefold()), _LOOKED_AT)]
    hits = sorted(((sum(map(common.__contains__, words)), name) for name, common in _COMMON.items()), reverse=True)
    (most, best), (next_most, _) = hits[0], hits[1]
    return best if most >= _SURE_HITS and most >= _SURE_LEAD * next_most else None


def script(text: str) -> str | None:
    """Return the script of most letters, such as LATIN or CYRILLIC; None for a text without letters."""
    letters = Counter(islice((char for char in text if char.isalpha()), _LOOKED_AT))
    names: Counter[str] = Counter()
    for letter, count in letters.items():
        names[family(letter)] += count
    return names.most_common(1)[0][0] if names else None


@lru_cache(maxsize=4096)
def family(letter: str) -> str:
    """Return the script of a letter, such as LATIN; Chinese and Japanese count as CJK."""
    name = unicodedata.name(letter, "UNKNOWN").split()[0]
    return "CJK" if name in {"CJK", "HIRAGANA", "KATAKANA", "FULLWIDTH", "HALFWIDTH"} else name
