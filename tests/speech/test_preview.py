"""The preview for an author, before anything is spoken."""

from __future__ import annotations

import pytest

from protocol.errors import UsageError
from speech.preview import preview


def test_the_preview_shows_what_is_heard():
    """The complete spoken text with its marks, and each word that is spoken differently, once."""
    told = preview(
        "Pay $3.50 for *main.py* [pause 1s] now, [pause 0.5s] “nginx”! 🎉 $3.50", "en-us", {"nginx": "engine x"}
    )
    assert told.splitlines() == [
        "Pay three dollars and fifty cents for *main* *dot* *P.Y* [pause 1s] now, [pause 0.5s] engine x! three dollars "
        "and fifty cents",
        "  $3.50 → three dollars and fifty cents",
        "  main.py → main dot P.Y",
        "  “nginx”! → engine x!",
        "  🎉 → (silent)",
    ]


def test_plain_words_need_no_lines():
    """If everything is spoken as written, there is only one line."""
    assert preview("It’s well-known — “really”.", "en-us", {}) == "It's well-known, really."
    assert preview("Am 3. Mai um 9:30.", "de", {}) == "Am 3. Mai um 9:30."
    assert preview("[pause 2s]", "en-us", {}) == "[pause 2s]"
    assert preview("", "en-us", {}) == "(nothing is spoken)"


def test_what_cannot_be_spoken_is_said():
    """The same message as when the spec is read."""
    with pytest.raises(UsageError, match="<speak>"):
        preview("<speak>x", "en-us", {})
