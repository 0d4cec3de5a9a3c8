"""The header of a WAV file from elsewhere, read strictly and in bounded time, before any decoder sees the file.

Only uncompressed samples pass: whatever else a RIFF file may hold (ADPCM, GSM, MP3) would reach a decoder that was not
written for files made to hurt.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from protocol.errors import MediaError

INTEGERS, FLOATS, EXTENSIBLE = 1, 3, 0xFFFE
BITS = {INTEGERS: (8, 16, 24, 32), FLOATS: (32, 64)}
RATES = range(4_000, 384_001)
MAX_CHANNELS = 8
MAX_CHUNKS = 64
MAX_OTHER_BYTES = 1 << 20
"""How much may stand beside the samples: names and remarks."""

MAX_SECONDS = 4 * 3600
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def check(path: Path) -> None:
    """Raise MediaError, saying why, unless `path` is a WAV file of plain samples whose sizes are all true."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            raise MediaError(f"{path.name} is not a WAV file")
        if (told := int.from_bytes(head[4:8], "little") + 8) != size:
            raise MediaError(f"{path.name} is cut: {size} bytes, its header says {told}")
        _check_chunks(path.name, file, size)


def _check_chunks(name: str, file: BinaryIO, size: int) -> None:
    frame, rate, samples, other, chunks = 0, 0, None, 0, 0
    at = 12
    while at < size:
        chunk, length = _chunk(name, file, at, size)
        chunks, at = chunks + 1, at + 8 + length + length % 2
        if chunk == b"fmt ":
            frame, rate = _format(name, file.read(min(length, 64)))
        elif chunk == b"data" and samples is None and frame:
            samples = length
        elif chunk == b"data":
            raise MediaError(f"{name} is not a usable WAV file: its samples stand twice, or before their format")
        else:
            other += length
        if chunks > MAX_CHUNKS or other > MAX_OTHER_BYTES:
            raise MediaError(f"{name} is not a usable WAV file: too much beside the samples")
    if not samples or samples % frame:
        raise MediaError(f"{name} holds no sound" if not samples else f"{name} ends within a frame")
    if samples / frame / rate > MAX_SECONDS:
        raise MediaError(f"{name} lasts longer than {MAX_SECONDS // 3600} hours")


def _chunk(name: str, file: BinaryIO, at: int, size: int) -> tuple[bytes, int]:
    """Return the name and length of the chunk at a place, which must end within the file."""
    file.seek(at)
    head = file.read(8)
    if len(head) < 8 or at + 8 + (length := int.from_bytes(head[4:], "little")) > size:
        raise MediaError(f"{name} is cut: a part of it is longer than the file")
    return head[:4], length


def _format(name: str, fmt: bytes) -> tuple[int, int]:
    """Return the bytes of a frame and the frames a second; MediaError for whatever is not plain samples."""
    if len(fmt) < 16:
        raise MediaError(f"{name} is not a usable WAV file: its format is cut")
    tag, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", fmt[:16])
    if tag == EXTENSIBLE and len(fmt) >= 40 and fmt[26:40] == _SUBFORMAT_TAIL:
        tag = int.from_bytes(fmt[24:26], "little")
    if bits not in BITS.get(tag, ()):
        raise MediaError(f"{name} is not a usable WAV file: not plain samples (coding {tag:#x} of {bits} bits)")
    if not 1 <= channels <= MAX_CHANNELS or rate not in RATES or frame != channels * bits // 8:
        raise MediaError(f"{name} is not a usable WAV file: {channels} channels of {rate} frames a second")
    return frame, rate
