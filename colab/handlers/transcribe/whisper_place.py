"""Where a Whisper runs, in truth, and with which numbers: asked of CTranslate2, and on a GPU proved by one run."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from protocol.errors import JobFailed

logger = logging.getLogger(__name__)

DEVICES = {"cuda": "cuda", "gpu": "cuda", "cudaexecutionprovider": "cuda", "cpu": "cpu", "cpuexecutionprovider": "cpu"}

COMPUTE = {"cuda": ("float16", "int8_float16", "int8_float32"), "cpu": ("int8", "int8_float32", "float32")}
"""The numbers to calculate with, best first; the next where there are none such, or the model does not fit."""

MEL_BANDS = 80
"""What the library takes where the model's files do not say."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A device and its numbers. `fallback` says why it is not the GPU, where there is one."""

    device: str
    compute: str
    fallback: str | None = None
    asked: bool = False  # whether the worker's owner insists on the device


def expected(provider: str | None) -> Place:
    """Return where a model would run. Raises `JobFailed` UNSUPPORTED for a device that is not here."""
    try:
        import ctranslate2
    except ImportError as problem:
        raise JobFailed(
            "faster-whisper is not installed on this worker: uv pip install 'gpudrop[whisper]'", code="UNSUPPORTED"
        ) from problem
    asked = None if provider is None else DEVICES.get(provider.strip().lower())
    if provider is not None and asked is None:
        raise JobFailed(f"Whisper runs on cuda or cpu, not on the provider {provider!r}", code="UNSUPPORTED")
    has_gpu = ctranslate2.get_cuda_device_count() > 0
    if asked == "cuda" and not has_gpu:
        raise JobFailed("cuda was asked for, but CTranslate2 finds no GPU here: ask for cpu", code="UNSUPPORTED")
    device = asked or ("cuda" if has_gpu else "cpu")
    unseen = device == "cpu" and asked is None and shutil.which("nvidia-smi") is not None
    fallback = "on the CPU: a GPU is there, but CTranslate2 does not see it (it wants CUDA 12)" if unseen else None
    return Place(device=device, compute=_numbers(device)[0], fallback=fallback, asked=asked is not None)


def load(folder: Path, place: Place, model: str) -> tuple[Any, Place]:
    """Return the model in `folder`, loaded and tried, and where it really runs.

    Raises `JobFailed`: ENGINE for files that are no Whisper, OUT_OF_MEMORY, UNSUPPORTED for a GPU that was insisted
    on and does not work.
    """
    problem: BaseException | None = None
    for compute in _numbers(place.device):
        try:
            return _tried(folder, place.device, compute, model), replace(place, compute=compute)
        except (RuntimeError, MemoryError, ValueError) as found:
            problem = found
            if not is_out_of_memory(found):
                break
            logger.warning("Whisper %s does not fit as %s: %s", model, compute, found)
    assert problem is not None  # there are numbers for every device
    if place.device == "cuda" and not place.asked:
        why = f"on the CPU: the GPU could not be used ({_first_line(problem)})"
        logger.warning("Whisper %s is %s", model, why)
        return load(folder, Place(device="cpu", compute=_numbers("cpu")[0], fallback=why), model)
    raise _failed(problem, place, model) from problem


def is_out_of_memory(problem: BaseException) -> bool:
    """Say whether a failure was for want of memory: CTranslate2 tells it in words only."""
    words = str(problem).lower()
    told = ("out of memory", "cuda_error_out_of_memory", "bad_alloc", "failed to allocate", "cublas_status_alloc")
    return isinstance(problem, MemoryError) or any(one in words for one in told)


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


def _failed(problem: BaseException, place: Place, model: str) -> JobFailed:
    if is_out_of_memory(problem):
        return JobFailed(
            f"Whisper {model} does not fit into the memory of {place.device}: ask for a smaller model",
            code="OUT_OF_MEMORY",
        )
    code = "UNSUPPORTED" if place.device == "cuda" else "ENGINE"
    return JobFailed(f"Whisper {model} cannot be loaded on {place.device}: {_first_line(problem)}", code=code)


def _first_line(problem: BaseException) -> str:
    return (str(problem).strip() or type(problem).__name__).splitlines()[0][:300]
