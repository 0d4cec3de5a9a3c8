"""What a tag is: a word or two by which its user finds runs again. The same rule for every command and the dashboard.

It is asked of tags that are given; whatever stands in the database already can be looked for and taken away.
"""

from __future__ import annotations

from collections.abc import Iterable

from protocol.errors import UsageError

LONGEST = 64
SHOWN = 80
"""So many characters of one that is none are told."""


def check_tags(words: Iterable[str]) -> None:
    """Raise UsageError for the first word that is no tag."""
    for word in words:
        is_plain = word.isprintable() and "," not in word and word == word.strip()
        if not (is_plain and 0 < len(word) <= LONGEST):
            raise UsageError(
                f"{word[:SHOWN]!r} is no tag: write 1 to {LONGEST} characters without commas, and no blanks at its ends"
            )
