"""Where a Whisper runs, in truth, and with which numbers: asked of CTranslate2, and on a GPU proved by one run."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from colab.engines import devices
from colab.engines.device_failures import first_line, out_of_memory
from protocol.errors import JobFailed

logger = logging.getLogger(__name__)

COMPUTE = {"cuda": ("float16", "int8_float16", "int8_float32"), "cpu": ("int8", "int8_float32", "float32")}
"""The numbers to calculate with, best first; the next where there are none such, or the model does not fit."""

MEL_BANDS = 80
"""What the library takes where the model's files do not say."""


@dataclass(frozen=True, kw_only=True)
class WhisperDevice:
    """A device and its numbers. `fallback` says why it is not the GPU, where there is one."""

    device: str
    compute: str
    fallback: str | None = None
    asked: bool = False  # whether the worker's owner insists on the device


def expected(provider: str | None) -> WhisperDevice:
    """Return where a model would run. Raises `JobFailed` UNSUPPORTED for a device that is not here."""
    import ctranslate2

    has_gpu = ctranslate2.get_cuda_device_count() > 0
    device = devices.chosen(provider, "Whisper on CTranslate2", has_gpu=has_gpu, hint="install CUDA 12 and the driver")
    fallback = "on the CPU: a GPU is there, but CTranslate2 does not see it (it wants CUDA 12)"
    return WhisperDevice(
        device=device.name,
        compute=_numbers(device.name)[0],
        fallback=fallback if device.unused else None,
        asked=provider is not None,
    )


def load(folder: Path, place: WhisperDevice, model: str) -> tuple[Any, WhisperDevice]:
    """Return the model in `folder`, loaded and tried, and where it really runs.

    A GPU that does not work is said and the CPU used; one that is full is not: it may have room soon. Raises
    `JobFailed`: ENGINE for files that are no Whisper, OUT_OF_MEMORY, UNSUPPORTED for a GPU that was insisted on and
    does not work.
    """
    problem: BaseException | None = None
    for compute in _numbers(place.device):
        try:
            return _tried(folder, place.device, compute, model), replace(place, compute=compute)
        except (RuntimeError, MemoryError, ValueError) as found:
            problem = found
            if not out_of_memory(found):
                break
            logger.warning("Whisper %s does not fit as %s: %s", model, compute, found)
    assert problem is not None  # there are numbers for every device
    if place.device == "cuda" and not place.asked and not out_of_memory(problem):
        why = f"on the CPU: the GPU could not be used ({first_line(problem)})"
        logger.warning("Whisper %s is %s", model, why)
        return load(folder, WhisperDevice(device="cpu", compute=_numbers("cpu")[0], fallback=why), model)
    raise _failed(problem, place, model) from problem


def _tried(folder: Path, device: str, compute: str, model: str) -> Any:
    from faster_whisper import WhisperModel

    loaded = WhisperModel(str(folder), device=device, compute_type=compute, local_files_only=True)
    bands = loaded.feat_kwargs.get("feature_size", MEL_BANDS)
    if loaded.model.n_mels != bands:
        raise JobFailed(
            f"the files of Whisper {model} do not belong together: {loaded.model.n_mels} mel bands, {bands} told",
            code="ENGINE",
        )
    if device == "cuda":  # its libraries are opened by the first run, not by loading
        loaded.encode(np.zeros((bands, loaded.feature_extractor.nb_max_frames), np.float32))
    return loaded


def _numbers(device: str) -> tuple[str, ...]:
    import ctranslate2

    try:
        usable = ctranslate2.get_supported_compute_types(device)
    except RuntimeError:  # a driver that does not fit: loading will tell
        return COMPUTE[device]
    return tuple(one for one in COMPUTE[device] if one in usable) or ("default",)


def _failed(problem: BaseException, place: WhisperDevice, model: str) -> JobFailed:
    if out_of_memory(problem):
        return JobFailed(
            f"Whisper {model} does not fit into the memory of {place.device}: ask for a smaller model",
            code="OUT_OF_MEMORY",
        )
    code = "UNSUPPORTED" if place.device == "cuda" else "ENGINE"
    return JobFailed(f"Whisper {model} cannot be loaded on {place.device}: {first_line(problem)}", code=code)
