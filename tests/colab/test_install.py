"""What the notebook tells uv, and what it checks afterwards; `end_to_end/test_colab_resolution` resolves for real."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from colab import install
from colab.install import (
    ENGINES,
    ONNX_CUDA,
    check_providers,
    check_unchanged,
    chosen,
    extras_of,
    pinned,
    plan,
    requirement,
)
from colab.models.known import MODELS
from protocol.errors import EnvironmentNotReady, UsageError

FREEZE = """\
# a comment
torch==2.11.0+cu128
Torch_Audio==2.11.0
numpy==2.1.3
nvidia-cudnn-cu12==9.19.0.56
pydantic_core==2.46.4
spacy @ https://example.invalid/spacy.whl
-e git+https://example.invalid/x.git#egg=x
gpudrop==0.1.0
"""


def test_everything_with_a_plain_version_is_held() -> None:
    """Names are normalised, local versions kept; what came from an address and what we installed is not held."""
    held = plan(FREEZE, "wanted", gpu=True).constraints.splitlines()
    assert held == [
        "torch==2.11.0+cu128",
        "torch-audio==2.11.0",
        "numpy==2.1.3",
        "nvidia-cudnn-cu12==9.19.0.56",
        "pydantic-core==2.46.4",
    ]


def test_a_gpu_gets_the_cuda_build_alone() -> None:
    """Where there is a GPU the CUDA build is asked for and the plain one forbidden; elsewhere neither."""
    gpu, cpu = plan(FREEZE, "wanted", gpu=True), plan(FREEZE, "wanted", gpu=False)
    assert gpu.requirements.splitlines() == ["wanted", ONNX_CUDA]
    assert "onnxruntime ; sys_platform == 'never'" in gpu.overrides.splitlines()
    assert cpu.requirements.splitlines() == ["wanted"]
    assert "onnxruntime" not in cpu.overrides


def test_torch_is_left_only_where_it_is() -> None:
    """A runtime's torch is never installed over; a runtime without one may get it."""
    assert "torch ; sys_platform == 'never'" in plan(FREEZE, "wanted", gpu=False).overrides.splitlines()
    assert "torch" not in plan("numpy==2.1.3\n", "wanted", gpu=False).overrides


@pytest.mark.parametrize(
    ("there", "gpu", "gone"),
    [
        ("onnxruntime==1.32.0\n", True, ("onnxruntime",)),
        ("onnxruntime==1.32.0\nonnxruntime-gpu==1.26.0\n", True, ("onnxruntime", "onnxruntime-gpu")),
        ("onnxruntime-gpu==1.26.0\n", True, ()),
        ("onnxruntime==1.32.0\n", False, ()),
    ],
)
def test_a_plain_build_that_is_there_goes_first(there: str, gpu: bool, gone: tuple[str, ...]) -> None:
    """The two builds share files, so a plain one takes the other with it; without a GPU nothing goes."""
    assert plan(there, "wanted", gpu=gpu).remove == gone


def test_the_wheel_is_named_by_its_address(tmp_path: Path) -> None:
    """A folder as Drive names it, with a blank, gives an address that a file of requirements can hold."""
    wheel = tmp_path / "My Drive" / "gpudrop-0.1.0-py3-none-any.whl"
    assert requirement(("a", "b"), wheel) == f"gpudrop[a,b] @ {tmp_path.as_uri()}/My%20Drive/{wheel.name}"


def test_what_changed_is_named() -> None:
    """Another torch, or a CUDA package that is gone, is an error that names both versions and the hint; others may."""
    after = FREEZE.replace("2.11.0+cu128", "2.13.0").replace("nvidia-cudnn-cu12==9.19.0.56\n", "")
    with pytest.raises(EnvironmentNotReady, match=r"torch 2\.11\.0\+cu128 -> 2\.13\.0, nvidia-cudnn-cu12 .* -> gone"):
        check_unchanged(FREEZE, after)
    with pytest.raises(EnvironmentNotReady, match="delete runtime"):
        check_unchanged(FREEZE, after)
    check_unchanged(FREEZE, FREEZE.replace("2.46.4", "2.50.0") + "kokoro-onnx==0.6.1\n")


def test_a_gpu_without_its_provider_is_an_error() -> None:
    """A GPU with the CPU build is told with the hint; without a GPU, or with CUDA, all is well."""
    with pytest.raises(
        EnvironmentNotReady, match=r"only offers CPUExecutionProvider. Run `uv pip uninstall onnxruntime"
    ):
        check_providers("CPUExecutionProvider", gpu=True)
    check_providers("CPUExecutionProvider", gpu=False)
    check_providers("CUDAExecutionProvider, CPUExecutionProvider", gpu=True)


def test_the_table_has_a_line_for_each() -> None:
    """The table tells this interpreter, what is installed here, and a dash for what is not."""
    rows = dict(line.split(maxsplit=1) for line in install.table("CPUExecutionProvider").splitlines())
    assert rows["python"] == sys.version.split()[0]
    assert rows["providers"] == "CPUExecutionProvider"
    assert rows["kokoro-onnx"].startswith("0.6")
    assert rows["onnxruntime-gpu"] == "-"


def test_an_installation_that_fails_tells_why_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv's own last lines are in the error, with the hint; nothing goes on as if it had worked."""
    uv = tmp_path / "uv"
    uv.write_text('#!/bin/sh\n[ "$2" = freeze ] && exit 0\necho "no version of kokoro-onnx" >&2\nexit 1\n')
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(EnvironmentNotReady, match=r"(?s)pip install.*no version of kokoro-onnx.*with ENGINES empty"):
        install.install(("kokoro",), tmp_path / "gpudrop.whl")


def test_a_freeze_of_this_environment_is_read() -> None:
    """uv's real freeze is understood: what Python says is installed here is in it."""
    said = subprocess.run([sys.executable, "-m", "uv", "pip", "freeze"], capture_output=True, text=True, check=True)
    assert pinned(said.stdout)["numpy"] == install._version("numpy")


def test_each_word_of_the_form_stands_for_extras_and_models() -> None:
    """Every extra is one of our package, every model is in the table; a word twice is once, an unknown one is told."""
    declared = tomllib.loads((Path(install.__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    known = set(declared["project"]["optional-dependencies"])
    for choice in ENGINES.values():
        assert set(choice.extras) <= known
        assert set(choice.models) <= set(MODELS)
    assert extras_of("") == extras_of(" , ") == ()
    assert extras_of("Whisper, voices,whisper") == ("whisper", "kokoro", "misaki")
    with pytest.raises(UsageError, match="unknown engine whispr in ENGINES; choose from: voices, whisper, upscale"):
        chosen("voices, whispr")


def test_what_must_not_come_is_the_same_everywhere() -> None:
    """The notebook keeps away what our own environments keep away."""
    path = Path(install.__file__).parents[1] / "requirements" / "overrides.txt"
    lines = [line.split(";")[0].strip() for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert sorted(line for line in lines if line) == sorted(install._UNWANTED)
