"""Phrases in scripts without spaces: Chinese, Japanese and Thai, by BudouX, whose models are in its wheel.

There is no segmenter for Khmer, Lao and Burmese: such a text is one phrase, and is broken between letters if necessary.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import budoux

_STOPS = "。！？｡…，、､；："
_AFTER = "」』）】》〉〕］｝”’)]}"
_CLAUSE = re.compile(rf"[^{_STOPS}]*[{_STOPS}]+[{re.escape(_AFTER)}]*|[^{_STOPS}]+")
_KANA = re.compile("[\u3041-\u30ff\uff66-\uff9f]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_THAI = re.compile("[\u0e01-\u0e5b]")
_TRADITIONAL = ("zh-tw", "zh-hk", "zh-mo", "zh-hant", "yue")
_PARTICLES = frozenset("的了着过吗呢吧们地得")
_NARROW = re.compile(r"[^\W\d_]|[\d_.,'’-]")


def phrases(text: str, language: str) -> list[str]:
    """Split a text without spaces into parts between which it may be broken; joined, they are the text."""
    model = _model(text, language)
    if model is None:
        return [text]
    return [phrase for clause in _CLAUSE.findall(text) for phrase in _merge_fragments(_parser(model).parse(clause))]


def _merge_fragments(parts: Sequence[str]) -> list[str]:
    """Return the parts of a clause, merged where the model split a word.

    A run of single Chinese characters is merged, because some are fragments of a word ("每|天"), and so are Latin words
    and numbers, which the models were not trained to split.
    """
    found: list[str] = []
    lone = False
    for part in parts:
        is_lone = bool(_HAN.fullmatch(part)) and part not in _PARTICLES
        if found and ((lone and is_lone) or part in _PARTICLES or _is_narrow(found[-1][-1] + part[0])):
            found[-1] += part
        else:
            found.append(part)
        lone = is_lone
    return found


def inside_words(parts: Sequence[tuple[str, bool]], language: str) -> list[bool]:
    """Say for each gap between the parts (text, whether a space precedes it) whether it is inside a phrase."""
    inside: list[bool] = []
    for run in _runs(parts):
        starts = set(itertools.accumulate(len(part) for part in phrases("".join(run), language)))
        ends = list(itertools.accumulate(len(text) for text in run))
        inside += [end not in starts for end in ends[:-1]]
        inside.append(False)
    return inside[: max(0, len(parts) - 1)]


def _runs(parts: Sequence[tuple[str, bool]]) -> Iterator[list[str]]:
    run: list[str] = []
    for text, spaced in parts:
        if run and spaced:
            yield run
            run = []
        run.append(text)
    if run:
        yield run


def _is_narrow(pair: str) -> bool:
    return pair.isascii() and all(_NARROW.match(char) for char in pair)


def _model(text: str, language: str) -> str | None:
    if _THAI.search(text):
        return "thai"
    if _KANA.search(text) or (_HAN.search(text) and language.lower().split("-")[0] == "ja"):
        return "japanese"
    if _HAN.search(text):
        return "traditional_chinese" if language.lower().startswith(_TRADITIONAL) else "simplified_chinese"
    return None


@lru_cache(maxsize=4)
def _parser(model: str) -> budoux.Parser:
    import budoux

    loaded: budoux.Parser = getattr(budoux, f"load_default_{model}_parser")()
    return loaded
