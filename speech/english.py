"""English in full: what a written word is said as. The first rule that fits decides."""

from __future__ import annotations

from speech import code, measures
from speech.near import Near, unwrapped

LONGEST = 400
"""Characters of a word that rules look at; a longer one is not meant to be read."""


def said(near: Near) -> str | None:
    """Return what is said for a word, with what opens and ends it, or None where it is said as it is written."""
    word = near.raw(0)
    if len(word) > LONGEST:
        return None
    opening, core, closing = unwrapped(word)
    if not core or not any(mark.isalnum() for mark in word):
        core = word.rstrip(",.;")  # an operator: its brackets are all there is of it
        opening, closing = "", word[len(core) :]
    spoken = _by_rule(core, near)
    return None if spoken is None else opening + spoken + closing


def _by_rule(core: str, near: Near) -> str | None:
    for form, say in (*measures.RULES, *code.RULES):
        found = form.fullmatch(core)
        if found and (spoken := say(found, near)) is not None:
            return None if spoken == core else spoken
    return None
