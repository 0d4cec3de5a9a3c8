"""Whisper, loaded by the real code from verified files: a tiny one of random weights."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from colab.fake_workbench import FakeWorkbench
from colab.handlers.transcribe import engines, whisper, whisper_place
from colab.handlers.transcribe.engine import Language
from colab.handlers.transcribe.whisper import FasterWhisper
from colab.models import ModelPlaces, Models, owner, shop
from protocol.errors import JobFailed
from protocol.kinds.transcribe import Params, read_transcript
from tests.support.whisper import SPOKEN, models_with

Desks = Callable[..., FakeWorkbench]


def noise(seconds: float, seed: int = 1) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(round(seconds * 16_000)) * 0.1).astype(np.float32)


@pytest.fixture
def tiny(with_whisper: Models) -> FasterWhisper:
    engine = FasterWhisper(with_whisper, "small")
    engine.open()
    return engine


def heard(engine: FasterWhisper, seconds: float = 40, **raw: Any) -> tuple[Any, ...]:
    params = Params(**{"vad": False, "beam_size": 1, "batch_size": 4, **raw})
    return engine.hear(noise(seconds), "en", params, lambda _: None)


def test_a_file_is_heard_by_the_whisper_that_is_here(talk: Path, with_whisper: Models, desk_for: Desks) -> None:
    """Its words get into every format; the record names the library, the model, its digest and its device."""
    work = desk_for(talk, with_whisper, formats=["srt", "json"])
    result = work.run()
    assert result.engine.name == "faster-whisper"
    assert result.engine.tier == "neural"
    assert result.engine.device == "cpu"
    assert result.engine.provider.startswith("CTranslate2/")
    assert "small" in result.engine.version
    assert result.engine.model_sha256 == with_whisper.sha256("whisper-small/model.bin")
    assert "passed_over" not in result.summary
    assert "rough" not in result.summary
    told = read_transcript(work.outputs()["source.json"])
    assert told.word_segments
    assert {word.word for word in told.word_segments} <= set(SPOKEN)
    assert not told.rough


def test_the_same_file_gives_the_same_bytes(talk: Path, with_whisper: Models, desk_for: Desks) -> None:
    """Also from a model that was loaded for another job."""
    first, second = (desk_for(talk, with_whisper, formats=["json", "ass"]) for _ in range(2))
    first.run()
    second.run()
    assert first.outputs() == second.outputs()


def test_nothing_is_asked_of_a_network(
    talk: Path, with_whisper: Models, desk_for: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library would fetch what it does not find; it finds everything."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert desk_for(talk, with_whisper).run().engine.name == "faster-whisper"


def test_what_is_said_depends_on_the_sound(tiny: FasterWhisper) -> None:
    """The tiny model is no constant, so the tests with it can fail."""
    params = Params(vad=False, beam_size=1)
    first, second = (tiny.hear(noise(5, seed), "en", params, lambda _: None) for seed in (1, 2))
    assert [word.text for said in first for word in said.words] != [word.text for said in second for word in said.words]


@pytest.mark.parametrize("model", ["turbo", "large-v3-turbo"])
def test_a_named_model_is_the_one_that_is_used(
    talk: Path, whisper_files: Path, tmp_path: Path, desk_for: Desks, model: str
) -> None:
    """`turbo` is short for large-v3-turbo."""
    models = models_with(tmp_path / "m", whisper_files, "small", "large-v3-turbo")
    assert "large-v3-turbo" in desk_for(talk, models, model=model).run().engine.version


def test_without_a_gpu_small_goes_before_turbo(
    talk: Path, whisper_files: Path, tmp_path: Path, desk_for: Desks
) -> None:
    """Whoever asks for no model gets the best for the machine; translating is not what turbo was taught."""
    both = models_with(tmp_path / "both", whisper_files, "large-v3-turbo", "small")
    assert " small " in desk_for(talk, both).run().engine.version
    turbo = models_with(tmp_path / "turbo", whisper_files, "large-v3-turbo")
    assert " large-v3-turbo " in desk_for(talk, turbo).run().engine.version
    with pytest.raises(JobFailed, match="whisper-small") as failed:
        desk_for(talk, turbo, task="translate").run()
    assert failed.value.code == "UNSUPPORTED"


@pytest.fixture
def with_owners(whisper_files: Path, tmp_path: Path) -> Models:
    """Return a worker whose owner added a Whisper, by the command's own call, and that has no other."""
    place = ModelPlaces(folder=tmp_path / "models", offline=True)
    told = {"kind": "transcribe", "licence": "MIT", "purpose": "hears dialects"}
    shop.add(place, tmp_path / "models.toml", "dialects", sorted(whisper_files.iterdir()), told)
    owned = tuple(owner.read(tmp_path / "models.toml").values())
    return Models(ModelPlaces(folder=tmp_path / "models", offline=True, provider="cpu", owned=owned), files={})


