"""What the bytes of a file say themselves: why it cannot be read, whether it is encrypted, whether a photo is mirrored.

Read here and not by ffmpeg, which reports a missing "moov" even for a text file that is named like a video. Only a few
bytes are read, and every length in them is checked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"v=0", b"<ASX", b"<asx")
"""How playlists begin: HLS and M3U, ffmpeg's concat, PLS, SDP, ASX."""

ENCRYPTED = "it is encrypted. Give a copy without protection"
_PLAYLIST = "it is a playlist, which only names other files. Give the video or audio file that it names"
_TRUNCATED = "it ends before its index (moov), so it was not copied or recorded completely. Copy it again"

_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"styp", b"sidx"})
_ENCRYPTED_ENTRIES = frozenset({b"encv", b"enca", b"drms", b"drmi"})
"""The sample entries of Common Encryption (ISO/IEC 23001-7) and of FairPlay."""

_PATH_TO_ENTRIES = (b"mdia", b"minf", b"stbl", b"stsd")

EXIF_BYTES = 1 << 18
"""How much of a file is searched for EXIF data."""

_ORIENTATION, _SHORT = 0x0112, 3
_MAX_ENTRIES = 512
_EXIF_PREFIXES = (b"Exif\0\0", b"eXIf")
"""What precedes EXIF data in a JPEG and in a PNG; a TIFF begins with the data."""

_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_MIRRORED = frozenset({2, 4, 5, 7})


@dataclass(frozen=True)
class _Box:
    name: bytes
    start: int  # of its content
    end: int  # according to its own size, even beyond the end of the file


def explain_unreadable(path: Path) -> str | None:
    """Return why a file cannot be read, and what to do; None if the file itself does not show it."""
    try:
        with path.open("rb") as file:
            head = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
            if head.startswith(PLAYLISTS):
                return _PLAYLIST
            if head[4:8] in _BOXES:
                moov = _find(file, b"moov", 0, _size(file))
                if moov is None or moov.end > _size(file):
                    return _TRUNCATED
        return ENCRYPTED if is_encrypted(path) else None
    except OSError:  # a disk error, or the file is gone
        return None


def is_encrypted(path: Path) -> bool:
    """Say whether a track of an mp4 or mov file is encrypted; False for any other file."""
    with path.open("rb") as file:
        moov = _find(file, b"moov", 0, _size(file))
        if moov is None:
            return False
        tracks = (box for box in _boxes(file, moov.start, moov.end) if box.name == b"trak")
        return any(_is_track_encrypted(file, track) for track in tracks)


def _is_track_encrypted(file: BinaryIO, track: _Box) -> bool:
    box: _Box | None = track
    for name in _PATH_TO_ENTRIES:
        box = box and _find(file, name, box.start, box.end)
    if box is None:
        return False
    header = 8  # the version and the number of entries
    return any(entry.name in _ENCRYPTED_ENTRIES for entry in _boxes(file, box.start + header, box.end))


def _find(file: BinaryIO, name: bytes, start: int, end: int) -> _Box | None:
    return next((box for box in _boxes(file, start, end) if box.name == name), None)


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    """Yield the boxes (ISO/IEC 14496-12, 4.2) in a part of a file; the last one may be truncated."""
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
            size = end - start  # it extends to the end
        if size < length:
            return
        yield _Box(name, start + length, start + size)
        start += size


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)


def is_mirrored(path: Path) -> bool:
    """Say whether viewers mirror the photo because of its EXIF orientation; False if that is invalid or missing."""
    with path.open("rb") as file:
        head = file.read(EXIF_BYTES)
    return _orientation(_exif_data(head)) in _MIRRORED


def _exif_data(head: bytes) -> bytes:
    if head[:4] in _BYTE_ORDERS:
        return head
    found = [(head.find(prefix), len(prefix)) for prefix in _EXIF_PREFIXES]
    return next((head[at + length :] for at, length in found if at >= 0), b"")


def _orientation(data: bytes) -> int:
    """Return the orientation in the first directory of the data, 1 if there is none (TIFF 6.0, section 2)."""
    order = _BYTE_ORDERS.get(data[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, start)
        for offset in range(start + 2, start + 2 + 12 * min(count, _MAX_ENTRIES), 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", data, offset)
            if (tag, kind) == (_ORIENTATION, _SHORT):
                return int(value)
    except struct.error:
        pass  # the data is truncated
    return 1
