"""Installs extras into a runtime that is not ours, without changing the packages that it came with.

Colab's torch, numpy and CUDA packages match its driver and each other. A plain `pip install` of an engine replaces
some of them, picks old releases where new ones declare an older Python, or adds onnxruntime's CPU build to its CUDA
build, which disables CUDA. So uv resolves, with the runtime's own freeze as constraints and overrides for unwanted
packages. Runs on a fresh kernel, right after the wheel: imports only the standard library and the error tree.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from protocol.errors import EnvironmentNotReady, UsageError


@dataclass(frozen=True, kw_only=True)
class EngineSet:
    """What one word of the notebook's form stands for."""

    extras: tuple[str, ...]  # of our package
    models: tuple[str, ...]  # downloaded before the worker starts, so that jobs need not ask for them by name


ENGINES: Mapping[str, EngineSet] = {
    "voices": EngineSet(extras=("kokoro", "misaki"), models=("kokoro-onnx",)),
    "whisper": EngineSet(extras=("whisper",), models=("whisper-large-v3-turbo",)),
    "upscale": EngineSet(
        extras=("upscale",), models=("realesrgan-x4plus", "realesr-general-x4v3", "realesr-animevideov3")
    ),
    "vision": EngineSet(extras=("vision",), models=("clip-vit-base-patch32", "blip-image-captioning-base")),
    "llm": EngineSet(extras=("llm",), models=("qwen2.5-1.5b-instruct",)),
    "f5": EngineSet(extras=("f5",), models=("f5-tts-v1-base", "vocos-mel-24khz")),
}
"""The engines that the notebook's form offers. f5's weights are not for commercial use, so it is never a default."""

ONNX_CUDA = "onnxruntime-gpu>=1.24,<1.27"
"""1.26 is the last build for CUDA 12, which is Colab's."""

GUARDED = re.compile(r"(torch(vision|audio|codec)?|numpy|triton|(nvidia|cuda|cupy|jax|tensorflow)(-.*)?|jaxlib|cupy.*)")
"""Packages whose versions must not change."""

_TORCH = ("torch", "torchvision", "torchaudio", "torchcodec")
_ONNX = ("onnxruntime", "onnxruntime-gpu")
_OURS = frozenset({"gpudrop", "kokoro", "kokoro-onnx", "misaki", "phonemizer", *_ONNX})
"""Packages that an earlier run may have installed and this one may replace; never constrained."""

# The same as in requirements/overrides.txt, which gives the reason for each.
_UNWANTED = ("phonemizer-fork", "opencv-python", "gradio", "bitsandbytes", "cached-path")

_SPEECH = ("kokoro-onnx", "misaki", "spacy", "faster-whisper", "ctranslate2", "f5-tts")
_TOLD = ("torch", "torchvision", "numpy", *_ONNX, *_SPEECH, "spandrel", "transformers", "accelerate")
_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;]+)")
_PROVIDERS = "import onnxruntime; print(', '.join(onnxruntime.get_available_providers()))"


@dataclass(frozen=True, kw_only=True)
class InstallPlan:
    """The input for uv: the text of three files, and the packages to remove first."""

    requirements: str
    constraints: str
    overrides: str
    remove: tuple[str, ...]


def chosen(engines: str) -> tuple[EngineSet, ...]:
    """Return the engine sets in a comma-separated list; UsageError for an unknown name."""
    words = [word.strip().lower() for word in engines.split(",") if word.strip()]
    if unknown := [word for word in words if word not in ENGINES]:
        raise UsageError(f"unknown engine {' and '.join(unknown)} in ENGINES; choose from: {', '.join(ENGINES)}")
    return tuple(ENGINES[word] for word in dict.fromkeys(words))


def extras_of(engines: str) -> tuple[str, ...]:
    """Return the extras for a comma-separated list of engines."""
    return tuple(extra for choice in chosen(engines) for extra in choice.extras)


def install(extras: Sequence[str], wheel: Path) -> str:
    """Install the wheel's extras into the runtime, and return a table of the important versions.

    Raises EnvironmentNotReady, with the hint, if they cannot be installed, if the runtime's own packages changed, or if
    there is a GPU that onnxruntime does not support.
    """
    uv, gpu = _uv(), has_nvidia_gpu()
    before = _freeze(uv)
    _carry_out(uv, plan(before, requirement(extras, wheel), gpu=gpu))
    importlib.invalidate_caches()
    check_unchanged(before, _freeze(uv))
    providers = _providers()
    check_providers(providers, gpu=gpu)
    return table(providers)


def requirement(extras: Sequence[str], wheel: Path) -> str:
    """Return the requirement for a wheel with extras, as a line of a requirements file."""
    return f"gpudrop[{','.join(extras)}] @ {wheel.resolve().as_uri()}"


