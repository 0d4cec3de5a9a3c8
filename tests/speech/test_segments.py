"""Scripts without spaces are broken between phrases, and breaks inside a phrase are recognised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.segments import inside_words, phrases


@pytest.mark.parametrize(
    ("text", "language", "parts"),
    [
        (
            "ここでは、毎朝みなさんが開いている三つのグラフを見ていきます。",
            "ja",
            "ここでは、|毎朝みなさんが|開いている|三つの|グラフを|見ていきます。",
        ),
        (
            "「保存」ボタンを押してから、少々お待ちください。",
            "ja",
            "「保存」|ボタンを|押してから、|少々|お待ちください。",
        ),
        ("大多数人每天早上都会打开的三个图表。", "cmn", "大多数|人每天|早上|都会|打开的|三个|图表。"),
        ("我们用Python3.11写代码，在GitHub上。", "zh", "我们|用|Python3.11|写|代码，|在|GitHub上。"),
        ("don't", "en-us", "don't"),
        ("Привет", "ru", "Привет"),
    ],
)
def test_phrases_are_not_torn(text: str, language: str, parts: str) -> None:
    """Japanese is split after particles, Chinese between words, other scripts not at all."""
    assert "|".join(phrases(text, language)) == parts


def test_a_gap_within_a_word_is_known() -> None:
    """A break after the first half of a word is recognised, whatever parts a recogniser produced."""
    assert inside_words([("グラ", True), ("フを", False), ("見て", False), ("いきます。", False)], "ja") == [
        True,
        False,
        True,
    ]
    assert inside_words([("one", True), ("two", True)], "en") == [False]
    assert inside_words([], "en") == []


@given(
    st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=80),
    st.sampled_from(["ja", "zh", "th", "en"]),
)
def test_nothing_is_lost(text: str, language: str) -> None:
    """Joined, the phrases are the text, and none is empty."""
    assert "".join(phrases(text, language)) == text
    assert all(phrases(text, language))
