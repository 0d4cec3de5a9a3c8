"""What libraries say when a device fails, and what it means."""

from __future__ import annotations

import pytest

from colab.engines.device_failures import failed, gpu_is_lost, out_of_memory, told
from colab.engines.model_cache import cached
from protocol.errors import JobFailed

FULL = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 14.56 GiB",
    "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
    "CUDA failed with error out of memory",
    "CUDA_ERROR_OUT_OF_MEMORY",
    "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate",
    "[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "std::bad_alloc",
    "bfc_arena.cc:376 Available memory of 3 is smaller than requested bytes; Failed to allocate memory for requested",
)
LOST = (
    "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronously reported",
    "CUDA error: unspecified launch failure",
    "CUDA failed with error an illegal memory access was encountered",
    "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx`",
    "CUDA failure 700: an illegal memory access was encountered ; GPU=0",
    "CUDA error: device-side assert triggered",
)
OTHER = ("mat1 and mat2 shapes cannot be multiplied (1x3 and 4x5)", "", "Input type mismatch of memory format")


@pytest.mark.parametrize(
    ("said", "full", "lost"),
    [
        *((said, True, False) for said in FULL),
        *((said, False, True) for said in LOST),
        *((said, False, False) for said in OTHER),
    ],
)
def test_what_is_said_is_understood(said, full, lost):
    """Too little memory, a lost GPU, or neither: never both, and never by the word memory alone."""
    problem = RuntimeError(said)
    assert (out_of_memory(problem), gpu_is_lost(problem)) == (full, lost)
    ended = failed(problem, "Kokoro", "cuda", hint="end the rest")
    assert ended.code == ("OUT_OF_MEMORY" if full else "ENGINE")
    assert ("end the rest" in str(ended), "the GPU was lost" in str(ended)) == (full, lost)


def test_what_python_itself_has_no_memory_for_is_the_same():
    """MemoryError needs no words."""
    with pytest.raises(JobFailed, match="MemoryError") as ended, told("a model", "cpu", hint="take a smaller one"):
        raise MemoryError
    assert ended.value.code == "OUT_OF_MEMORY"


def test_what_was_explained_before_is_not_explained_again():
    """A message of ours that speaks of memory, or of CUDA, keeps its code."""
    ours = JobFailed("out of memory, CUDA error", code="BAD_REQUEST")
    assert not out_of_memory(ours)
    assert not gpu_is_lost(ours)
    with pytest.raises(JobFailed) as ended, told("a model", "cpu", hint=""):
        raise ours
    assert ended.value is ours


def test_a_model_is_let_go_of_before_another_is_loaded():
    """Two may not fit; one that could not be loaded leaves nothing behind."""
    there: list[str] = []

    @cached()
    def load(name: str) -> str:
        there.append(f"{name} beside {len(load.cache)}")
        if name == "broken":
            raise RuntimeError(name)
        return name.upper()

    assert [load("a"), load("a"), load("b")] == ["A", "A", "B"]
    assert there == ["a beside 0", "b beside 0"]
    with pytest.raises(RuntimeError):
        load("broken")
    assert len(load.cache) == 0
    assert load("b") == "B"
    assert there[2:] == ["broken beside 0", "b beside 0"]


def test_of_several_models_the_one_that_was_used_longest_ago_goes():
    """As many stay as fit together."""
    loaded: list[str] = []

    @cached(most=2)
    def load(name: str) -> str:
        loaded.append(name)
        return name

    for name in ("clip", "blip", "clip", "other", "clip", "blip"):
        load(name)
    assert loaded == ["clip", "blip", "other", "blip"]
