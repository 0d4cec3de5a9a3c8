"""Where models run: the one set of words for a device, and the choice between a GPU and the CPU.

Every engine takes what the worker's owner asked for (`ONNX_PROVIDER`) from here, so that a word which one understands
means the same to all, and a word which none understands is an error and never the CPU.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from protocol.errors import JobFailed

logger = logging.getLogger(__name__)

Name = Literal["cuda", "cpu"]

WORDS: Mapping[str, Name] = {
    "cuda": "cuda",
    "gpu": "cuda",
    "cudaexecutionprovider": "cuda",
    "cpu": "cpu",
    "cpuexecutionprovider": "cpu",
}
"""What an owner may say, in any case of its letters, and the device that it means."""

UNUSED = "a GPU is there, unused"


class NoSuchDevice(JobFailed):
    """The device that the worker's owner insists on is not one that an engine can use here."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="UNSUPPORTED")


@dataclass(frozen=True, kw_only=True)
class Device:
    """Where an engine runs. `unused` says that a GPU is there all the same, which it cannot use."""

    name: Name
    unused: bool = False

    def __str__(self) -> str:
        """Return the device as records say it."""
        return f"{self.name} ({UNUSED})" if self.unused else self.name


def meant(asked: str) -> Name | None:
    """Return the device that a word means; None for a word that means none of ours."""
    return WORDS.get(asked.strip().casefold())


def chosen(asked: str | None, who: str, *, has_gpu: bool, hint: str) -> Device:
    """Return the device that was asked for, or the best one if none was. Raises `NoSuchDevice`.

    `who` runs there, `has_gpu` whether it can use a GPU, `hint` what to install if it is to and cannot.
    """
    if asked is None:
        return Device(name="cuda" if has_gpu else "cpu", unused=not has_gpu and has_driver())
    device = meant(asked)
    if device is None or (device == "cuda" and not has_gpu):
        raise NoSuchDevice(
            f"{asked!r} was asked for (ONNX_PROVIDER), but {who} can use only: {'cuda, cpu' if has_gpu else 'cpu'}. "
            f"Hint: {f'{hint}, or ask for cpu' if device else 'ask for one of these'}"
        )
    return Device(name=device)


def on_torch(asked: str | None, who: str) -> Device:
    """Return the device for an engine on PyTorch. Raises `NoSuchDevice` for one that torch cannot use here."""
    import torch

    runs = f"{who} on torch {torch.__version__}"
    hint = "install torch's CUDA build and the driver"
    device = chosen(asked, runs, has_gpu=torch.cuda.is_available(), hint=hint)
    if device.unused:
        _warn_once(runs)
    return device


@cache
def _warn_once(runs: str) -> None:
    logger.warning("%s runs on the CPU, although a GPU is there, which it cannot use", runs)


def has_driver() -> bool:
    """Say whether this machine has a GPU's driver, whoever can use it."""
    return shutil.which("nvidia-smi") is not None
