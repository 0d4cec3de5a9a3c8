"""Captions from word times, never outside their step."""

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
"""Columns; a sign of Chinese or Japanese takes two."""

NOTHING = Cue(start_ms=0, end_ms=1, lines=("",))
"""What stands in the `.srt` of a silent film: SubRip has no header, so ffmpeg and mpv refuse a file without a cue."""

RULES = CueRules(width=LINE, count=2, speed=20, least_s=1.0, most_s=7.0, gap_s=0.08, tick_ms=1)
"""Two lines of 42 columns, 20 columns a second and two frames between cues, as Netflix's English guide has them."""


def write_captions(timeline: Timeline, film: Path, language: str) -> tuple[Path, Path]:
    """Write `.srt` and `.vtt` beside the film and return their paths; a silent film has both, without any text."""
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
    """Yield words, those of an unspaced script in the phrases between which a line may end."""
    for word in words:
        whole = TimedText(text=word.text, start_s=word.start_s, end_s=word.end_s)
        yield from split_time(whole, segments.phrases(word.text, language))
