"""Files of weights are looked into before they are loaded: what is data passes, what could run code does not."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from typing import Any

import pytest

from colab.models import UnsafeWeights, check_weights
from colab.models.weights_onnx import check_onnx
from colab.models.weights_pickle import MAGIC
from protocol.errors import JobFailed


class Evil:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/never",)


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def pickled(value: Any) -> bytes:
    return pickle.dumps(value, protocol=2)


def torch_like(value: Any) -> bytes:
    return zipped(("x/data.pkl", pickled(value)), ("x/data/0", b"1234"), ("x/version", b"3"))


def legacy(*values: Any) -> bytes:
    return b"".join(pickled(value) for value in values) + b"raw tensors"


def safe(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(begin: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


GOOD_TENSORS = {"a": tensor(0, 8, [2]), "b": tensor(8, 8, [0, 3]), "__metadata__": {"format": "pt"}}

GOOD = {
    "zip.pth": torch_like({"params_ema": OrderedDict(a=1, b=[1.5, None, True, "x"])}),
    "old.pt": legacy(MAGIC, 1001, {"little_endian": True}, OrderedDict(a=1), ["0"]),
    "tensors.safetensors": safe(GOOD_TENSORS, b"8 bytes!"),
    "empty.safetensors": safe({}),
    "model.bin": bytes.fromhex("06000000") + b"what CTranslate2 wrote",
    "config.json": b"{}",
    "vocab.txt": b"",
}

BAD = {
    "zip.pth": (torch_like({"a": Evil()}), r"asks for (posix|nt)\.system"),
    "old.pt": (legacy(MAGIC, 1001, {}, {"a": Evil()}, []), r"asks for (posix|nt)\.system"),
    "first.bin": (legacy(Evil()), r"asks for (posix|nt)\.system"),
    "modern.pt": (pickle.dumps(Evil(), protocol=4), r"asks for (posix|nt)\.system"),
    "builtin.pt": (b"\x80\x02cbuiltins\neval\n.", r"asks for builtins\.eval"),
    "instance.pt": (b"(S'true'\nios\nsystem\n.", r"asks for an object by INST"),
    "extension.pt": (b"\x80\x02\x82\x01.", r"asks for an object by EXT1"),
    "other.pt": (legacy({"a": 1}), "does not begin as PyTorch's files"),
    "cut.pt": (legacy(MAGIC, 1001)[:20], "no pickle of PyTorch's"),
    "random.pth": (b"\x00\x01\x02 nothing known", "no pickle of PyTorch's"),
    "two.pth": (zipped(("x/data.pkl", pickled(1)), ("y/DATA.PKL", pickled(2))), "it has 2 of the one data.pkl"),
    "none.pth": (zipped(("x/other", b"")), "it has 0 of the one data.pkl"),
    "script.pt": (zipped(("x/data.pkl", pickled(1)), ("x/code/a.py", b"")), "a TorchScript program"),
    "torn.pth": (torch_like({"a": 1})[:-30], "it is torn"),
    "long.safetensors": (struct.pack("<Q", 1 << 40) + b"{}", "header is longer than the file"),
    "short.safetensors": (b"abc", "header is longer than the file"),
    "words.safetensors": (safe(b"not JSON"), "its header is not JSON"),
    "deep.safetensors": (safe(b"[" * 100_000), "its header is not JSON"),
    "list.safetensors": (safe([1]), "no list of tensors"),
    "twice.safetensors": (safe(b'{"a": 1, "a": 2}'), "stands there twice"),
    "type.safetensors": (safe({"a": tensor(0, 8, [1], "OBJECT")}, b"8 bytes!"), "no type that is known"),
    "minus.safetensors": (safe({"a": tensor(0, 8, [-2])}, b"8 bytes!"), "or has no place"),
    "shape.safetensors": (safe({"a": tensor(0, 8, [3])}, b"8 bytes!"), "not as many bytes as its shape"),
    "huge.safetensors": (safe({"a": tensor(0, 8, [1 << 40, 1 << 40])}, b"8 bytes!"), "not as many bytes"),
    "gap.safetensors": (safe({"a": tensor(4, 8, [1])}, b"8 bytes!"), "does not begin where the one before it ends"),
    "over.safetensors": (safe({"a": tensor(0, 8, [2]), "b": tensor(4, 8, [1])}, b"8 bytes!"), "does not begin where"),
    "rest.safetensors": (safe({"a": tensor(0, 4, [1])}, b"8 bytes!"), "tensors have 4 bytes, and 8 are there"),
    "meta.safetensors": (safe({"__metadata__": {"a": 1}}), "metadata is not made of texts"),
    "empty.pth": (b"", "is empty, or no file at all"),
    "program.exe": (b"MZ", "is of no kind that is checked"),
    "voice.pkl": (pickled({}), "is of no kind that is checked"),
    "noise.onnx": (bytes(range(1, 200)), "no ONNX model"),
}


@pytest.mark.parametrize("name", GOOD)
def test_data_passes(tmp_path, name):
    """What holds data only is fine, in every format."""
    path = tmp_path / name
    path.write_bytes(GOOD[name])
    check_weights(path)


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_data_is_refused(tmp_path, name):
    """The error names the file and what is wrong with it; nothing of it was run."""
    path = tmp_path / name
    path.write_bytes(BAD[name][0])
    with pytest.raises(UnsafeWeights, match=BAD[name][1]) as failed:
        check_weights(path)
    assert name in str(failed.value)
    assert failed.value.code == "UNSUPPORTED"
    assert isinstance(failed.value, JobFailed)


def test_a_pickle_that_is_long_is_not_read_to_its_end(tmp_path, monkeypatch):
    """A file cannot make the look at it take all memory: its pickle has a bound."""
    monkeypatch.setattr("colab.models.weights_pickle.PICKLE_LIMIT", 1000)
    for name, data in (("a.pth", torch_like({"a": "x" * 5000})), ("b.pt", legacy(MAGIC, "x" * 5000))):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(UnsafeWeights):
            check_weights(path)


def onnx_model(*, external: bool, where: str) -> bytes:
    """Return a real ONNX model with a tensor at a place of its graph, inside or elsewhere."""
    from onnx import TensorProto, helper

    held = helper.make_tensor("t", TensorProto.FLOAT, [1], b"1234", raw=True)
    if external:
        held.ClearField("raw_data")
        held.data_location = TensorProto.EXTERNAL
        entry = held.external_data.add()
        entry.key, entry.value = "location", "../../etc/passwd"
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    inner = helper.make_graph([helper.make_node("Constant", [], ["y"], value=held)], "inner", [], [out])
    nodes = {
        "initializer": [],
        "attribute": list(inner.node),
        "nested": [helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)],
    }[where]
    graph = helper.make_graph(nodes, "g", [], [out], initializer=[held] if where == "initializer" else [])
    return bytes(helper.make_model(graph).SerializeToString())


@pytest.mark.parametrize("where", ["initializer", "attribute", "nested"])
def test_a_model_that_names_other_files_is_refused(tmp_path, where):
    """ONNX may keep tensors in files of any path: wherever in the graph it does, it is refused; whole ones pass."""
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_model(external=False, where=where))
    check_onnx(path)
    path.write_bytes(onnx_model(external=True, where=where))
    with pytest.raises(UnsafeWeights, match="tensors lie in other files"):
        check_weights(path)
    path.write_bytes(onnx_model(external=False, where=where)[:-1])
    with pytest.raises(UnsafeWeights, match="torn"):
        check_weights(path)
