"""What a pickle of weights may ask for by name: exactly what torch's weights-only reader allows.

`_get_allowed_globals` of torch/_weights_only_unpickler.py, version 2.11; a test compares where torch is installed.
"""

from __future__ import annotations


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
