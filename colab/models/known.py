"""The table itself: every model file that a worker may use."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from colab.models.table import ModelFile

_KOKORO_ONNX: Final = "thewh1teagle/kokoro-onnx"
_KOKORO_ONNX_RELEASE: Final = "model-files-v1.0"
_KOKORO: Final = "hexgrad/Kokoro-82M"
_KOKORO_COMMIT: Final = "f3ff3571791e39611d31c381e3a41a3af07b4987"
_LICENCE: Final = "Apache-2.0"


def _onnx(file: str, size: int, sha256: str) -> ModelFile:
    return ModelFile(
        name=file,
        host="github",
        repository=_KOKORO_ONNX,
        revision=_KOKORO_ONNX_RELEASE,
        file=file,
        size=size,
        sha256=sha256,
        licence=_LICENCE,
    )


def _torch(file: str, size: int, sha256: str) -> ModelFile:
    return ModelFile(
        name=f"kokoro-82m/{file}",
        host="huggingface",
        repository=_KOKORO,
        revision=_KOKORO_COMMIT,
        file=file,
        size=size,
        sha256=sha256,
        licence=_LICENCE,
    )


_ALL: Final = (
    _onnx("kokoro-v1.0.onnx", 325_532_387, "7d5df8ecf7d4b1878015a32686053fd0eebe2bc377234608764cc0ef3636a6c5"),
    _onnx("kokoro-v1.0.fp16.onnx", 177_464_787, "c1610a859f3bdea01107e73e50100685af38fff88f5cd8e5c56df109ec880204"),
    _onnx("voices-v1.0.bin", 28_214_398, "bca610b8308e8d99f32e6fe4197e7ec01679264efed0cac9140fe9c29f1fbf7d"),
    _torch("config.json", 2_351, "5abb01e2403b072bf03d04fde160443e209d7a0dad49a423be15196b9b43c17f"),
    _torch("kokoro-v1_0.pth", 327_212_226, "496dba118d1a58f5f3db2efc88dbdc216e0483fc89fe6e47ee1f2c53f18ad1e4"),
)

FILES: Final = MappingProxyType({file.name: file for file in _ALL})
"""`{name: file}`. The ONNX files are called as in their release; those of the PyTorch model `kokoro-82m/<path>`."""
