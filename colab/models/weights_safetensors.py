"""The header of a safetensors file: that it describes exactly the bytes that follow.

The rules are those of the format's own description: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from colab.models.errors import UnsafeWeights

HEADER_LIMIT = 100_000_000  # bytes; the format's own
TENSOR_LIMIT = 1_000_000

BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


def check_safetensors(path: Path) -> None:
    """Raise UnsafeWeights unless the tensors lie one behind the other and fill the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(HEADER_LIMIT, size - 8):
            _wrong(path, "its header is longer than the file or than the format allows; the download may have been cut")
        raw = file.read(length)
    at = 0
    for begin, end, name in sorted(_places(path, _header(path, raw))):
        if begin != at:
            _wrong(path, f"the tensor {name!r} does not begin where the one before it ends")
        at = end
    if at != size - 8 - length:
        _wrong(path, f"its tensors have {at} bytes, and {size - 8 - length} are there; the download may have been cut")


def _header(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as problem:
        raise UnsafeWeights(f"{path.name} is no safetensors file: its header is not JSON ({problem})") from problem
    if not isinstance(header, dict) or len(header) > TENSOR_LIMIT:
        _wrong(path, "its header is no list of tensors")
    told = header.pop("__metadata__", {})
    if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
        _wrong(path, "its metadata is not made of texts")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _places(path: Path, header: dict[str, Any]) -> list[tuple[int, int, str]]:
    """Return where each tensor begins and ends, and its name."""
    found = []
    for name, tensor in header.items():
        match tensor:
            case {"dtype": str(kind), "shape": list(shape), "data_offsets": [int(begin), int(end)]} if (
                kind in BITS and all(_is_count(value) for value in [*shape, begin, end])
            ):
                if 8 * (end - begin) != BITS[kind] * math.prod(shape):
                    _wrong(path, f"the tensor {name[:80]!r} has not as many bytes as its shape says")
                found.append((begin, end, name[:80]))
            case _:
                _wrong(path, f"the tensor {name[:80]!r} is of no type that is known, or has no place")
    return found


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 48


def _wrong(path: Path, why: str) -> NoReturn:
    raise UnsafeWeights(f"{path.name} is not used: {why}")
