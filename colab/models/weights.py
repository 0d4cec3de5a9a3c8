"""Looking at a file of weights before anybody loads it: is it well-formed, and is it data and nothing else?

Nothing is executed, unpickled or allocated by what a file claims of itself. Which reader a file needs is decided as
the libraries that load it decide: by its ending, and for PyTorch by its first bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from colab.models.errors import UnsafeWeights
from colab.models.weights_onnx import check_onnx
from colab.models.weights_pickle import ZIP, check_legacy, check_zip
from colab.models.weights_safetensors import check_safetensors

PLAIN = frozenset({".json", ".txt", ".yaml", ".yml", ".jinja", ".model", ".vocab", ".toml", ".md"})
"""What lies beside weights: text, and tokenizers. Readers of these take data only."""

CTRANSLATE2 = bytes.fromhex("06000000")
"""How CTranslate2's files begin: the version of the format, 6, in four bytes. They hold no code."""


def check_weights(path: Path) -> None:
    """Return if a file holds data only; raise UnsafeWeights, which names what is wrong and the hint.

    safetensors: the header describes exactly the bytes that follow. PyTorch (`.pth`, `.pt`, `.bin`, `.ckpt`): its
    pickle asks for nothing but what torch's own weights-only reader allows. ONNX: nothing lies in another file.
    """
    ending = path.suffix.lower()
    if ending in PLAIN:
        return
    if ending not in _CHECKS:
        raise UnsafeWeights(
            f"{path.name} is of no kind that is checked before it is loaded ({', '.join(sorted(_CHECKS))}): convert it "
            "to safetensors"
        )
    if not path.is_file() or path.stat().st_size == 0:
        raise UnsafeWeights(f"{path.name} is empty, or no file at all")
    _CHECKS[ending](path)


def _check_torch(path: Path) -> None:
    with path.open("rb") as file:
        begin = file.read(4)
    if begin == CTRANSLATE2 and path.suffix.lower() == ".bin":
        return
    (check_zip if begin == ZIP else check_legacy)(path)


_CHECKS: dict[str, Callable[[Path], None]] = {
    ".safetensors": check_safetensors,
    ".onnx": check_onnx,
    ".bin": _check_torch,
    ".ckpt": _check_torch,
    ".pt": _check_torch,
    ".pth": _check_torch,
}
