"""A memory that ends while a model is loaded, told as PyTorch tells it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest

Way = Literal["its own class", "a driver's words"]
WAYS: tuple[Way, ...] = ("its own class", "a driver's words")


@contextmanager
def for_models(monkeypatch: pytest.MonkeyPatch, way: Way, mover: str = "torch.nn.Module.to") -> Iterator[None]:
    """Have no model moved to its device by `mover`, for the length of a block."""
    import torch

    def full(*_: Any, **__: Any) -> None:
        if way == "its own class":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has …")
        raise RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported")

    with monkeypatch.context() as patch:
        patch.setattr(mover, full)
        yield
