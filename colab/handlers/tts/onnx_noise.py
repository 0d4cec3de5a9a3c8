"""Models that draw random numbers, made to say the same thing every time.

Kokoro's decoder draws the noise of breath and consonants by ONNX's Random… operators. A session goes on drawing from
one run to the next, whatever the seed (microsoft/onnxruntime issue 20054), so the same text would never give the same
samples. Here each such operator is replaced by a read from a fixed table of noise.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from protocol.errors import JobFailed
from usertext import installing

OPERATORS = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike")

TABLE = 1_048_573
"""Values before the noise begins again; a prime, so that channels side by side do not fall into step."""

_SEED = 20_241_227
_NORMAL, _UNIFORM = "gpudrop.normal", "gpudrop.uniform"
_FLOAT = 1  # TensorProto.FLOAT


def draws(model: Path) -> bool:
    """Say whether a model file may draw random numbers: whether it names such an operator."""
    if model.stat().st_size == 0:
        return False
    with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(name.encode()) >= 0 for name in OPERATORS[:2])


def steady(model: Path) -> bytes:
    """Return the model with fixed noise. Raises `JobFailed`: UNSUPPORTED without the package onnx, ENGINE if torn."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
        from onnx import inliner, numpy_helper
    except ImportError as missing:
        raise JobFailed(
            f"{model.name} draws random numbers, which would make every result another: {installing.install('onnx')}",
            code="UNSUPPORTED",
        ) from missing
    try:
        loaded = onnx.load(str(model))
    except DecodeError as torn:
        raise JobFailed(
            f"{model.name} is no ONNX model, or it is torn; remove the file, and it is fetched again", code="ENGINE"
        ) from torn
    if loaded.functions:
        loaded = inliner.inline_local_functions(loaded)  # inside a function, the tables cannot be seen
    count = _replace(loaded.graph, 0)
    if count:
        random = np.random.default_rng(_SEED)
        tables = {
            _NORMAL: random.standard_normal(TABLE, dtype=np.float32),
            _UNIFORM: random.random(TABLE, dtype=np.float32),
        }
        loaded.graph.initializer.extend(numpy_helper.from_array(table, name) for name, table in tables.items())
    return bytes(loaded.SerializeToString())


def _replace(graph: Any, count: int) -> int:
    """Replace the operators of a graph and of those inside it; returns how many there were, added to `count`."""
    nodes: list[Any] = []
    for node in list(graph.node):
        for attribute in node.attribute:
            for inner in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                count = _replace(inner, count)
        if node.op_type in OPERATORS:
            nodes += _fixed(node, count)
            count += 1
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    return count


def _fixed(node: Any, number: int) -> Iterator[Any]:
    """Yield what stands instead of one operator: values from a table, from a place of its own, in the shape wanted."""
    from onnx import helper, numpy_helper

    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    at = f"gpudrop.noise{number}"

    def constant(name: str, value: Any) -> Any:
        return helper.make_node("Constant", [], [f"{at}.{name}"], value=numpy_helper.from_array(np.asarray(value)))

    def step(operator: str, inputs: list[str], output: str, **more: Any) -> Any:
        wired = [name if name in (*node.input, _NORMAL, _UNIFORM) else f"{at}.{name}" for name in inputs]
        return helper.make_node(operator, wired, [f"{at}.{output}"], **more)

    if node.op_type.endswith("Like"):
        yield step("Shape", [node.input[0]], "shape")
    else:
        yield constant("shape", np.array(given["shape"], dtype=np.int64))
    scale, offset = _spread(node.op_type, given)
    yield constant("zero", np.int64(0))
    yield constant("one", np.int64(1))
    yield constant("first", np.int64(number * 104_729 % TABLE))
    yield constant("length", np.int64(TABLE))
    yield constant("scale", np.float32(scale))
    yield constant("offset", np.float32(offset))
    yield step("ReduceProd", ["shape"], "count", keepdims=0)
    yield step("Range", ["zero", "count", "one"], "range")
    yield step("Add", ["range", "first"], "moved")
    yield step("Mod", ["moved", "length"], "places")
    yield step("Gather", [_NORMAL if "Normal" in node.op_type else _UNIFORM, "places"], "values")
    yield step("Reshape", ["values", "shape"], "shaped")
    yield step("Mul", ["shaped", "scale"], "scaled")
    yield step("Add", ["scaled", "offset"], "noise")
    yield helper.make_node("Cast", [f"{at}.noise"], [node.output[0]], to=given.get("dtype", _FLOAT))


def _spread(operator: str, given: dict[str, Any]) -> tuple[float, float]:
    if "Normal" in operator:
        return given.get("scale", 1.0), given.get("mean", 0.0)
    low, high = given.get("low", 0.0), given.get("high", 1.0)
    return high - low, low
