"""Where sentences end, for speech and captions."""

from __future__ import annotations

import pytest

from speech.sentences import ends_sentence


def ends(text: str, language: str = "en-us") -> list[str]:
    """Return the words with which a sentence ends."""
    words = text.split()
    found: list[str] = []
    opens = True
    for place, word in enumerate(words):
        following = words[place + 1] if place + 1 < len(words) else ""
        before = words[place - 1] if place else ""
        opens = ends_sentence(word, following, language, opens=opens, before=before)
        if opens:
            found.append(word)
    return found


@pytest.mark.parametrize(
    ("text", "language", "last"),
    [
        ("Mr. and Mrs. Smith met Dr. Lee. They left.", "en-us", ["Lee.", "left."]),
        ("Houses in the U.S. are dear. The U.S. Army came.", "en-us", ["dear.", "came."]),
        ("He moved to the U.S. They stayed.", "en-us", ["U.S.", "stayed."]),
        ("Bring pens, paper, etc. Then sit.", "en-us", ["etc.", "sit."]),
        ("We meet at 5 p.m. Monday. Come.", "en-us", ["Monday.", "Come."]),
        ("We meet at 5 p.m. Bring pens.", "en-us", ["p.m.", "pens."]),
        ("It took 50 ms. A disk is slower.", "en-us", ["ms.", "slower."]),
        ("Ms. A came.", "en-us", ["came."]),
        ("She lives on Baker St. We do not.", "en-us", ["St.", "not."]),
        ("See St. Mary and No. 5. He said no. Go.", "en-us", ["5.", "no.", "Go."]),
        ("On Dec. 25 we rest.", "en-us", ["rest."]),
        ("1. Open it. 2. Close it.", "en-us", ["it.", "it."]),
        ("“Really?” she asked. (Yes.) Good!", "en-us", ["asked.", "(Yes.)", "Good!"]),
        ("Am 3. Mai war z.B. alles gut. Dann nicht.", "de", ["gut.", "nicht."]),
        ("Wir treffen uns um 3 Uhr bzw. später. Gut.", "de", ["später.", "Gut."]),
        ("他来了。 我走了。", "cmn", ["他来了。", "我走了。"]),
    ],
)
def test_a_sentence_ends_where_a_reader_stops(text: str, language: str, last: list[str]) -> None:
    """Never in a title, an initial, a number or an abbreviation, unless that is the last word of the sentence."""
    assert ends(text, language) == last


@pytest.mark.parametrize(("pause_s", "end"), [(0.1, False), (0.6, True)])
def test_a_pause_decides_about_a_doubtful_end(pause_s: float, end: bool) -> None:
    """If the length of the speaker's pause is known, "etc." ends a sentence only with a pause."""
    assert ends_sentence("etc.", "Then", "en", pause_s=pause_s) is end
    assert ends_sentence("Mr.", "Smith", "en", pause_s=pause_s) is False
