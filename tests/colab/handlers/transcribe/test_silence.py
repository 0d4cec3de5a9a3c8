"""A long sound is cut in its silences, and always at the same places."""

from __future__ import annotations

import numpy as np
import pytest

from colab.handlers.transcribe.listening import pieces
from colab.handlers.transcribe.silence import cut_near, windows

RATE = 16_000


class Stream:
    """Samples that are read in order."""

    def __init__(self, samples: np.ndarray) -> None:
        self.left = samples

    def read(self, samples: int) -> np.ndarray:
        read, self.left = self.left[:samples], self.left[samples:]
        return read


def noise(seconds: float, *silences: tuple[float, float], level: float = 0.2) -> np.ndarray:
    samples = (np.random.default_rng(3).standard_normal(round(seconds * RATE)) * level).astype(np.float32)
    for start, end in silences:
        samples[round(start * RATE) : round(end * RATE)] *= 0.001
    return samples


def cut(samples: np.ndarray, longest_s: float, begin: int = 0) -> list[tuple[int, int]]:
    found = pieces(Stream(samples), longest_s, begin=begin, look_up=lambda: None)  # type: ignore[arg-type]
    return [(piece.start, piece.end) for piece in found]


def test_the_longest_silence_of_the_window_is_cut_in_its_middle() -> None:
    """A longer one outside of the window does not matter."""
    sound = noise(12, (1, 3), (8.2, 8.5), (9.0, 9.8))
    assert cut_near(sound, 8 * RATE, 10 * RATE) / RATE == pytest.approx(9.4, abs=0.02)


def test_without_a_silence_the_quietest_place_is_taken() -> None:
    """A dip within talk, if there is nothing better."""
    sound = noise(4)
    sound[round(2.5 * RATE) : round(2.6 * RATE)] *= 0.2
    assert cut_near(sound, 2 * RATE, 3 * RATE) / RATE == pytest.approx(2.55, abs=0.1)


def test_pieces_follow_each_other_and_hold_everything() -> None:
    """None is longer than asked for; a second attempt cuts at the same places."""
    sound = noise(20, (4.5, 4.8), (9, 9.3), (13.4, 13.9))
    spans = cut(sound, 5.0)
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    assert (spans[0][0], spans[-1][1]) == (0, sound.size)
    assert all(end - start <= 5 * RATE for start, end in spans)
    assert cut(sound, 5.0, begin=spans[2][0]) == spans[2:]


@pytest.mark.parametrize("samples", [0, 1, 300, 5 * RATE])
def test_a_short_sound_is_one_piece(samples: int) -> None:
    """Also where there is nothing at all."""
    assert cut(noise(6)[:samples], 5.1) == [(0, samples)]


def test_windows_cover_a_sound_without_overlap() -> None:
    """Digital silence and noise alike."""
    for sound in (noise(70), np.zeros(70 * RATE, np.float32)):
        spans = windows(sound, 29.9)
        assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
        assert (spans[0][0], spans[-1][1]) == (0, sound.size)
        assert all(0 < end - start <= 29.9 * RATE for start, end in spans)
