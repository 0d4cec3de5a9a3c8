"""Captions: short lines, broken where speech breaks, inside their step."""

from __future__ import annotations

import itertools
from pathlib import Path

import pysubs2
import pytest

from dispatcher.assembly.captions import LINE, write_captions
from dispatcher.assembly.timeline import Clip, Timeline, Word


def spoken(text: str, pace: float = 0.3) -> tuple[Word, ...]:
    """Return word times at an even pace."""
    return tuple(Word(text=word, start_s=n * pace, end_s=(n + 0.9) * pace) for n, word in enumerate(text.split()))


def captions(tmp_path: Path, *clips: Clip) -> list[pysubs2.SSAEvent]:
    """Return the cues that are written for these clips."""
    srt, vtt = write_captions(Timeline(clips), tmp_path / "film.mp4")
    assert vtt.read_text(encoding="utf-8").startswith("WEBVTT")
    return list(pysubs2.load(str(srt)))


def clip(text: str, seconds: float = 30, pace: float = 0.3) -> Clip:
    """Return a step that speaks a text."""
    return Clip(step_id="a", title="A", take=Path("t.mkv"), frames=round(seconds * 30), words=spoken(text, pace))


def test_cues_have_at_most_two_short_lines(tmp_path: Path) -> None:
    """A long sentence is spread over cues of two lines of at most 42 letters, and no word is lost."""
    text = " ".join(f"word{n}" for n in range(60)) + "."
    cues = captions(tmp_path, clip(text))
    lines = [line for cue in cues for line in cue.plaintext.split("\n")]
    assert max(map(len, lines)) <= LINE
    assert max(len(cue.plaintext.split("\n")) for cue in cues) == 2
    assert " ".join(lines) == text


def test_a_sentence_ends_a_cue(tmp_path: Path) -> None:
    """Two sentences never share a cue."""
    assert [cue.plaintext for cue in captions(tmp_path, clip("One here. Two there."))] == ["One here.", "Two there."]


def test_cues_neither_overlap_nor_leave_their_step(tmp_path: Path) -> None:
    """Each cue ends before the next begins, and the last with its step, although it would linger."""
    cues = captions(tmp_path, clip("One. Two. Three.", seconds=0.9), clip("Four."))
    for cue, following in itertools.pairwise(cues):
        assert cue.end <= following.start
    assert cues[2].end <= 900
    assert cues[3].start == pytest.approx(900, abs=1)


def test_times_are_those_of_the_words(tmp_path: Path) -> None:
    """A cue appears with its first word."""
    cues = captions(tmp_path, clip("One here. Two there.", pace=0.5))
    assert [cue.start for cue in cues] == [0, 1000]


def test_markup_in_narration_is_text(tmp_path: Path) -> None:
    """Braces and backslashes would be commands to a subtitle player; they are shown as plain signs."""
    assert captions(tmp_path, clip(r"{\b1}bold"))[0].plaintext == "(/b1)bold"
