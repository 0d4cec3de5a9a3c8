"""The motion of a film's pictures, as vid.stab writes and reads it. Its files are read strictly: nothing is guessed.

A file holds, for each picture, the motion of many small fields since the picture before. Two forms of it exist: text,
which every version knows, and a binary one, which newer versions write unless told otherwise.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protocol.errors import MediaError

FIELD = np.dtype(
    [("vx", "<i2"), ("vy", "<i2"), ("x", "<i2"), ("y", "<i2"), ("size", "<i2"), ("contrast", "<f8"), ("match", "<f8")]
)
"""One field: its motion and its middle in pixels, its size, and how sure that is."""

Fields = NDArray[np.void]

MAX_FIELDS = 100_000
_BINARY, _TEXT = b"TRF1", b"VID.STAB 1\n"
_HEAD = struct.Struct("<iiid")
_FRAME = struct.Struct("<ii")
_LINE = re.compile(rb"Frame (\d{1,9}) \(List (\d{1,6}) \[(.*)\]\)")
_NUMBERS = re.compile(rb"\(LM ([-+.0-9einfa ]+)\)")


def read(path: Path, *, whole: bool = True) -> list[Fields]:
    """Return the fields of every picture in a file; MediaError where it is not what vid.stab writes.

    Of a file that is still being written, not `whole`, what is there of a last picture is left out.
    """
    data = path.read_bytes()
    frames: list[Fields] = []
    try:
        for fields in _binary(data) if data.startswith(_BINARY) else _text(data):
            frames.append(fields)
    except (ValueError, struct.error) as error:
        if whole:
            raise MediaError(f"the motion that was detected cannot be read: {error}") from error
    return frames


def _binary(data: bytes) -> Iterator[Fields]:
    at = len(_BINARY) + _HEAD.size
    _HEAD.unpack_from(data, len(_BINARY))
    expected = 1
    while at < len(data):
        number, count = _FRAME.unpack_from(data, at)
        at += _FRAME.size
        end = at + count * FIELD.itemsize
        if number != expected or not 0 <= count <= MAX_FIELDS or end > len(data):
            raise ValueError(f"picture {expected} is not whole")
        yield np.frombuffer(data, FIELD, count, at)
        at, expected = end, expected + 1


def _text(data: bytes) -> Iterator[Fields]:
    if not data.startswith(_TEXT):
        raise ValueError("it begins with something else")
    lines = [line for line in data[len(_TEXT) :].split(b"\n") if line and not line.startswith(b"#")]
    for expected, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line)
        if found is None or int(found[1]) != expected:
            raise ValueError(f"picture {expected} is not whole")
        fields = [tuple(map(float, numbers.split())) for numbers in _NUMBERS.findall(found[3])]
        if len(fields) != int(found[2]) or any(len(field) != len(FIELD.names or ()) for field in fields):
            raise ValueError(f"picture {expected} has {len(fields)} fields instead of {int(found[2])}")
        yield np.array(fields, FIELD)


def write(path: Path, frames: Sequence[Fields], *, text: bool) -> None:
    """Write the fields of pictures as vid.stab reads them."""
    if text:
        path.write_bytes(_TEXT + b"".join(_as_text(number, fields) for number, fields in enumerate(frames, 1)))
        return
    with path.open("wb") as file:
        file.write(_BINARY + _HEAD.pack(15, 10, 6, 0.25))  # how it was detected: nobody reads that again
        for number, fields in enumerate(frames, 1):
            file.write(_FRAME.pack(number, len(fields)) + fields.tobytes())


def _as_text(number: int, fields: Fields) -> bytes:
    listed = ",".join("(LM {} {} {} {} {} {:f} {:f})".format(*field) for field in fields.tolist())
    return f"Frame {number} (List {len(fields)} [{listed}])\n".encode()


def is_text(path: Path) -> bool:
    """Say whether a file of motions is in the form that every version reads."""
    with path.open("rb") as file:
        return file.read(len(_BINARY)) != _BINARY


def enlarged(looks: Sequence[list[Fields]], factor: int, *, odd_first: bool) -> list[Fields]:
    """Return the motion at full size from looks at a film of a `factor` smaller, each of which it was moved for.

    In look k every second picture was moved by k pixels of the full size before it was made smaller, both ways, so the
    motion between two pictures is off by k, up and down in turn. Looks differ in how that falls between the pixels of
    the small picture: together they tell the motion as finely as one look at the full size. `odd_first` says that the
    first picture here was moved.
    """
    lengths = {len(frames) for frames in looks}
    whole = min(lengths)
    return [_together([frames[place] for frames in looks], factor, place, odd_first) for place in range(whole)]


def _together(looks: Sequence[Fields], factor: int, place: int, odd_first: bool) -> Fields:
    moved = (place % 2 == 1) != odd_first
    parts = []
    for k, small in enumerate(looks):
        large = small.copy()
        off = -k if moved else k
        for axis in ("vx", "vy"):
            large[axis] = small[axis] * factor + off
        for axis in ("x", "y"):
            large[axis] = small[axis] * factor + (factor - 1) // 2
        large["size"] = small["size"] * factor
        parts.append(large)
    return np.concatenate(parts)


@dataclass(frozen=True)
class Motion:
    """The motion of a whole picture since the one before: pixels, radians, and whether it is to be ignored."""

    x: float
    y: float
    angle: float
    ignored: bool = False

    def is_sensible(self, side: int) -> bool:
        """Say whether it can be a motion of pictures whose longer side has so many pixels."""
        values = (self.x, self.y, self.angle)
        return all(map(math.isfinite, values)) and max(map(abs, values[:2])) <= 4 * side and abs(self.angle) <= math.pi


def read_fitted(path: Path) -> list[Motion]:
    """Return the motions that vid.stab has fitted to the fields of each picture, by its own account of them."""
    motions = []
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        if not line.startswith("#") and line.strip():
            words = line.split()
            try:
                _, x, y, angle, _zoom, ignored = map(float, words)
            except ValueError as error:
                raise MediaError(f"the motion that was fitted cannot be read: {line[:80]!r}") from error
            motions.append(Motion(x, y, angle, bool(ignored)))
    return motions


def write_fitted(path: Path, motions: Sequence[Motion]) -> None:
    """Write motions as vid.stab reads them."""
    lines = [f"{n} {m.x:.6f} {m.y:.6f} {m.angle:.6f} 0.000000 {int(m.ignored)}\n" for n, m in enumerate(motions, 1)]
    path.write_text("".join(lines), encoding="ascii")
