"""Captions as files: SubRip and WebVTT, and the text of a line in Advanced SubStation.

Every character of a text is displayed, and none acts as a command. WebVTT can escape all of them. SubRip has no rules:
ffmpeg, mpv and VLC each know their own tags, overrides and line breaks. An invisible character breaks these up, and a
brace is written as `\\{`, because ffmpeg and mpv, through libass, hide what is between plain braces.

Players of SubRip and Advanced SubStation lay out every line from left to right, and those of WebVTT take the direction
of a line from its first letter. So lines in Arabic, Hebrew and similar scripts carry direction marks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

WORD_JOINER = "\u2060"
"""An invisible character that keeps the one before it from forming a command with the next. ffmpeg does the same."""

_RTL = frozenset(["R", "AL"])
_SUBRIP_SPECIAL = re.compile(
    r"""(?P<special>
        <                       # before a tag, known or not, closed or not
        | \\(?=[Nnh{}]|$)       # before a break, a hard space, a brace; at the end of a line, which may become "\\N"
        | &(?=\#?\w+;)          # before an entity
        | (?<=--)(?=>)          # within an arrow, which separates two times
    ) | (?P<brace>\{) (?P<command>(?=\\|\w:))?""",
    re.VERBOSE | re.MULTILINE,
)


EMBED, END = "\u202b", "\u202c"
"""RLE and PDF: the text between them runs from right to left."""

_MARK = "\u200f"
"""RLM: at the start of a line, it makes the line run from right to left."""


@dataclass(frozen=True, kw_only=True)
class Cue:
    """One caption: its start and end in milliseconds, and its lines."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def srt(cues: Iterable[Cue]) -> str:
    """Return the cues as SubRip."""
    return _blocks(cues, ",", lambda line, is_rtl: mark_direction(_subrip_text(line), is_rtl))


def vtt(cues: Iterable[Cue], notes: Iterable[str] = ()) -> str:
    """Return the cues as WebVTT; players do not show the notes."""
    head = "".join(f"NOTE {_vtt_text(note)}\n\n" for note in notes)
    return f"WEBVTT\n\n{head}" + _blocks(cues, ".", lambda line, is_rtl: _MARK * is_rtl + _vtt_text(line))


def with_direction(cues: Iterable[Cue]) -> list[tuple[Cue, bool]]:
    """Return each cue, and whether it runs from right to left.

    A cue with right-to-left letters does so if most words of the whole text do, or most of its own.
    """
    found = list(cues)
    balance = sum(_rtl_balance(line) for cue in found for line in cue.lines)
    return [(cue, _is_rtl(cue, balance)) for cue in found]


def mark_direction(line: str, is_rtl: bool) -> str:
    """Return a line with direction marks, for players that would lay it out from left to right."""
    return f"{EMBED}{line}{END}" if is_rtl else line


def ass_text(line: str) -> str:
    """Return a line escaped for a dialogue event of Advanced SubStation."""
    return line.replace("\\", "\\" + WORD_JOINER).replace("{", r"\{").replace("}", r"\}")


def _is_rtl(cue: Cue, balance: int) -> bool:
    has_any = any(unicodedata.bidirectional(char) in _RTL for line in cue.lines for char in line)
    return has_any and (balance > 0 or sum(map(_rtl_balance, cue.lines)) > 0)


def _rtl_balance(line: str) -> int:
    """Return how many more words of a text run from right to left than from left to right, by their first letters."""
    firsts = (next((char for char in word if char.isalpha()), "") for word in line.split())
    kinds = [unicodedata.bidirectional(char) for char in firsts if char]
    return sum(1 if kind in _RTL else -1 for kind in kinds)


def _blocks(cues: Iterable[Cue], point: str, text_of: Callable[[str, bool], str]) -> str:
    return "".join(
        _block(number, cue, point, [text_of(line, is_rtl) for line in cue.lines])
        for number, (cue, is_rtl) in enumerate(with_direction(cues), 1)
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
    return _SUBRIP_SPECIAL.sub(_escape, line)


def _escape(found: re.Match[str]) -> str:
    if found["brace"] is None:
        return found[0] + WORD_JOINER
    return "\\{" + (WORD_JOINER if found["command"] is not None else "")