def test_a_whisper_that_the_owner_added_is_used_by_its_name(talk: Path, with_owners: Models, desk_for: Desks) -> None:
    """It is loaded from its verified files, and the record names it; the card tells of it."""
    result = desk_for(talk, with_owners, model="dialects").run()
    assert " dialects " in result.engine.version
    assert result.engine.model_sha256 == with_owners.sha256("dialects/model.bin")
    assert engines.choices(with_owners)["faster-whisper"]["model"] == ("auto", "turbo", "dialects")
    assert [engine.name for engine in engines.ENGINES.available(with_owners)] == ["faster-whisper", "pocketsphinx"]


def test_the_owners_whisper_comes_after_those_of_the_table(
    talk: Path, with_owners: Models, whisper_files: Path, tmp_path: Path, desk_for: Desks
) -> None:
    """Who names no model gets it where there is no other."""
    assert " dialects " in desk_for(talk, with_owners).run().engine.version
    both = models_with(tmp_path / "models", whisper_files, "tiny")
    both = Models(with_owners._places, files=both._files)
    assert " tiny " in desk_for(talk, both).run().engine.version


@pytest.mark.parametrize("name", ["huge", "kokoro-82m", "whisper-small"])
def test_what_is_no_whisper_is_not_loaded_as_one(talk: Path, with_owners: Models, desk_for: Desks, name: str) -> None:
    """A job cannot have a worker load another file of its table; the names that there are are told."""
    with pytest.raises(JobFailed, match=r"large-v3-turbo.*dialects") as failed:
        desk_for(talk, with_owners, model=name).run()
    assert failed.value.code == "UNSUPPORTED"


