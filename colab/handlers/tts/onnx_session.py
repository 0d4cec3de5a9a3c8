"""ONNX Runtime, behind one call: a session with our options, and the truth about where it runs.

The provider is never guessed: a session that was to run on CUDA and does not says so, here and in every result.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colab.engines import devices
from colab.engines.device_failures import failed, first_line, out_of_memory
from colab.handlers.tts.engine import HINT
from protocol.errors import JobFailed
from usertext import installing

logger = logging.getLogger(__name__)

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"

PROVIDERS: dict[devices.Name, str] = {"cuda": CUDA, "cpu": CPU}

OPTIONS: dict[str, dict[str, str]] = {
    # the unset EXHAUSTIVE tunes every convolution again for each new length, and narration is all new lengths
    CUDA: {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"},
}

GPU_BUILD = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'onnxruntime-gpu>=1.24,<1.27'"
"""The last builds for CUDA 12. The plain one beside it hides its providers, so both go first."""


@dataclass(frozen=True, kw_only=True)
class OnnxDevice:
    """Where a model runs, in truth. `fallback` says why it is not the GPU, where there is one."""

    provider: str
    fallback: str | None = None

    @property
    def device(self) -> str:
        """Return the device as records say it."""
        name = devices.meant(self.provider) or self.provider.removesuffix("ExecutionProvider").lower()
        return f"{name} ({devices.UNUSED})" if self.fallback else name


def expected_place(provider: str | None) -> OnnxDevice:
    """Return where a session would run. Raises `NoSuchDevice` for a provider that this build does not have."""
    available = _runtime().get_available_providers()
    wanted = _wanted(provider, available)
    return OnnxDevice(provider=wanted, fallback=_unused_gpu(provider, available) if wanted == CPU else None)


def open_session(model: Path | bytes, name: str, provider: str | None) -> tuple[Any, OnnxDevice]:
    """Open a model; `name` is for messages. Returns the session and where it really runs.

    Raises `JobFailed`: UNSUPPORTED for a provider that was asked for and cannot be had, ENGINE for a file that is no
    model or is torn, OUT_OF_MEMORY.
    """
    runtime = _runtime()
    expected = expected_place(provider)
    if expected.provider == CUDA and hasattr(runtime, "preload_dlls"):
        runtime.preload_dlls()  # the CUDA libraries that pip installed, as those of PyTorch are
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors; the advice below is for makers of models
    options.use_deterministic_compute = True
    try:
        session = runtime.InferenceSession(
            model if isinstance(model, bytes) else str(model), sess_options=options, providers=_chain(expected.provider)
        )
    except _model_errors() as refused:
        if out_of_memory(refused):
            raise failed(refused, name, expected.provider, hint=HINT) from refused
        raise JobFailed(
            f"{name} is no ONNX model that can be opened, or it is torn: {first_line(refused)}; "
            "remove the file, and it is fetched again",
            code="ENGINE",
        ) from refused
    return session, _real_place(session.get_providers(), expected, provider, name)


def _chain(provider: str) -> list[tuple[str, dict[str, str]]]:
    """Return the provider with its options, and the CPU for operators that it does not have."""
    return [(one, OPTIONS.get(one, {})) for one in dict.fromkeys([provider, CPU])]


def _real_place(used: Sequence[str], expected: OnnxDevice, asked: str | None, name: str) -> OnnxDevice:
    """Compare what was wanted with what the session says of itself."""
    place = expected
    if used[0] != expected.provider:
        why = f"{expected.provider} could not be started; its libraries (CUDA 12, cuDNN 9) may be missing"
        if asked is not None:
            raise devices.NoSuchDevice(f"{name}: {why}. Hint: {GPU_BUILD}; or ask for cpu")
        place = OnnxDevice(provider=used[0], fallback=why)
    if place.fallback:
        logger.warning("%s runs on %s, although a GPU is there: %s", name, place.provider, place.fallback)
    return place


def _wanted(asked: str | None, available: Sequence[str]) -> str:
    """Return the provider of a device, or the one of that name: a build may have others than those two."""
    if asked is None:
        return CUDA if CUDA in available else CPU
    device = devices.meant(asked)
    name = PROVIDERS[device] if device else asked.strip()
    for provider in available:
        if provider.casefold() == name.casefold():
            return provider
    hint = f"Hint: {GPU_BUILD}; or ask for cpu" if name == CUDA else "ask for one of these"
    raise devices.NoSuchDevice(
        f"the provider {asked!r} was asked for, but this onnxruntime has only: {', '.join(available)}. {hint}"
    )


def _unused_gpu(asked: str | None, available: Sequence[str]) -> str | None:
    """Say why a GPU that is there will not be used, None where none is there or the CPU was asked for."""
    if asked is not None or CUDA in available or not devices.has_driver():
        return None
    return f"this onnxruntime is built without CUDA. Hint: {GPU_BUILD}"


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as missing:
        raise JobFailed(
            f"onnxruntime is not installed here: {installing.install('onnxruntime')}", code="UNSUPPORTED"
        ) from missing
    return onnxruntime


def _model_errors() -> tuple[type[Exception], ...]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NotImplemented")
    return tuple(getattr(state, name) for name in (*names, "RuntimeException"))


def run_errors() -> tuple[type[Exception], ...]:
    """Return what a session raises when it cannot run its model."""
    return _model_errors()
