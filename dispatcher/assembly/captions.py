"""Captions from word times: short lines, broken where speech breaks, never outside their step."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pysubs2

from dispatcher.assembly.timeline import Clip, Timeline, Word

LINE = 42
LINES = 2
PAUSE_S = 0.45
"""A pause this long ends a cue (a sentence's own pause is longer)."""

LINGER_S = 0.3
MIN_S = 0.8
_SENTENCE_END = re.compile(r"[.!?…。！？]['\"”’)\]]*$")


def write_captions(timeline: Timeline, film: Path) -> tuple[Path, Path]:
    """Write `.srt` and `.vtt` beside the film and return their paths."""
    subs = pysubs2.SSAFile()
    for start, clip in zip(timeline.starts, timeline.clips, strict=True):
        subs.events.extend(_events(clip, start))
    paths = film.with_suffix(".srt"), film.with_suffix(".vtt")
    for path in paths:
        subs.save(str(path))
    return paths


def _events(clip: Clip, start: float) -> Iterator[pysubs2.SSAEvent]:
    cues = list(_cues(clip.words))
    for cue, following in zip(cues, [*cues[1:], None], strict=True):
        latest = following[0].start_s if following else clip.seconds
        end = min(max(cue[-1].end_s + LINGER_S, cue[0].start_s + MIN_S), latest, clip.seconds)
        yield pysubs2.SSAEvent(
            start=round(1000 * (start + cue[0].start_s)), end=round(1000 * (start + end)), text=r"\N".join(_lines(cue))
        )


def _cues(words: tuple[Word, ...]) -> Iterator[list[Word]]:
    """Group words into cues of at most two lines, broken at sentence ends and pauses."""
    cue: list[Word] = []
    for word in words:
        if cue and (_ends(cue[-1], word) or len(_lines([*cue, word])) > LINES):
            yield cue
            cue = []
        cue = [*cue, word]
    if cue:
        yield cue


def _ends(last: Word, following: Word) -> bool:
    return bool(_SENTENCE_END.search(last.text)) or following.start_s - last.end_s > PAUSE_S


def _lines(cue: list[Word]) -> list[str]:
    """Break a cue into lines of even length."""
    text = " ".join(word.text for word in cue).replace("{", "(").replace("}", ")").replace("\\", "/")
    count = len(textwrap.wrap(text, LINE))
    if count < 2:
        return [text]
    for width in range(len(text) // count, LINE + 1):
        if len(lines := textwrap.wrap(text, width)) <= count:
            return lines
    return textwrap.wrap(text, LINE)
