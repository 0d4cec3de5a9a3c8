"""PyTorch's files of weights are pickles, which can run anything when they are loaded. This looks without loading.

The rules are those of `torch.load(…, weights_only=True)`: a pickle may ask by name for the classes and functions of
`weights_globals`, and for nothing else. Engines load with `weights_only=True` as well; here a file is refused before
it is added, without torch, by a message that says what it wanted.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn, cast

from colab.models.errors import UnsafeWeights

ZIP = b"PK\x03\x04"
"""How torch tells its newer files from the older ones."""

PICKLE_LIMIT = 64 << 20  # bytes; the tensors themselves lie outside of it
OPCODE_LIMIT = 20_000_000
MEMBER_LIMIT = 100_000
MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of an older file
LEGACY_PICKLES = 5  # magic, version, machine, content, keys of the storages

_CODE = frozenset({"INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEWOBJ_EX"})
"""Ways to call something that no file of weights needs, and that torch's reader refuses."""


def check_zip(path: Path) -> None:
    """Raise UnsafeWeights unless a newer file has one pickle, which asks for nothing that runs code."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist()]
            _check_members(path, names)
            pickles = [name for name in names if name.rpartition("/")[2].casefold() == "data.pkl"]
            if len(pickles) != 1:
                _wrong(path, f"it has {len(pickles)} of the one data.pkl that a file of weights has")
            if archive.getinfo(pickles[0]).file_size > PICKLE_LIMIT:
                _wrong(path, f"its data.pkl is longer than {PICKLE_LIMIT} bytes")
            with archive.open(pickles[0]) as member:
                _check_pickle(path, io.BytesIO(member.read(PICKLE_LIMIT + 1)))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as problem:
        raise UnsafeWeights(f"{path.name} is not used: it is torn, or no archive of PyTorch's ({problem})") from problem


def check_legacy(path: Path) -> None:
    """Raise UnsafeWeights unless an older file has the five pickles it should, and none asks for what runs code."""
    with path.open("rb") as file:
        source = _Bounded(file, PICKLE_LIMIT)
        first = _check_pickle(path, source)
        if MAGIC not in first:
            _wrong(path, "it does not begin as PyTorch's files of weights do")
        for _ in range(LEGACY_PICKLES - 1):
            _check_pickle(path, source)


def _check_members(path: Path, names: list[str]) -> None:
    if len(names) > MEMBER_LIMIT:
        _wrong(path, f"it has {len(names)} members")
    if len({name.casefold() for name in names}) < len(names):
        _wrong(path, "two of its members have the same name")
    if any("code" in name.split("/")[:-1] or name.endswith("constants.pkl") for name in names):
        _wrong(path, "it is a TorchScript program, not a file of weights")


def _check_pickle(path: Path, source: IO[bytes] | _Bounded) -> list[object]:
    """Look at one pickle; return the numbers that stand in it. Raise UnsafeWeights for what a file of weights lacks."""
    numbers: list[object] = []
    texts: list[str] = []  # the last two, of which STACK_GLOBAL makes a name
    for opcode, argument in _opcodes(path, source):
        if opcode == "GLOBAL":
            _check_global(path, ".".join(str(argument).split(" ", 1)))
        elif opcode == "STACK_GLOBAL":
            _refused(path, ".".join(texts) or "something unnamed")
        elif opcode in _CODE:
            _refused(path, f"an object by {opcode}" + (f" ({argument})" if argument else ""))
        elif isinstance(argument, str):
            texts = [*texts[-1:], argument[:200]]
        elif isinstance(argument, int) and len(numbers) < 4:
            numbers.append(argument)
    return numbers


def _opcodes(path: Path, source: IO[bytes] | _Bounded) -> Iterator[tuple[str, object]]:
    count = 0
    try:
        for opcode, argument, _ in pickletools.genops(cast("IO[bytes]", source)):
            count += 1
            if count > OPCODE_LIMIT:
                _wrong(path, "its pickle does not end")
            yield opcode.name, argument
    except (ValueError, EOFError, UnicodeDecodeError, OverflowError, MemoryError) as problem:
        raise UnsafeWeights(f"{path.name} is not used: it is no pickle of PyTorch's ({problem})") from problem


def _check_global(path: Path, name: str) -> None:
    if OLD_NAMES.get(name, name) not in ALLOWED:
        _refused(path, name)


def _refused(path: Path, name: str) -> NoReturn:
    raise UnsafeWeights(
        f"{path.name} is not used: its pickle asks for {name}, which could run code when it is loaded, and which no "
        "file of weights needs. Take the model as safetensors, or convert it on a machine that you can lose"
    )


def _wrong(path: Path, why: str) -> NoReturn:
    raise UnsafeWeights(f"{path.name} is not used: {why}")


class _Bounded:
    """The beginning of a file: whoever reads further finds its end."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file, self._left = file, limit

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def readline(self, size: int | None = -1) -> bytes:
        most = self._left if size is None or size < 0 else min(size, self._left)
        data = self._file.readline(most)
        self._left -= len(data)
        return data

    def tell(self) -> int:
        return self._file.tell()


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ELEMENTS = _words("BFloat16 Bool Byte Char ComplexDouble ComplexFloat Double Float Half Int Long Short")
_NUMBERS = tuple(name for name in _ELEMENTS if not name.startswith("Complex"))
_INTEGERS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (*range(1, 9), 16, 32, 64))
_TYPES = _words(
    """
    bfloat16 bits16 bits1x8 bits2x4 bits4x2 bits8 bool complex128 complex32 complex64 device float16 float32
    float4_e2m1fn_x2 float64 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu
    per_channel_affine per_channel_affine_float_qparams per_channel_symmetric per_tensor_affine per_tensor_symmetric
    qint32 qint8 quint2x4 quint4x2 quint8 Size Tensor
    """
)
_REBUILD = _words(
    """
    device_tensor_from_cpu_tensor device_tensor_from_numpy meta_tensor_no_storage nested_tensor parameter
    parameter_with_state qtensor sparse_tensor tensor tensor_v2 tensor_v3 wrapper_subclass
    """
)
_OTHERS = _words(
    """
    _codecs.encode builtins.bytearray builtins.complex builtins.set collections.Counter collections.OrderedDict
    torch._tensor._rebuild_from_type_v2 torch.nn.parameter.Parameter torch.serialization._get_layout
    torch.storage.TypedStorage torch.storage.UntypedStorage
    """
)

ALLOWED: frozenset[str] = frozenset(
    [
        *_OTHERS,
        *(f"torch.{name}" for name in (*_TYPES, *_INTEGERS)),
        *(f"torch._utils._rebuild_{name}" for name in _REBUILD),
        *(f"torch.Q{name}Storage" for name in ("Int32", "Int8", "UInt2x4", "UInt4x2", "UInt8")),
        *(f"torch.{where}{name}Storage" for where in ("", "cuda.") for name in _ELEMENTS),
        *(f"torch.{where}{name}Tensor" for where in ("", "cuda.") for name in _NUMBERS),
        *(f"torch.{where}{name}Tensor" for where in ("sparse.", "cuda.sparse.") for name in _NUMBERS if name != "Bool"),
    ]
)
"""`module.name` of each class and function."""

OLD_NAMES = {"__builtin__.bytearray": "builtins.bytearray", "__builtin__.set": "builtins.set"}
"""How older pickles call what they all need."""
