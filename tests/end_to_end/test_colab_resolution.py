"""What uv would install on Colab, from a freeze of its runtime: resolved for its Python and platform, not run there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from colab.install import ENGINES, GUARDED, ONNX_CUDA, InstallPlan, extras_of, pinned, plan, requirement
from dispatcher.workers.package import build_wheel

FREEZE = (Path(__file__).parents[1] / "support" / "colab_freeze.txt").read_text("utf-8")
TARGET = ("--python-version", "3.13", "--python-platform", "x86_64-manylinux_2_28")
VOICES = extras_of("voices")
UNREACHABLE = re.compile("error sending request|Request failed|Failed to fetch|dns error|Network connectivity", re.I)

Resolve = Callable[[InstallPlan], dict[str, str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def resolve(tmp_path_factory: pytest.TempPathFactory) -> Resolve:
    """Return what uv makes of a plan on Colab; skips where no package index can be reached, but never in the build."""

    @cache
    def resolved(planned: InstallPlan) -> dict[str, str]:
        folder = tmp_path_factory.mktemp("plan")
        for name in ("requirements", "constraints", "overrides"):
            (folder / f"{name}.txt").write_text(getattr(planned, name))
        told = ["--constraints", "constraints.txt", "--overrides", "overrides.txt", "requirements.txt"]
        command = [sys.executable, "-m", "uv", "pip", "compile", "-q", "--no-header", "--no-annotate", *TARGET, *told]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode != 0 and UNREACHABLE.search(done.stderr) and not os.environ.get("CI"):
            pytest.skip("no package index can be reached, and the resolver needs one")
        assert done.returncode == 0, done.stderr
        return pinned(done.stdout)

    return resolved


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3])


def test_the_runtimes_packages_stay(wheel: Path, resolve: Resolve) -> None:
    """With the notebook's extras torch does not come at all, and numpy, CUDA and all else there stay as they are."""
    frozen = pinned(FREEZE)
    chosen = resolve(plan(FREEZE, requirement(VOICES, wheel), gpu=True))
    assert not {"torch", "torchvision", "torchaudio", "onnxruntime", "phonemizer-fork"} & set(chosen)
    assert chosen["numpy"] == frozen["numpy"] == "2.1.3"
    assert {name for name in chosen if name in frozen and chosen[name] != frozen[name]} == set()
    assert {name for name in chosen if GUARDED.fullmatch(name)} == {"numpy"}


def test_the_voices_come_in_the_versions_that_work(wheel: Path, resolve: Resolve) -> None:
    """kokoro-onnx and misaki are not the old releases that pip would take, and ONNX Runtime is built for CUDA 12."""
    chosen = resolve(plan(FREEZE, requirement(VOICES, wheel), gpu=True))
    assert _numbers(chosen["kokoro-onnx"]) >= (0, 6, 1)
    assert _numbers(chosen["misaki"]) >= (0, 9, 4)
    assert (1, 24) <= _numbers(chosen["onnxruntime-gpu"]) < (1, 27)


def test_kokoro_on_torch_leaves_colabs_torch(wheel: Path, resolve: Resolve) -> None:
    """The PyTorch engine is added beside the runtime's torch, although it declares an older Python."""
    chosen = resolve(plan(FREEZE, requirement((*VOICES, "kokoro-torch"), wheel), gpu=True))
    assert chosen["kokoro"] == "0.9.4"
    assert {name for name in chosen if GUARDED.fullmatch(name)} == {"numpy"}


def test_without_a_gpu_the_plain_build_comes(wheel: Path, resolve: Resolve) -> None:
    """On Colab's CPU runtime ONNX Runtime is the plain one, and the rest stays likewise."""
    chosen = resolve(plan(FREEZE, requirement(VOICES, wheel), gpu=False))
    assert "onnxruntime" in chosen
    assert "onnxruntime-gpu" not in chosen
    assert {name for name in chosen if GUARDED.fullmatch(name)} == {"numpy"}


def test_without_our_overrides_the_trap_is_real(resolve: Resolve) -> None:
    """kokoro-onnx alone brings the plain build beside the CUDA build, and another numpy."""
    chosen = resolve(
        InstallPlan(requirements=f"kokoro-onnx>=0.6.1\n{ONNX_CUDA}\n", constraints="", overrides="", remove=())
    )
    assert {"onnxruntime", "onnxruntime-gpu"} <= set(chosen)
    assert chosen["numpy"] != pinned(FREEZE)["numpy"]


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "voices"])
def test_every_engine_leaves_the_runtimes_packages(engine: str, wheel: Path, resolve: Resolve) -> None:
    """Beside the voices each engine is added, and no package that was there has another version, torch above all."""
    frozen = pinned(FREEZE)
    chosen = resolve(plan(FREEZE, requirement(extras_of(f"voices, {engine}"), wheel), gpu=True))
    assert {name for name in chosen if name in frozen and chosen[name] != frozen[name]} == set()
    assert {name for name in chosen if GUARDED.fullmatch(name)} <= {"numpy"}
    brought = {"whisper": "faster-whisper", "upscale": "spandrel", "vision": "transformers", "llm": "accelerate"}
    assert brought.get(engine, "f5-tts") in chosen
    assert not {"opencv-python", "gradio", "bitsandbytes", "cached-path", "onnxruntime"} & set(chosen)


def test_all_engines_fit_together(wheel: Path, resolve: Resolve) -> None:
    """Who names every word of the form gets them all, and the runtime's own packages stay."""
    frozen = pinned(FREEZE)
    chosen = resolve(plan(FREEZE, requirement(extras_of(", ".join(ENGINES)), wheel), gpu=True))
    assert {"faster-whisper", "spandrel", "accelerate", "f5-tts", "kokoro-onnx"} <= set(chosen)
    assert {name for name in chosen if name in frozen and chosen[name] != frozen[name]} == set()
