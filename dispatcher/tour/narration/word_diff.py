"""The differences between two texts, word by word, for people to read: in colour or with plain marks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal

Change = Literal["same", "out", "in"]

_TOKEN = re.compile(r"\s+|\w+(?:['’.-]\w+)*|.", re.DOTALL)
_SIGNS = {"same": ("", ""), "out": ("[-", "-]"), "in": ("{+", "+}")}


def changes(before: str, after: str) -> Iterator[tuple[Change, str]]:
    """Yield the pieces of both texts in order: unchanged, removed and added ones."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    for kind, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield "same", "".join(old[old_from:old_to])
            continue
        if old_from < old_to:
            yield "out", "".join(old[old_from:old_to])
        if new_from < new_to:
            yield "in", "".join(new[new_from:new_to])


def plain(before: str, after: str) -> str:
    """Return the changes as one text without colours, in the notation of wdiff: `[-so-]{+we+}`."""
    return "".join(f"{_SIGNS[kind][0]}{text}{_SIGNS[kind][1]}" for kind, text in changes(before, after))
