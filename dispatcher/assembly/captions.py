"""Captions from word times: short lines, broken where speech breaks, never outside their step."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from dispatcher.assembly.parts import CLOSERS, Part, joined, parts_of
from dispatcher.assembly.timeline import Clip, Timeline
from media import captions
from media.captions import Cue
from media.columns import columns

LINE = 42
"""Columns; a sign of Chinese or Japanese takes two."""

LINES = 2
PAUSE_S = 0.45
"""A pause this long ends a cue (a sentence's own pause is longer)."""

LINGER_S = 0.3
MIN_S = 0.8
NOTHING = Cue(start_ms=0, end_ms=1, lines=("",))
"""What stands in the `.srt` of a silent film: SubRip has no header, so ffmpeg and mpv refuse a file without a cue."""

_SENTENCE_END = re.compile(rf"[.!?…。！？｡]['\"{re.escape(CLOSERS)}]*$")


def write_captions(timeline: Timeline, film: Path) -> tuple[Path, Path]:
    """Write `.srt` and `.vtt` beside the film and return their paths; a silent film has both, without any text."""
    cues = [cue for start, clip in zip(timeline.starts, timeline.clips, strict=True) for cue in _cues_of(clip, start)]
    srt, vtt = film.with_suffix(".srt"), film.with_suffix(".vtt")
    srt.write_text(captions.srt(cues or [NOTHING]), encoding="utf-8")
    vtt.write_text(captions.vtt(cues), encoding="utf-8")
    return srt, vtt


def _cues_of(clip: Clip, start: float) -> Iterator[Cue]:
    groups = list(_groups(parts_of(clip.words, LINE)))
    for group, following in itertools.zip_longest(groups, groups[1:]):
        latest = following[0].start_s if following else clip.seconds
        end = min(max(group[-1].end_s + LINGER_S, group[0].start_s + MIN_S), latest, clip.seconds)
        yield Cue(
            start_ms=round(1000 * (start + group[0].start_s)),
            end_ms=round(1000 * (start + end)),
            lines=tuple(_lines(group)),
        )


def _groups(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Group parts into cues of at most two lines, broken at sentence ends and pauses."""
    group: list[Part] = []
    for part in parts:
        if group and (_ends(group[-1], part) or len(_filled([*group, part], LINE)) > LINES):
            yield group
            group = []
        group = [*group, part]
    if group:
        yield group


def _ends(last: Part, following: Part) -> bool:
    return bool(_SENTENCE_END.search(last.text)) or following.start_s - last.end_s > PAUSE_S


def _lines(group: Sequence[Part]) -> list[str]:
    """Break a cue into lines of even length."""
    count = len(_filled(group, LINE))
    for width in range(columns(joined(group)) // count, LINE):
        if len(lines := _filled(group, width)) <= count:
            return lines
    return _filled(group, LINE)


def _filled(group: Sequence[Part], width: int) -> list[str]:
    """Return the parts in as few lines of `width` as go; a part that is wider has a line of its own."""
    lines: list[list[Part]] = []
    for part in group:
        if lines and columns(joined([*lines[-1], part])) <= width:
            lines[-1].append(part)
        else:
            lines.append([part])
    return [joined(line) for line in lines]
