"""One number of a photo's EXIF data: how its camera was held. Read by ourselves, from the first bytes of the file."""

from __future__ import annotations

import struct
from pathlib import Path

HEAD = 1 << 18
ORIENTATION, SHORT = 0x0112, 3
MOST_ENTRIES = 512

_STARTS = (b"Exif\0\0", b"eXIf")
"""What stands before the data in a JPEG and in a PNG; a TIFF begins with them."""

_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
MIRRORED = frozenset({2, 4, 5, 7})


def is_mirrored(path: Path) -> bool:
    """Say whether a viewer turns the photo over. What is broken or not there says no."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    return _orientation(_data(head)) in MIRRORED


def _data(head: bytes) -> bytes:
    if head[:4] in _ORDERS:
        return head
    found = [(head.find(start), len(start)) for start in _STARTS]
    return next((head[at + length :] for at, length in found if at >= 0), b"")


def _orientation(data: bytes) -> int:
    """Return the number that the first directory of the data gives, 1 if it gives none (TIFF 6.0, section 2)."""
    order = _ORDERS.get(data[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, start)
        for place in range(start + 2, start + 2 + 12 * min(count, MOST_ENTRIES), 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", data, place)
            if (tag, kind) == (ORIENTATION, SHORT):
                return int(value)
    except struct.error:
        pass  # it ends before it says
    return 1
