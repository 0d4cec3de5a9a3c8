"""Aligning the words of a known text with a recording; the test recordings are synthetic."""

from __future__ import annotations

import numpy as np

from speech import align
from tests.support.reference import SAID, recording

RATE = 24_000


def test_words_are_those_of_a_dictionary():
    """Case, punctuation and curly apostrophes are ignored."""
    assert align.plain_words("Don’t stop, “Folder” — 3!") == ["don't", "stop", "folder", "", ""]


def test_a_short_sentence_is_aligned():
    """Every word has a time, in order and within the recording."""
    said = "please open the window"
    samples = recording(said)
    spans = align.align_words(samples, RATE, said)
    assert spans is not None
    edges = [edge for span in spans for edge in span]
    assert len(spans) == 4
    assert edges == sorted(edges)
    assert edges[-1] <= len(samples) / RATE + 0.05


def test_what_is_not_there_is_not_aligned():
    """Silence, unknown words and punctuation alone have no times."""
    assert align.align_words(np.zeros(RATE, np.float32), RATE, SAID) is None
    assert align.align_words(recording(), RATE, "qzxv folder") is None
    assert align.align_words(recording(), RATE, "— !") is None
    assert align.align_words(recording(), RATE, "") is None


def test_a_doubt_tells_what_was_heard(monkeypatch):
    """A text that differs from the rough transcript is reported together with it; a similar one passes."""
    doubt = align.doubt_text(
        recording("please open the window"), RATE, "My cat sleeps under warm blankets every night."
    )
    assert doubt is not None
    assert "has only" in doubt
    monkeypatch.setattr(align, "recognize_roughly", lambda *_: "and all my fellow america and not what your country")
    assert align.doubt_text(recording(), RATE, "And so, my fellow Americans, ask not what your country can do.") is None
    assert "“and all my" in str(align.doubt_text(recording(), RATE, SAID))


def test_texts_are_compared_word_by_word():
    """Order counts, punctuation does not."""
    assert align.similarity("A folder, is!", "a folder is") == 1.0
    assert align.similarity("a b c d", "w x y z") == 0.0
    assert align.letters_per_second("abc, 12", 2.5) == 2.0
