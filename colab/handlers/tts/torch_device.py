"""Where an engine on PyTorch runs."""

from __future__ import annotations

import logging
import shutil

from colab.handlers.tts.onnx_session import DEVICES, SHORT_NAMES
from protocol.errors import JobFailed

logger = logging.getLogger(__name__)


def torch_device(asked: str | None, who: str) -> str:
    """Return the device to use, as records say it. Raises `JobFailed` UNSUPPORTED for one that is not there."""
    import torch

    there = torch.cuda.is_available()
    if asked is None:
        unused = not there and shutil.which("nvidia-smi") is not None
        if unused:
            logger.warning(
                "%s runs on the CPU, although a GPU is there: torch %s cannot use it", who, torch.__version__
            )
        return "cuda" if there else "cpu (a GPU is there, unused)" if unused else "cpu"
    device = DEVICES.get(SHORT_NAMES.get(asked.strip().lower(), asked.strip()))
    if device is None or (device == "cuda" and not there):
        raise JobFailed(
            f"{asked!r} was asked for, but {who} on torch {torch.__version__} can use only: "
            f"{'cuda, cpu' if there else 'cpu'}. Cure: install torch's CUDA build and the driver, or ask for cpu",
            code="UNSUPPORTED",
        )
    return device
