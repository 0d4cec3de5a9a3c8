"""Words that a voice cannot read are named."""

from __future__ import annotations

import pytest

from speech.preview import preview
from speech.scripts import advice, unreadable


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("The résumé of José, naïve façade, Zürich, 東京, Москва and שלום.", "en-us", ("東京", "Москва", "שלום")),
        ("“Москва”, then Москва again", "en-us", ("Москва",)),
        ("the angle θ, 5 μs, H₂O, x², ½ and 3ª", "en-us", ()),
        ("Открой Settings и нажми «Сохранить».", "ru", ()),
        ("「保存」ボタンとSettings", "ja", ()),
        ("저장 버튼 (保存)", "ko", ()),
        ("点击 Сохранить", "cmn", ("Сохранить",)),
        ("نص عربي", "ar", ()),
        ("Straße, čeština, Łódź, Tiếng Việt", "de", ()),
        ("नमस्ते दुनिया", "hi", ()),
        ("🎉 done ✅ → next", "en-us", ()),
    ],
)
def test_only_what_cannot_be_read_is_named(text: str, language: str, words: tuple[str, ...]) -> None:
    """Each word once, without its punctuation; every voice can read Latin letters and symbols."""
    assert unreadable(text, language, {}) == words


def test_a_respelled_word_can_be_read() -> None:
    """The lexicon gives its pronunciation."""
    assert unreadable("Welcome to Москва.", "en-us", {"Москва": "Moscow"}) == ()


def test_the_preview_warns() -> None:
    """The author sees the words and the hint before anything is spoken."""
    last = preview("Welcome to 東京.", "en-us", {}).splitlines()[-1]
    assert last == f"  warning: {advice(('東京',), 'en-us')}"
    assert "東京" in last
    assert "lexicon" in last


def test_a_long_list_is_cut() -> None:
    """A narration in another language is one warning of a readable length."""
    words = tuple(f"слово{n}" for n in range(30))
    assert advice(words, "en").count("слово") == 8
    assert "and 22 more" in advice(words, "en")
