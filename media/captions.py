"""Captions as files: SubRip and WebVTT, and a line as Advanced SubStation wants it.

Every sign of a text is shown, and none is taken for a command. WebVTT has a way to write each of them. SubRip has no
rules: ffmpeg, mpv and VLC each know tags, overrides and breaks of their own. A sign that nobody sees keeps those apart,
and a brace is written `\\{`, as ffmpeg and mpv, through libass, show nothing of what stands in plain ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

HARMLESS = "\u2060"
"""Nothing to see, but it keeps a sign from making a command of the letter after it. ffmpeg does the same."""

_OF_SUBRIP = re.compile(
    r"""(?P<apart>
        <                       # before a tag, known or not, closed or not
        | \\(?=[Nnh{}]|$)       # before a break, a hard blank, a brace; at the end of a line, which may become "\\N"
        | &(?=\#?\w+;)          # before an entity
        | (?<=--)(?=>)          # within an arrow, which stands between times
    ) | (?P<brace>\{) (?P<command>(?=\\|\w:))?""",
    re.VERBOSE | re.MULTILINE,
)


@dataclass(frozen=True, kw_only=True)
class Cue:
    """What is shown at one time: from when to when, in milliseconds, and its lines."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def srt(cues: Iterable[Cue]) -> str:
    """Return SubRip."""
    return "".join(_block(number, cue, ",", _subrip_text) for number, cue in enumerate(cues, 1))


def vtt(cues: Iterable[Cue], notes: Iterable[str] = ()) -> str:
    """Return WebVTT; players do not show the notes."""
    head = "".join(f"NOTE {_vtt_text(note)}\n\n" for note in notes)
    return f"WEBVTT\n\n{head}" + "".join(_block(number, cue, ".", _vtt_text) for number, cue in enumerate(cues, 1))


def ass_text(line: str) -> str:
    """Return a line as it stands in a dialogue of Advanced SubStation."""
    return line.replace("\\", "\\" + HARMLESS).replace("{", r"\{").replace("}", r"\}")


def _block(number: int, cue: Cue, point: str, text_of: Callable[[str], str]) -> str:
    times = f"{_time(cue.start_ms, point)} --> {_time(cue.end_ms, point)}"
    lines = "\n".join(map(text_of, cue.lines))
    return f"{number}\n{times}\n{lines}\n\n"


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