def test_on_a_gpu_turbo_goes_first(whisper_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order is another one there."""
    models = models_with(tmp_path / "both", whisper_files, "small", "large-v3-turbo", provider=None)
    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 1)
    monkeypatch.setattr("ctranslate2.get_supported_compute_types", lambda _: {"float16", "int8_float16"})
    (best, *_) = engines.ENGINES.available(models)
    assert (best.record().device, best.record().provider) == ("cuda", "CTranslate2/float16")
    assert "large-v3-turbo" in best.record().version
    assert best.piece_s == whisper.PIECE_S["cuda"]


def test_a_model_that_is_not_here_is_passed_over_and_that_is_said(
    talk: Path, whisper_files: Path, tmp_path: Path, desk_for: Desks
) -> None:
    """The embedded recogniser steps in, labelled; who named the model gets an error instead."""
    models = models_with(tmp_path / "m", whisper_files, "small", present=False)
    result = desk_for(talk, models, formats=["srt"]).run()
    assert result.engine.name == "pocketsphinx"
    assert "gpudrop models pull whisper-small" in result.summary["passed_over"][0]
    assert result.summary["rough"] is True
    assert "rough" in result.summary["notes"][0]
    for asked in ({"model": "small"}, {"engine": "faster-whisper"}):
        with pytest.raises(JobFailed) as failed:
            desk_for(talk, models, **asked).run()
        assert failed.value.code == "UNSUPPORTED"


@pytest.mark.parametrize("file", ["model.bin", "tokenizer.json", "config.json"])
def test_a_file_with_another_content_is_not_loaded(
    talk: Path, with_whisper: Models, desk_for: Desks, file: str
) -> None:
    """A flipped byte is found before the library sees the file."""
    path = with_whisper.path(f"whisper-small/{file}")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    fresh = desk_for(talk, with_whisper, engine="faster-whisper")
    path.write_bytes(data)
    with pytest.raises(JobFailed) as failed:
        fresh.run()
    assert failed.value.code == "UNSUPPORTED"
    assert not fresh.published


def test_a_table_without_a_tokenizer_offers_no_model(whisper_files: Path, tmp_path: Path) -> None:
    """The library would ask a hub for one."""
    models = models_with(tmp_path / "m", whisper_files, "small")
    models._files = {name: file for name, file in models._files.items() if "tokenizer" not in name}
    assert [engine.name for engine in engines.ENGINES.available(models)] == ["pocketsphinx"]


def test_files_that_are_no_whisper_are_an_engine_error(tmp_path: Path, whisper_files: Path) -> None:
    """Verified, but not what the library can load."""
    folder = tmp_path / "torn"
    folder.mkdir()
    for file in whisper_files.iterdir():
        (folder / file.name).write_bytes(file.read_bytes()[:5000] if file.name == "model.bin" else file.read_bytes())
    engine = FasterWhisper(models_with(tmp_path / "m", folder, "small"), "small")
    with pytest.raises(JobFailed, match="small") as failed:
        engine.open()
    assert failed.value.code == "ENGINE"


def test_a_card_tells_first_what_needs_no_download(whisper_files: Path, tmp_path: Path) -> None:
    """A Whisper that would have to be fetched comes after the recogniser that is here; offline it is not told of."""
    offline = models_with(tmp_path / "m", whisper_files, "small", present=False)
    assert [engine.name for engine in engines.ENGINES.available(offline)] == ["pocketsphinx"]
    online = Models(ModelPlaces(folder=tmp_path / "m", provider="cpu"), files=offline._files)
    assert [engine.name for engine in engines.ENGINES.available(online)] == ["pocketsphinx", "faster-whisper"]
    here = models_with(tmp_path / "h", whisper_files, "small")
    assert [engine.name for engine in engines.ENGINES.available(here)] == ["faster-whisper", "pocketsphinx"]


def out_of_memory_from(tiny: FasterWhisper, least: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Make the model fail as CUDA does for batches of `least` and more; return the list of what was tried."""
    tried: list[int] = []
    encode = tiny._loaded.encode

    def refuse(features: Any) -> Any:
        tried.append(features.shape[0] if features.ndim == 3 else 1)
        if tried[-1] >= least:
            raise RuntimeError("CUDA failed with error out of memory")
        return encode(features)

    monkeypatch.setattr(tiny._loaded, "encode", refuse)
    return tried


def test_a_batch_that_does_not_fit_is_halved(tiny: FasterWhisper, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words are the same as of the whole batch, the smaller one stays, and people are told."""
    expected = heard(tiny, 110)
    tried = out_of_memory_from(tiny, 2, monkeypatch)
    assert heard(tiny, 110) == expected
    assert tried[:3] == [4, 2, 1]
    tried.clear()
    assert heard(tiny, 110) == expected
    assert max(tried) == 1
    assert tiny.remarks() == ("batch size 1: more at once did not fit into memory",)


def test_when_nothing_fits_the_job_ends_with_the_hint(tiny: FasterWhisper, monkeypatch: pytest.MonkeyPatch) -> None:
    """After one window at a time, in the library's own way, there is nothing smaller."""
    tried = out_of_memory_from(tiny, 1, monkeypatch)
    with pytest.raises(JobFailed, match="smaller model") as failed:
        heard(tiny, 110)
    assert failed.value.code == "OUT_OF_MEMORY"
    assert tried == [4, 2, 1, 1]


def test_another_failure_is_the_engines(tiny: FasterWhisper, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost GPU is no want of memory: it is not tried again with less."""

    def lost(_: Any) -> None:
        raise RuntimeError("CUDA failed with error unspecified launch failure")

    monkeypatch.setattr(tiny._loaded, "encode", lost)
    with pytest.raises(JobFailed, match="unspecified launch failure") as failed:
        heard(tiny)
    assert failed.value.code == "ENGINE"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("CUDA failed with error unspecified launch failure", "ENGINE"),
        ("CUDA failed with error an illegal memory access was encountered", "ENGINE"),
        ("CUDA failed with error out of memory", "OUT_OF_MEMORY"),
    ],
)
def test_a_gpu_that_fails_while_the_language_is_heard_heals(
    talk: Path, with_whisper: Models, desk_for: Desks, monkeypatch: pytest.MonkeyPatch, said: str, code: str
) -> None:
    """With `language` auto the model first runs there: the failure has its code, and the next job loads anew."""

    def lost(*_: Any, **__: Any) -> None:
        raise RuntimeError(said)

    desk_for(talk, with_whisper).run()
    (engine,) = engines.loaded
    loaded = engine._loaded  # type: ignore[attr-defined]
    monkeypatch.setattr(loaded, "model", SimpleNamespace(is_multilingual=True))  # the tiny one knows English only
    monkeypatch.setattr(loaded, "encode", lost)
    with pytest.raises(JobFailed, match="Whisper small") as failed:
        desk_for(talk, with_whisper, language="auto").run()
    assert failed.value.code == code
    assert not len(engines.loaded)
    assert desk_for(talk, with_whisper).run().engine.name == "faster-whisper"


def test_after_a_lost_gpu_the_next_job_loads_anew(
    talk: Path, with_whisper: Models, desk_for: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model that failed is not used again; the job may be tried elsewhere."""

    def lost(*_: Any) -> None:
        raise RuntimeError("CUDA failed with error unspecified launch failure")

    desk_for(talk, with_whisper).run()
    (engine,) = engines.loaded
    monkeypatch.setattr(engine._loaded, "encode", lost)  # type: ignore[attr-defined]
    with pytest.raises(JobFailed, match="failed on cpu") as failed:
        desk_for(talk, with_whisper).run()
    assert failed.value.code == "ENGINE"
    assert desk_for(talk, with_whisper).run().engine.name == "faster-whisper"


def test_a_gpu_that_does_not_work_is_said_and_the_cpu_used(
    talk: Path, whisper_files: Path, tmp_path: Path, desk_for: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CTranslate2 tells of missing CUDA libraries when it first runs; who insists on the GPU gets an error."""
    load = whisper_place._tried

    def without_cublas(folder: Path, device: str, compute: str, model: str) -> Any:
        if device == "cuda":
            raise RuntimeError("Library libcublas.so.12 is not found or cannot be loaded")
        return load(folder, device, compute, model)

    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 1)
    monkeypatch.setattr(whisper_place, "_tried", without_cublas)
    result = desk_for(talk, models_with(tmp_path / "a", whisper_files, "small", provider=None)).run()
    assert result.engine.device == "cpu"
    assert "libcublas" in result.summary["notes"][0]
    with pytest.raises(JobFailed, match="libcublas") as failed:
        desk_for(
            talk, models_with(tmp_path / "b", whisper_files, "small", provider="cuda"), engine="faster-whisper"
        ).run()
    assert failed.value.code == "UNSUPPORTED"


def test_a_gpu_that_is_full_is_no_reason_for_the_cpu(
    whisper_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models of other kinds may hold its memory: OUT_OF_MEMORY has the job tried without them."""
    tried: list[str] = []

    def full(folder: Path, device: str, compute: str, model: str) -> Any:
        tried.append(device)
        raise RuntimeError("CUDA failed with error out of memory")

    monkeypatch.setattr("ctranslate2.get_cuda_device_count", lambda: 1)
    monkeypatch.setattr("ctranslate2.get_supported_compute_types", lambda _: {"float16", "int8_float16"})
    monkeypatch.setattr(whisper_place, "_tried", full)
    with pytest.raises(JobFailed, match="memory of cuda") as failed:
        FasterWhisper(models_with(tmp_path / "m", whisper_files, "small", provider=None), "small").open()
    assert failed.value.code == "OUT_OF_MEMORY"
    assert set(tried) == {"cuda"}


def test_a_model_that_does_not_fit_is_loaded_in_smaller_numbers(
    with_whisper: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the record says in which."""
    load = whisper_place._tried

    def full(folder: Path, device: str, compute: str, model: str) -> Any:
        if compute == "int8":
            raise RuntimeError("std::bad_alloc")
        return load(folder, device, compute, model)

    monkeypatch.setattr(whisper_place, "_tried", full)
    engine = FasterWhisper(with_whisper, "small")
    engine.open()
    assert engine.record().provider == "CTranslate2/int8_float32"


def test_a_better_model_that_does_not_fit_is_passed_over_aloud(
    talk: Path, whisper_files: Path, tmp_path: Path, desk_for: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left to itself the worker takes the next smaller one, and the result says so at each job; a named one fails."""
    load = whisper_place._tried

    def full(folder: Path, device: str, compute: str, model: str) -> Any:
        if model == "small":
            raise RuntimeError("CUDA failed with error out of memory")
        return load(folder, device, compute, model)

    monkeypatch.setattr(whisper_place, "_tried", full)
    models = models_with(tmp_path / "m", whisper_files, "small", "base")
    for _ in range(2):
        result = desk_for(talk, models).run()
        assert " base " in result.engine.version
        (said,) = result.summary["passed_over"]
        assert said.startswith("faster-whisper: Whisper small does not fit into the memory of cpu")
    with pytest.raises(JobFailed, match="Whisper small does not fit") as failed:
        desk_for(talk, models, model="small").run()
    assert failed.value.code == "OUT_OF_MEMORY"


def test_the_language_is_decided_once(
    talk: Path, with_whisper: Models, desk_for: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the first piece in which somebody speaks; the others are heard in it."""
    asked: list[Language | None] = []
    languages: list[str] = []
    decide, hear = FasterWhisper.language, FasterWhisper.hear

    def counted(self: FasterWhisper, piece: np.ndarray) -> Language | None:
        asked.append(decide(self, piece))
        return asked[-1]

    def noted(self: FasterWhisper, piece: np.ndarray, language: str, *rest: Any) -> Any:
        languages.append(language)
        return hear(self, piece, language, *rest)

    monkeypatch.setattr(FasterWhisper, "language", counted)
    monkeypatch.setattr(FasterWhisper, "hear", noted)
    monkeypatch.setitem(whisper.PIECE_S, "cpu", 1.5)
    result = desk_for(talk, with_whisper).run()
    assert len([one for one in asked if one is not None]) == 1
    assert len(languages) > 2
    assert set(languages) == {result.summary["language"]}
    assert result.summary["language_probability"] > 0


def test_silence_is_an_empty_transcript(tmp_path: Path, with_whisper: Models, desk_for: Desks) -> None:
    """Nobody is made to say "Thanks for watching"; the summary says that nobody speaks."""
    import soundfile

    soundfile.write(tmp_path / "still.wav", np.zeros(48_000), 16_000)
    work = desk_for(tmp_path / "still.wav", with_whisper, formats=["srt", "json", "tsv"])
    summary = work.run().summary
    assert summary["nobody_speaks"] is True
    assert summary["notes"] == ["no speech was found: the transcript is empty"]
    assert work.outputs()["source.srt"] == b""
    assert read_transcript(work.outputs()["source.json"]).segments == ()


def test_without_word_times_cues_are_timed_by_their_letters(talk: Path, with_whisper: Models, desk_for: Desks) -> None:
    """JSON has segments then, and no words."""
    work = desk_for(talk, with_whisper, formats=["srt", "json"], word_times=False, language="de")
    assert work.run().summary["language"] == "de"
    told = read_transcript(work.outputs()["source.json"])
    assert told.segments
    assert not told.word_segments
    assert b" --> " in work.outputs()["source.srt"]


def test_a_translation_is_english(talk: Path, with_whisper: Models, desk_for: Desks) -> None:
    """The summary tells what was spoken."""
    work = desk_for(
        talk, with_whisper, formats=["json"], task="translate", language="fr", prompt="Hello", hotwords="km"
    )
    summary = work.run().summary
    assert (summary["language"], summary["spoken"]) == ("en", "fr")
    assert read_transcript(work.outputs()["source.json"]).language == "en"


@pytest.mark.parametrize("provider", ["TensorrtExecutionProvider", "cuda"])
def test_a_device_that_is_not_here_is_refused(
    talk: Path, whisper_files: Path, tmp_path: Path, desk_for: Desks, provider: str
) -> None:
    """Where the worker's owner insists on it."""
    models = models_with(tmp_path / "m", whisper_files, "small", provider=provider)
    with pytest.raises(JobFailed) as failed:
        desk_for(talk, models, engine="faster-whisper").run()
    assert failed.value.code == "UNSUPPORTED"
