"""Captions from word times; a caption never extends beyond its step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from dispatcher.assembly.timeline import Clip, Timeline, Word
from media import captions
from media.captions import Cue
from media.cues import CueRules, make_cues
from media.timed_text import TimedText, fit_width, split_time
from speech import segments
from speech.breaks import breaks_after

LINE = 42
"""The width of a line in columns; a Chinese or Japanese character takes two."""

NOTHING = Cue(start_ms=0, end_ms=1, lines=("",))
"""The only cue in the `.srt` of a silent video: SubRip has no header, so ffmpeg and mpv reject an empty file."""

RULES = CueRules(width=LINE, count=2, speed=20, least_s=1.0, most_s=7.0, gap_s=0.08, tick_ms=1)
"""Two lines of 42 columns, 20 columns a second and two frames between cues, as in Netflix's English guide."""


def write_captions(timeline: Timeline, film: Path, language: str) -> tuple[Path, Path]:
    """Write `.srt` and `.vtt` beside the video and return their paths; for a silent video they have no text."""
    cues = [
        cue
        for start, clip in zip(timeline.starts, timeline.clips, strict=True)
        for cue in _cues_of(clip, round(1000 * start), language)
    ]
    srt, vtt = film.with_suffix(".srt"), film.with_suffix(".vtt")
    srt.write_text(captions.srt(cues or [NOTHING]), encoding="utf-8")
    vtt.write_text(captions.vtt(cues), encoding="utf-8")
    return srt, vtt


def _cues_of(clip: Clip, start_ms: int, language: str) -> Iterator[Cue]:
    parts = fit_width(_phrases(clip.words, language), clip.seconds, LINE)
    priced = [
        replace(part, break_cost=cost, ends_sentence=ends)
        for part, (cost, ends) in zip(parts, breaks_after(parts, language), strict=True)
    ]
    for cue in make_cues(priced, RULES, clip.seconds):
        yield replace(cue, start_ms=start_ms + cue.start_ms, end_ms=start_ms + cue.end_ms)


def _phrases(words: Sequence[Word], language: str) -> Iterator[TimedText]:
    """Yield the words; a word of a script without spaces is divided where a line may break."""
    for word in words:
        whole = TimedText(text=word.text, start_s=word.start_s, end_s=word.end_s)
        yield from split_time(whole, segments.phrases(word.text, language))
