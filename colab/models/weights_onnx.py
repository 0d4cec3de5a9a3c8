"""ONNX models: that none of their tensors lies in another file, whose path the model would choose.

An ONNX model is a message of Protocol Buffers. Only the fields that lead to a tensor are followed; the numbers are
those of onnx.proto.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from colab.models.errors import UnsafeWeights

DEPTH_LIMIT = 64
FIELD_LIMIT = 20_000_000

# message: {number of a field: the message in it}
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_GRAPH = 7
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # of a tensor


def check_onnx(path: Path) -> None:
    """Raise UnsafeWeights unless a file is one whole ONNX model, with all its tensors inside."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            if not _walk(data):
                raise UnsafeWeights(f"{path.name} is no ONNX model: it has no graph")
        except (IndexError, ValueError) as problem:
            raise UnsafeWeights(f"{path.name} is no ONNX model, or is torn: {problem}") from problem
        except _External as problem:
            raise UnsafeWeights(
                f"{path.name} is not used: its tensors lie in other files, whose paths it chooses itself. Save it as "
                "one file (onnx.save_model with save_as_external_data=False)"
            ) from problem


class _External(Exception):
    """A tensor lies in another file."""


def _walk(data: mmap.mmap) -> bool:
    """Follow every way to a tensor; say whether there was a graph. Raises ValueError for what is not well-formed."""
    todo = [("model", 0, len(data), 0)]
    graph, count = False, 0
    while todo:
        message, at, end, depth = todo.pop()
        if depth > DEPTH_LIMIT:
            raise ValueError("it is nested too deep")
        for number, value, begin, stop in _fields(data, at, end):
            count += 1
            if count > FIELD_LIMIT:
                raise ValueError("it has too many fields")
            if message == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value)):
                raise _External
            graph = graph or (message == "model" and number == _GRAPH)
            if number in _FIELDS[message] and value is None:
                todo.append((_FIELDS[message][number], begin, stop, depth + 1))
    return graph


def _fields(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int | None, int, int]]:
    """Give the fields of a message: number, value if it is a plain one, and where its bytes are otherwise."""
    while at < end:
        tag, at = _varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        value, stop = None, at
        if wire == 0:
            value, stop = _varint(data, at, end)
        elif wire == 1:
            stop = at + 8
        elif wire == 5:
            stop = at + 4
        elif wire == 2:
            length, at = _varint(data, at, end)
            stop = at + length
        else:
            raise ValueError(f"a field of the unknown type {wire}")
        if stop > end or number == 0:
            raise ValueError("a field that ends outside of its message")
        yield number, (0 if value is None and wire in (1, 5) else value), at, stop
        at = stop


def _varint(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise ValueError("it ends within a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number that does not end")
