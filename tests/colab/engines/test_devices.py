"""The words for a device: one set for every engine."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from colab.engines import devices
from colab.engines.devices import WORDS, Device, NoSuchDevice, chosen, meant
from colab.handlers.transcribe import whisper_place
from colab.handlers.tts import onnx_session
from colab.handlers.tts.engines import ENGINES, VoiceRequest
from colab.models import Models
from protocol.errors import JobFailed

ROOT = Path(__file__).parents[3]


def choose(asked: str | None, *, has_gpu: bool) -> Device:
    return chosen(asked, "Kokoro", has_gpu=has_gpu, hint="install it")


@pytest.mark.parametrize("word", [*WORDS, "CUDAExecutionProvider", " Cpu ", "GPU"])
def test_every_word_means_the_same_whoever_is_asked(word, monkeypatch):
    """Recognisers, engines on torch and those on ONNX Runtime; small and large letters."""
    device = meant(word)
    assert device in ("cuda", "cpu")
    assert choose(word, has_gpu=True).name == device
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 1)
    monkeypatch.setattr("ctranslate2.get_supported_compute_types", lambda _: {"int8"})
    assert whisper_place.expected(word).device == device
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [onnx_session.CUDA, onnx_session.CPU])
    assert onnx_session.expected_place(word).device == device


@pytest.mark.parametrize("word", ["TensorrtExecutionProvider", "tpu", "cuda:1", "CPUs", ""])
def test_a_word_that_means_none_is_refused_and_never_the_cpu(word, monkeypatch):
    """Whether a GPU is there or not, and with the words that there are."""
    for has_gpu in (True, False):
        with pytest.raises(NoSuchDevice, match=r"can use only: .*cpu\. Hint: ask for one") as refused:
            choose(word, has_gpu=has_gpu)
        assert refused.value.code == "UNSUPPORTED"
    with pytest.raises(NoSuchDevice):
        whisper_place.expected(word)
    with pytest.raises(NoSuchDevice, match="has only"):
        onnx_session.expected_place(word)


def test_a_provider_of_onnx_runtimes_own_is_used_where_its_build_has_it(monkeypatch):
    """By its name in any letters; engines that are not on ONNX Runtime refuse it."""
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CoreMLExecutionProvider", onnx_session.CPU])
    assert onnx_session.expected_place("coremlexecutionprovider").provider == "CoreMLExecutionProvider"
    with pytest.raises(NoSuchDevice):
        choose("CoreMLExecutionProvider", has_gpu=True)


def test_a_gpu_that_is_not_there_is_an_error_with_the_hint():
    """Who asks for none gets the best there is."""
    with pytest.raises(NoSuchDevice, match="Hint: install it, or ask for cpu"):
        choose("cuda", has_gpu=False)
    assert choose(None, has_gpu=True).name == "cuda"
    assert choose(None, has_gpu=False).name == "cpu"


def test_a_gpu_that_cannot_be_used_is_in_the_record(monkeypatch):
    """Unless the CPU was asked for: then nothing is amiss."""
    monkeypatch.setattr(devices.shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    assert str(choose(None, has_gpu=False)) == "cpu (a GPU is there, unused)"
    assert str(choose("cpu", has_gpu=False)) == "cpu"
    assert str(choose(None, has_gpu=True)) == "cuda"


def test_a_voice_that_is_kept_from_its_device_is_passed_over_aloud(models: Models):
    """Another engine speaks, and the result says why the better one did not."""
    odd = Models(dataclasses.replace(models._places, provider="TensorrtExecutionProvider"))
    chosen_one = ENGINES.choose(odd, VoiceRequest())
    assert chosen_one.engine.name == "espeak"
    assert any("kokoro-onnx" in each and "TensorrtExecutionProvider" in each for each in chosen_one.passed_over)
    with pytest.raises(JobFailed, match="has only") as failed:
        ENGINES.choose(odd, VoiceRequest(), "kokoro-onnx")
    assert failed.value.code == "UNSUPPORTED"


def test_the_page_tells_the_words():
    """What a worker's owner may write stands in docs/engines.md, word for word."""
    told = (ROOT / "docs/engines.md").read_text(encoding="utf-8")
    listed = re.search(r"<!-- devices -->(.*?)<!-- end of devices -->", told, re.DOTALL)
    assert listed is not None
    assert {word.lower() for word in re.findall(r"`([^`]+)`", listed[1])} - {"onnx_provider"} == set(WORDS)


def engines_on_torch(files: Any) -> dict[str, Any]:
    from colab.handlers.analyze.clip_blip import ClipBlip
    from colab.handlers.enhance.llm import LanguageModel
    from colab.handlers.tts.f5 import F5
    from colab.handlers.tts.kokoro_torch import KokoroTorch
    from colab.handlers.upscale.realesrgan import RealEsrgan
    from protocol.kinds.analyze import Params

    def with_(provider: str | None) -> Models:
        return Models(dataclasses.replace(files._places, provider=provider))

    return {
        "upscale": lambda asked: RealEsrgan(with_(asked), "realesrgan-x4plus"),
        "analyze": lambda asked: ClipBlip(with_(asked), Params(), frozenset({"tags"})),
        "enhance": lambda asked: LanguageModel(with_(asked), device=asked),
        "f5": lambda asked: F5(with_(asked), device=asked),
        "kokoro": lambda asked: KokoroTorch(with_(asked), device=asked),
    }


@pytest.mark.extras
@pytest.mark.parametrize("name", ["upscale", "analyze", "enhance", "f5", "kokoro"])
def test_every_engine_on_torch_takes_the_same_words(name, models: Models, monkeypatch):
    """`gpu` is a GPU for all of them, and what none knows is refused by all of them."""
    import torch

    make = engines_on_torch(models)[name]
    assert {str(make(word)._device) for word in ("cpu", "CPUExecutionProvider", None)} == {"cpu"}
    with pytest.raises(NoSuchDevice, match="can use only: cpu"):
        make("TensorrtExecutionProvider")
    with pytest.raises(NoSuchDevice, match="CUDA build"):
        make("gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("colab.handlers.enhance.llm._gpu_bytes", lambda: 0)
    assert str(make("gpu")._device) == "cuda"
