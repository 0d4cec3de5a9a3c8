"""The header of an untrusted WAV file, read strictly and in bounded time before any decoder sees the file.

Only uncompressed samples are accepted: anything else in a RIFF file (ADPCM, GSM, MP3) would reach a decoder that was
not written for malicious files.
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
"""How many bytes of metadata are allowed besides the samples."""

MAX_SECONDS = 4 * 3600
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def check(path: Path) -> None:
    """Raise MediaError with the reason, unless `path` is a WAV file of plain samples with correct sizes."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            raise MediaError(f"{path.name} is not a WAV file")
        if (declared := int.from_bytes(head[4:8], "little") + 8) != size:
            raise MediaError(f"{path.name} is truncated or padded: it has {size} bytes, its header says {declared}")
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
            raise MediaError(f"{name} is not a usable WAV file: it has samples twice, or before their format")
        else:
            other += length
        if chunks > MAX_CHUNKS or other > MAX_OTHER_BYTES:
            raise MediaError(f"{name} is not a usable WAV file: too much metadata besides the samples")
    if not samples or samples % frame:
        raise MediaError(f"{name} contains no audio" if not samples else f"{name} ends in the middle of a sample")
    if samples / frame / rate > MAX_SECONDS:
        raise MediaError(f"{name} lasts longer than {MAX_SECONDS // 3600} hours")


def _chunk(name: str, file: BinaryIO, at: int, size: int) -> tuple[bytes, int]:
    """Return the name and length of the chunk at an offset; it must end within the file."""
    file.seek(at)
    head = file.read(8)
    if len(head) < 8 or at + 8 + (length := int.from_bytes(head[4:], "little")) > size:
        raise MediaError(f"{name} is truncated: a chunk of it is longer than the file")
    return head[:4], length


def _format(name: str, fmt: bytes) -> tuple[int, int]:
    """Return the bytes per frame and the frames per second; MediaError for anything but plain samples."""
    if len(fmt) < 16:
        raise MediaError(f"{name} is not a usable WAV file: its format chunk is truncated")
    tag, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", fmt[:16])
    if tag == EXTENSIBLE and len(fmt) >= 40 and fmt[26:40] == _SUBFORMAT_TAIL:
        tag = int.from_bytes(fmt[24:26], "little")
    if bits not in BITS.get(tag, ()):
        raise MediaError(f"{name} is not a usable WAV file: not plain samples (format {tag:#x}, {bits} bits)")
    if not 1 <= channels <= MAX_CHANNELS or rate not in RATES or frame != channels * bits // 8:
        raise MediaError(f"{name} is not a usable WAV file: {channels} channels at {rate} Hz")
    return frame, rate