def plan(freeze: str, wanted: str, *, gpu: bool) -> InstallPlan:
    """Return the input for uv, from the runtime's freeze alone: every package with a plain version stays."""
    frozen = pinned(freeze)
    never = [*_UNWANTED, *(name for name in _TORCH if name in frozen), *(_ONNX[:1] if gpu else ())]
    held = [f"{name}=={number}" for name, number in frozen.items() if name not in _OURS]
    return InstallPlan(
        requirements=_lines([wanted, *([ONNX_CUDA] if gpu else [])]),
        constraints=_lines(held),
        overrides=_lines([f"{name} ; sys_platform == 'never'" for name in never]),
        # the two builds share files: removing one breaks the other, so both are removed and one is installed
        remove=tuple(name for name in _ONNX if name in frozen) if gpu and "onnxruntime" in frozen else (),
    )


def pinned(freeze: str) -> dict[str, str]:
    """Return the versions in a freeze by normalised name, without packages from an address or a folder."""
    found = (_PINNED.fullmatch(line.strip()) for line in freeze.splitlines())
    return {re.sub(r"[-_.]+", "-", match[1]).lower(): match[2] for match in found if match}


def check_unchanged(before: str, after: str) -> None:
    """Raise EnvironmentNotReady if a package that the GPU depends on has changed; name each."""
    new = pinned(after)
    changed = [
        f"{name} {number} -> {new.get(name, 'gone')}"
        for name, number in pinned(before).items()
        if GUARDED.fullmatch(name) and new.get(name) != number
    ]
    if changed:
        raise EnvironmentNotReady(
            f"the installation changed the runtime's own packages: {', '.join(changed)}. Choose Runtime → "
            "Disconnect and delete runtime, then Run all; if it happens again, empty ENGINES and report these names"
        )


def check_providers(providers: str, *, gpu: bool) -> None:
    """Raise EnvironmentNotReady if there is a GPU and onnxruntime is not built for it."""
    if gpu and "CUDAExecutionProvider" not in providers:
        raise EnvironmentNotReady(
            f"this machine has a GPU, but onnxruntime only offers {providers}. Run "
            f"`uv pip uninstall {' '.join(_ONNX)}`, then this cell again"
        )


def table(providers: str) -> str:
    """Return the versions that a problem report needs, one per line."""
    rows: dict[str, str] = {"python": sys.version.split()[0]}
    rows |= {name: _version(name) for name in _TOLD}
    rows |= {"providers": providers, "ffmpeg": _ffmpeg()}
    return "\n".join(f"{name:<16} {said}" for name, said in rows.items())


def has_nvidia_gpu() -> bool:
    """Return whether there is an NVIDIA GPU whose driver answers."""
    program = shutil.which("nvidia-smi")
    return program is not None and subprocess.run([program, "-L"], check=False, capture_output=True).returncode == 0


def _uv() -> list[str]:
    """Return the command that runs uv; it is installed if the runtime has none."""
    if (program := shutil.which("uv")) is not None:
        return [program]
    module = [sys.executable, "-m", "uv"]
    if subprocess.run([*module, "--version"], check=False, capture_output=True).returncode != 0:
        _run([sys.executable, "-m", "pip", "install", "--quiet", "uv"])
    return module


def _freeze(uv: Sequence[str]) -> str:
    return _run([*uv, "pip", "freeze", "--python", sys.executable])


def _carry_out(uv: Sequence[str], planned: InstallPlan) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = _written(Path(folder), planned)
        if planned.remove:
            _run([*uv, "pip", "uninstall", "--quiet", "--python", sys.executable, *planned.remove])
        _run([*uv, "pip", "install", "--quiet", "--python", sys.executable, *files])


def _written(folder: Path, planned: InstallPlan) -> list[str]:
    """Write the three files; return the arguments that name them."""
    texts: Mapping[str, str] = {
        "--requirements": planned.requirements,
        "--constraints": planned.constraints,
        "--overrides": planned.overrides,
    }
    for option, text in texts.items():
        (folder / f"{option.strip('-')}.txt").write_text(text, encoding="utf-8")
    return [part for option in texts for part in (option, str(folder / f"{option.strip('-')}.txt"))]


def _run(command: Sequence[str]) -> str:
    """Run a command and return its output. Raises EnvironmentNotReady with its last lines if it fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise EnvironmentNotReady(
            f"`{' '.join(command[:4])} …` failed:\n{said}\nCheck that this runtime can reach its package index, then "
            "run this cell again; with ENGINES empty the worker runs without this"
        )
    return done.stdout


def _providers() -> str:
    """Ask in a new process, which has not loaded any module from before the installation."""
    return _run([sys.executable, "-P", "-c", _PROVIDERS]).strip() if _has("onnxruntime") else "none: no onnxruntime"


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "-"


def _ffmpeg() -> str:
    program = shutil.which("ffmpeg")
    return _run([program, "-version"]).split("\n", 1)[0].strip() if program else "none on PATH: that of imageio-ffmpeg"


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
