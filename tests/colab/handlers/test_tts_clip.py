"""Joining utterances, measured on a made-up engine whose sounds are known to the sample."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import soundfile

from colab.handlers.tts.clip import ClipWriter
from colab.handlers.tts.engine import SpokenText, TimedWord
from colab.handlers.tts.script import Chunk

RATE = 16000


def beep(*, lead_s: float = 0.0, seconds: float = 0.5, tail_s: float = 0.0, words: int = 1) -> SpokenText:
    """A tone that starts and ends abruptly, with silence around it, said to be some words."""
    sound = 0.5 * np.cos(2 * np.pi * 500 * np.arange(round(seconds * RATE)) / RATE)
    samples = np.concatenate([np.zeros(round(lead_s * RATE)), sound, np.zeros(round(tail_s * RATE))])
    edges = np.linspace(lead_s, lead_s + seconds, words + 1)
    edges[0], edges[-1] = 0.0, len(samples) / RATE  # engines count the silence in
    timed = tuple(TimedWord(text="x", start_s=a, end_s=b) for a, b in itertools.pairwise(edges))
    return SpokenText(samples=samples.astype(np.float32), rate=RATE, words=timed, exact=True)


def chunk(*words: int, pause_s: float = 0.4) -> Chunk:
    return Chunk(text=" ".join("x" for _ in words), words=words, pause_s=pause_s)


def test_joins_do_not_click(tmp_path):
    """Sounds that start and end abruptly are faded: no jump at the edges of the clip or at a join."""
    with ClipWriter(tmp_path / "a.wav", ("a", "b"), 1.0) as clip:
        clip.add(beep(), chunk(0, pause_s=0.0))
        clip.add(beep(), chunk(1))
        clip.finish()
    samples, rate = soundfile.read(tmp_path / "a.wav")
    quiet = np.flatnonzero(samples == 0)
    beside = np.unique(np.clip(np.concatenate([quiet - 1, quiet + 1]), 0, len(samples) - 1))
    assert np.abs(samples[beside]).max() < 0.02
    assert rate == 24000


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_silence_is_ours_not_the_engines(tmp_path, speed):
    """However much silence an engine adds, the edges and pauses are the defined ones, divided by the speed."""
    with ClipWriter(tmp_path / "a.wav", ("a", "b"), speed) as clip:
        clip.add(beep(lead_s=0.3, tail_s=0.7), chunk(0, pause_s=0.4))
        clip.add(beep(lead_s=0.1), chunk(1))
        times = clip.finish()
    (_, a_start, a_end), (_, b_start, b_end) = times["words"]
    assert [a_start, a_end - a_start, b_start - a_end, b_end - b_start, times["seconds"] - b_end] == pytest.approx(
        [0.05 / speed, 0.5, 0.4 / speed, 0.5, 0.12 / speed], abs=0.015
    )


def test_pauses_belong_to_no_word(tmp_path):
    """A word ends with its sound, even where the engine counts the pause after it as its time."""
    speech = beep(seconds=0.4)
    silence = np.zeros(round(0.6 * RATE), dtype=np.float32)
    both = SpokenText(
        samples=np.concatenate([speech.samples, silence, speech.samples]),
        rate=RATE,
        words=(TimedWord(text="x", start_s=0.0, end_s=1.0), TimedWord(text="x", start_s=1.0, end_s=1.4)),
        exact=True,
    )
    with ClipWriter(tmp_path / "a.wav", ("a", "b"), 1.0) as clip:
        clip.add(both, chunk(0, 1))
        words = clip.finish()["words"]
    assert words[0][2] == pytest.approx(0.45, abs=0.015)
    assert words[1][1] == pytest.approx(1.05, abs=0.015)


def test_pieces_of_one_word_become_one_time(tmp_path):
    """A written word that is said in parts, even over a join, lasts from its first part to its last."""
    with ClipWriter(tmp_path / "a.wav", ("a", "🍐", "b"), 1.0) as clip:
        clip.add(beep(words=2), chunk(0, 2, pause_s=0.0))
        clip.add(beep(), chunk(2))
        times = clip.finish()
    (_, _, a_end), pear, (_, b_start, b_end) = times["words"]
    assert a_end == pytest.approx(0.3, abs=0.015)
    assert pear == ["🍐", a_end, b_start]
    assert b_end == pytest.approx(1.05, abs=0.06)
    assert times["exact"] is True
