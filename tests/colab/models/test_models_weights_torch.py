"""The look at weights agrees with torch's own weights-only reader."""

from __future__ import annotations

import pytest

from colab.models import UnsafeWeights, check_weights
from colab.models.weights_pickle import ALLOWED

pytestmark = pytest.mark.extras


def test_what_may_be_asked_for_is_what_torch_allows():
    """Name for name."""
    from torch._weights_only_unpickler import _get_allowed_globals

    assert set(_get_allowed_globals()) == ALLOWED


@pytest.mark.parametrize("newer", [True, False])
def test_what_torch_writes_passes_and_whole_modules_do_not(tmp_path, newer):
    """A state dict is data, in the newer form and the older; a pickled module needs its class, and is refused."""
    import torch

    path = tmp_path / "w.pth"
    state = {"params_ema": torch.nn.Linear(2, 2).state_dict(), "half": torch.zeros(2, dtype=torch.float16)}
    torch.save(state, path, _use_new_zipfile_serialization=newer)
    check_weights(path)
    torch.load(path, weights_only=True)
    torch.save(torch.nn.Linear(2, 2), path, _use_new_zipfile_serialization=newer)
    with pytest.raises(UnsafeWeights, match=r"torch\.nn\.modules\.linear\.Linear"):
        check_weights(path)


def test_what_safetensors_writes_passes(tmp_path):
    """Tensors of several types, one of them empty."""
    import torch
    from safetensors.torch import save_file

    path = tmp_path / "w.safetensors"
    save_file({"a": torch.zeros(3, 4), "b": torch.zeros(0), "c": torch.ones(5, dtype=torch.bfloat16)}, path)
    check_weights(path)
