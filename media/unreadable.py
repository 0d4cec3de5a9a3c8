"""Why a media file cannot be read, where the file itself says so: cut, encrypted, or a playlist.

Asked of the file and not of ffmpeg, which also of a letter that is called a film says that it found no "moov".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"v=0", b"<ASX", b"<asx")
"""How files begin that only name others: HLS and M3U, ffmpeg's concat, PLS, SDP, ASX."""

_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"styp", b"sidx"})
_LOCKED = frozenset({b"encv", b"enca", b"drms", b"drmi"})
"""The sample entries of Common Encryption (ISO/IEC 23001-7) and of FairPlay."""

_WAY = (b"mdia", b"minf", b"stbl", b"stsd")


@dataclass(frozen=True)
class _Box:
    name: bytes
    start: int  # of what is in it
    end: int  # by what it says itself, in the file or not


ENCRYPTED = "it is encrypted. Give a copy without protection"
_LIST = "it is a playlist, which only names other files. Give the film or the sound that it names"
_CUT = "it ends before its index (moov) does, so it was not copied or recorded to its end. Copy it again"


def why(path: Path) -> str | None:
    """Return what is wrong with a file that could not be read, and the hint; None where the file does not show it."""
    try:
        with path.open("rb") as file:
            head = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
            if head.startswith(PLAYLISTS):
                return _LIST
            if head[4:8] in _BOXES:
                moov = _find(file, b"moov", 0, _size(file))
                if moov is None or moov.end > _size(file):
                    return _CUT
        return ENCRYPTED if is_encrypted(path) else None
    except OSError:  # of the disk, or the file is gone: then it shows nothing
        return None


def is_encrypted(path: Path) -> bool:
    """Say whether a track of an mp4 or a mov is encrypted; of other files, no."""
    with path.open("rb") as file:
        moov = _find(file, b"moov", 0, _size(file))
        if moov is None:
            return False
        tracks = (box for box in _boxes(file, moov.start, moov.end) if box.name == b"trak")
        return any(_is_locked(file, track) for track in tracks)


def _is_locked(file: BinaryIO, track: _Box) -> bool:
    box: _Box | None = track
    for name in _WAY:
        box = box and _find(file, name, box.start, box.end)
    if box is None:
        return False
    entries = 8  # after the version and their number
    return any(entry.name in _LOCKED for entry in _boxes(file, box.start + entries, box.end))


def _find(file: BinaryIO, name: bytes, start: int, end: int) -> _Box | None:
    return next((box for box in _boxes(file, start, end) if box.name == name), None)


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    """Yield the boxes (ISO/IEC 14496-12, 4.2) of a part of a file, the last one whether it is whole or not."""
    end = min(end, _size(file))
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, name, length = *struct.unpack(">I4s", head[:8]), 8
        if size == 1 and len(head) == 16:
            size, length = struct.unpack(">Q", head[8:])[0], 16
        if size == 0:
            size = end - start  # it goes on to the end
        if size < length:
            return
        yield _Box(name, start + length, start + size)
        start += size


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)
