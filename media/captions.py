"""Captions as files: SubRip and WebVTT, and a line as Advanced SubStation wants it.

Every sign of a text is shown, and none is taken for a command. WebVTT has a way to write each of them. SubRip has no
rules: ffmpeg, mpv and VLC each know tags, overrides and breaks of their own. A sign that nobody sees keeps those apart,
and a brace is written `\\{`, as ffmpeg and mpv, through libass, show nothing of what stands in plain ones.

Players of SubRip and of Advanced SubStation lay every line out from left to right, and those of WebVTT take the
direction of a line from its first letter. So lines of Arabic, Hebrew and the like say themselves which way they run.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

HARMLESS = "\u2060"
"""Nothing to see, but it keeps a sign from making a command of the letter after it. ffmpeg does the same."""

_LEFTWARD = frozenset(["R", "AL"])
_OF_SUBRIP = re.compile(
    r"""(?P<apart>
        <                       # before a tag, known or not, closed or not
        | \\(?=[Nnh{}]|$)       # before a break, a hard blank, a brace; at the end of a line, which may become "\\N"
        | &(?=\#?\w+;)          # before an entity
        | (?<=--)(?=>)          # within an arrow, which stands between times
    ) | (?P<brace>\{) (?P<command>(?=\\|\w:))?""",
    re.VERBOSE | re.MULTILINE,
)


EMBED, END = "\u202b", "\u202c"
"""RLE and PDF: what stands between them runs from right to left."""

_MARK = "\u200f"
"""RLM: as the first letter of a line it makes the line run from right to left."""


@dataclass(frozen=True, kw_only=True)
class Cue:
    """What is shown at one time: from when to when, in milliseconds, and its lines."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def srt(cues: Iterable[Cue]) -> str:
    """Return SubRip."""
    return _blocks(cues, ",", lambda line, leftward: embedded(_subrip_text(line), leftward))


def vtt(cues: Iterable[Cue], notes: Iterable[str] = ()) -> str:
    """Return WebVTT; players do not show the notes."""
    head = "".join(f"NOTE {_vtt_text(note)}\n\n" for note in notes)
    return f"WEBVTT\n\n{head}" + _blocks(cues, ".", lambda line, leftward: _MARK * leftward + _vtt_text(line))


def directed(cues: Iterable[Cue]) -> list[tuple[Cue, bool]]:
    """Return each cue and whether it runs from right to left.

    A cue with letters of such a script does so where most words of the whole text do, or most of its own.
    """
    found = list(cues)
    whole = sum(_leftward(line) for cue in found for line in cue.lines)
    return [(cue, _runs_left(cue, whole)) for cue in found]


def embedded(line: str, leftward: bool) -> str:
    """Return a line that says which way it runs, for players that would lay it out from left to right."""
    return f"{EMBED}{line}{END}" if leftward else line


def ass_text(line: str) -> str:
    """Return a line as it stands in a dialogue of Advanced SubStation."""
    return line.replace("\\", "\\" + HARMLESS).replace("{", r"\{").replace("}", r"\}")


def _runs_left(cue: Cue, whole: int) -> bool:
    has_any = any(unicodedata.bidirectional(mark) in _LEFTWARD for line in cue.lines for mark in line)
    return has_any and (whole > 0 or sum(map(_leftward, cue.lines)) > 0)


def _leftward(line: str) -> int:
    """Return how many more words of a text run from right to left than from left to right, by their first letters."""
    firsts = (next((mark for mark in word if mark.isalpha()), "") for word in line.split())
    kinds = [unicodedata.bidirectional(mark) for mark in firsts if mark]
    return sum(1 if kind in _LEFTWARD else -1 for kind in kinds)


def _blocks(cues: Iterable[Cue], point: str, text_of: Callable[[str, bool], str]) -> str:
    return "".join(
        _block(number, cue, point, [text_of(line, leftward) for line in cue.lines])
        for number, (cue, leftward) in enumerate(directed(cues), 1)
    )


def _block(number: int, cue: Cue, point: str, lines: Iterable[str]) -> str:
    times = f"{_time(cue.start_ms, point)} --> {_time(cue.end_ms, point)}"
    return "\n".join([str(number), times, *lines]) + "\n\n"


def _time(milliseconds: int, point: str) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{thousandths:03d}"


def _vtt_text(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _subrip_text(line: str) -> str:
    return _OF_SUBRIP.sub(_apart, line)


def _apart(found: re.Match[str]) -> str:
    if found["brace"] is None:
        return found[0] + HARMLESS
    return "\\{" + (HARMLESS if found["command"] is not None else "")
