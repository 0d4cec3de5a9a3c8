"""Kokoro on ONNX Runtime, by a tiny model whose sounds tell what was said: the loading code is the real one."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from kokoro_onnx.config import DEFAULT_VOCAB
from onnx import TensorProto

from colab.engines import devices
from colab.handlers.tts import kokoro_onnx_model, onnx_session
from colab.handlers.tts.espeak import Espeak
from colab.handlers.tts.kokoro_onnx import MODEL, STYLES, KokoroOnnx
from colab.handlers.tts.phoneme_source import source_for
from colab.handlers.tts.phonemes import Phonemes
from protocol.errors import JobFailed
from tests.support.kokoro import (
    FRAME,
    RATE,
    Files,
    frames_of,
    heard_tokens,
    loudness,
    write_model,
    write_other_model,
    write_voices,
)

TEXT = "The cost of the 3 units is low, so buy more."
LONG = " ".join(["1234567890"] * 20)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Return model files that tell durations."""
    write_model(tmp_path / MODEL)
    write_voices(tmp_path / STYLES, af_heart=0.3, am_michael=0.15, if_sara=0.3)
    return Files(tmp_path)


def phonemes_of(text: str, language: str = "en-us") -> str:
    return "".join(mark for mark in source_for(language)(text).text if mark in DEFAULT_VOCAB)


def sounding(text: str) -> list[int]:
    """The tokens of a text as an ear hears them: blanks are silent, and a doubled one is heard once."""
    tokens = [DEFAULT_VOCAB[mark] for mark in phonemes_of(text)]
    heard = [token for at, token in enumerate(tokens) if at == 0 or tokens[at - 1] != token]
    return [token for token in heard if token != DEFAULT_VOCAB[" "]]


def speak(engine: KokoroOnnx, text: str = TEXT, voice: str = "default", speed: float = 1.0):
    return engine.speak(text, engine.pick(voice, "en-us"), speed)


@pytest.mark.parametrize("tokens", ["tokens", "input_ids"])
@pytest.mark.parametrize("durations", [True, False])
def test_everything_is_said_in_order(tmp_path, tokens, durations):
    """Every phoneme sounds, in the order of the text, whatever the export calls its inputs."""
    write_model(tmp_path / MODEL, tokens=tokens, durations=durations)
    write_voices(tmp_path / STYLES, af_heart=0.3)
    speech = speak(KokoroOnnx(Files(tmp_path)))
    assert heard_tokens(speech.samples) == sounding(TEXT)
    assert (speech.rate, speech.samples.dtype, speech.samples.ndim) == (RATE, np.float32, 1)


def test_the_model_gets_its_own_phonemes(files):
    """Diphthongs are capitals, as the model was trained: "cost" and "low" are not eSpeak's raw IPA."""
    assert phonemes_of("low boy") == "lˈO bˈY"
    assert heard_tokens(speak(KokoroOnnx(files), "low").samples) == [DEFAULT_VOCAB[mark] for mark in "lˈO"]


def test_word_times_are_those_of_the_sounds(files):
    """With durations every word starts and ends where its tones do, to the frame."""
    speech = speak(KokoroOnnx(files))
    assert speech.exact
    assert [word.text for word in speech.words] == TEXT.split()
    tokens = [DEFAULT_VOCAB[mark] for mark in phonemes_of(TEXT)]
    edges = np.cumsum([frames_of(0), *(frames_of(token) for token in tokens)]) * FRAME / RATE
    blanks = [at for at, token in enumerate(tokens) if token == DEFAULT_VOCAB[" "]]
    assert speech.words[0].start_s == pytest.approx(edges[0], abs=1e-6)
    assert speech.words[0].end_s == pytest.approx(edges[blanks[0]], abs=1e-6)
    assert speech.words[1].start_s == pytest.approx(edges[blanks[0] + 1], abs=1e-6)
    assert speech.words[-1].end_s == pytest.approx(edges[-1], abs=1e-6)
    starts = [word.start_s for word in speech.words]
    assert starts == sorted(starts)


def test_without_durations_times_are_estimates_and_say_so(tmp_path):
    """An export that does not tell gives times in order within the sound, marked as not exact."""
    write_model(tmp_path / MODEL, durations=False)
    write_voices(tmp_path / STYLES, af_heart=0.3)
    speech = speak(KokoroOnnx(Files(tmp_path)))
    assert speech.exact is False
    edges = [edge for word in speech.words for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
    assert edges[0] == pytest.approx(0.1, abs=0.03)
    assert edges[-1] == pytest.approx(len(speech.samples) / RATE - 0.1, abs=0.03)


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_speed_reaches_the_model(files, speed):
    """Speech at speed s takes 1/s of the time of speed 1."""
    engine = KokoroOnnx(files)
    assert len(speak(engine, speed=speed).samples) * speed == len(speak(engine).samples)


def test_a_text_over_the_models_limit_is_split_and_nothing_is_lost(files):
    """A few numbers are thousands of phonemes: all are heard, in order, and every word has its time."""
    assert len(phonemes_of(LONG)) > 3 * 510
    speech = speak(KokoroOnnx(files), LONG)
    assert heard_tokens(speech.samples) == sounding(LONG)
    assert len(speech.words) == 20
    starts = [word.start_s for word in speech.words]
    assert starts == sorted(starts)
    assert speech.exact


def test_joins_make_no_click(files):
    """Where parts meet, the sound falls to zero and rises from it; no step is larger than those of the tones."""
    engine = KokoroOnnx(files)
    part = speak(engine, "one two three four five").samples
    whole = speak(engine, LONG).samples
    steepest = float(np.abs(np.diff(part)).max()) * 2  # rows of the voice further on are up to twice as loud
    assert float(np.abs(np.diff(whole)).max()) <= steepest
    assert abs(float(whole[0])) < 1e-3
    assert abs(float(whole[-1])) < 1e-3


def test_the_style_is_the_row_of_the_length(files):
    """A text of n phonemes is spoken with row n - 1 of its voice, and voices differ."""
    engine = KokoroOnnx(files)
    for text in ("hello", TEXT):
        for voice, base in (("af_heart", 0.3), ("am_michael", 0.15)):
            wanted = loudness(len(phonemes_of(text)) - 1, base)
            assert float(np.abs(speak(engine, text, voice).samples).max()) == pytest.approx(wanted, rel=0.02)


def test_the_same_text_gives_the_same_samples(tmp_path):
    """The real model draws noise at every run; here it is fixed, even for a session opened anew."""
    write_model(tmp_path / MODEL, noise=True)
    write_voices(tmp_path / STYLES, af_heart=0.3)
    engine = KokoroOnnx(Files(tmp_path))
    first = speak(engine)
    speak(engine, "Something else.")
    again = speak(engine)
    kokoro_onnx_model.loaded_model.cache.clear()
    anew = speak(KokoroOnnx(Files(tmp_path)))
    assert np.array_equal(first.samples, again.samples)
    assert np.array_equal(first.samples, anew.samples)
    assert first.words == again.words == anew.words
    noise = first.samples[: 2 * FRAME]
    assert 0.005 < float(noise.std()) < 0.02, "the noise is still there: consonants are made of it"


def test_espeak_is_still_the_same_each_time_beside_it(files):
    """Opening the package does not keep eSpeak's library loaded: the embedded engine still starts from nothing."""
    espeak = Espeak()
    voice = espeak.pick("default", "en-us")
    alone = espeak.speak("Welcome to the launcher.", voice, 1.0).samples
    speak(KokoroOnnx(files))
    for _ in range(3):
        assert np.array_equal(espeak.speak("Welcome to the launcher.", voice, 1.0).samples, alone)


def test_the_model_stays_open(files):
    """Two engines share one model in memory; a file that changed is opened anew."""
    first, second = KokoroOnnx(files), KokoroOnnx(files)
    assert first._opened() is second._opened()
    write_model(files.path(MODEL), durations=False)
    assert speak(KokoroOnnx(files)).exact is False


def test_making_an_engine_opens_nothing(tmp_path):
    """A card can be made while no file is there yet."""
    engine = KokoroOnnx(Files(tmp_path))
    record = engine.record()
    assert (record.name, record.tier, record.rate, record.device) == ("kokoro-onnx", "neural", 24_000, "cpu")
    assert record.model_sha256 == "ab" * 32
    assert record.version.startswith("0.6") or record.version[0].isdigit()
    assert " g2p=" in record.version


def test_the_record_says_who_read_the_text(files):
    """The version names the phonemes: other phonemes are another reading of the same text."""
    engine = KokoroOnnx(files)
    record = engine.record(engine.pick("if_sara", "it"))
    assert record.version.endswith(f"g2p={source_for('it').name}")
    assert record.voice == "if_sara"


def test_text_without_a_phoneme_gives_no_samples(files):
    """A sign that nobody can say is silence with a word, not a crash."""
    speech = speak(KokoroOnnx(files), "~ ^")
    assert speech.exact is False
    assert [word.text for word in speech.words] == ["~", "^"]


@pytest.mark.parametrize("length", [1, 510])
def test_the_shortest_and_the_longest_go_in_one_piece(files, length):
    """The model takes 510 phonemes at once, no less."""
    opened = KokoroOnnx(files)._opened()
    said = opened.say(Phonemes(text="a" * length, words=(0,) * length), "af_heart", 1.0)
    assert said.edges is not None
    assert len(said.edges) == length + 1


def test_warming_runs_every_length_once(files):
    """What is run on a GPU at the start are the lengths of the table, in any voice of the file."""
    opened = KokoroOnnx(files)._opened()
    lengths: list[int] = []
    run = opened.kokoro._infer
    opened.kokoro._infer = lambda tokens, *more: (lengths.append(len(tokens)), run(tokens, *more))[1]
    kokoro_onnx_model.warm(opened)
    kokoro_onnx_model.loaded_model.cache.clear()
    assert lengths == list(kokoro_onnx_model.WARM_LENGTHS)


# What may be wrong with the files.


def failure(files: Files, **asked) -> JobFailed:
    with pytest.raises(JobFailed) as failed:
        speak(KokoroOnnx(files), **asked)
    return failed.value


def test_another_model_is_named_with_what_was_expected(files):
    """An ONNX file of another model is refused before it is run, with both lists of inputs."""
    write_other_model(files.path(MODEL))
    failed = failure(files)
    assert failed.code == "ENGINE"
    for part in (MODEL, "tokens or input_ids", "style", "speed", "image tensor(float)", "mask"):
        assert part in str(failed)


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_torn_model_is_named(files, noise, share):
    """Half a model file, or an empty one, is an ENGINE failure that names it and tells the hint."""
    write_model(files.path(MODEL), noise=noise)
    whole = files.path(MODEL).read_bytes()
    files.path(MODEL).write_bytes(whole[: int(len(whole) * share)])
    failed = failure(files)
    assert failed.code == "ENGINE"
    assert MODEL in str(failed)
    assert "fetched again" in str(failed)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_torn_voices_are_named(files, share):
    """Half a file of voices is an ENGINE failure that names it."""
    whole = files.path(STYLES).read_bytes()
    files.path(STYLES).write_bytes(whole[: int(len(whole) * share)])
    failed = failure(files)
    assert failed.code == "ENGINE"
    assert STYLES in str(failed)


def test_a_voice_that_the_file_lacks_lists_those_it_has(files):
    """A known voice that is not in this file is UNSUPPORTED, and the message lists the file's."""
    failed = failure(files, voice="af_bella")
    assert failed.code == "UNSUPPORTED"
    assert "no 'af_bella'; it has: af_heart, am_michael, if_sara" in str(failed)


def test_voices_of_another_width_are_refused(files):
    """A voices file of another model does not fit: both widths are told."""
    with files.path(STYLES).open("wb") as file:
        np.savez(file, af_heart=np.zeros((510, 1, 128), dtype=np.float32))
    failed = failure(files)
    assert failed.code == "ENGINE"
    assert "its styles have 256 numbers, the voices 128" in str(failed)


def test_an_export_of_whole_speeds_never_rounds(files):
    """Speed 1.2 on an export that takes 1 or 2 is refused; it is not spoken at another speed."""
    write_model(files.path(MODEL), speed_type=TensorProto.INT32)
    assert speak(KokoroOnnx(files), speed=1.0).exact
    failed = failure(files, speed=1.2)
    assert failed.code == "UNSUPPORTED"
    assert "whole speeds only, not 1.2" in str(failed)


# Where it runs.


@pytest.mark.parametrize("asked", ["cuda", "CUDAExecutionProvider", "GPU"])
def test_cuda_asked_for_and_absent(files, asked):
    """A provider that this build lacks is UNSUPPORTED, with what there is and what to install."""
    with pytest.raises(JobFailed, match=r"has only: .*CPUExecutionProvider.*onnxruntime-gpu") as failed:
        KokoroOnnx(files, provider=asked)
    assert failed.value.code == "UNSUPPORTED"


def test_a_provider_asked_for_and_there_is_used(files):
    """The short name and the long one both work, and the record tells the session's own word."""
    for asked in ("cpu", "CPUExecutionProvider"):
        engine = KokoroOnnx(files, provider=asked)
        speak(engine)
        record = engine.record()
        assert (record.provider, record.device) == ("CPUExecutionProvider", "cpu")


def test_a_cuda_build_that_falls_back_says_so(files, monkeypatch, caplog):
    """CUDA in the list but not in the session is a warning and a record that tells, never a silent CPU."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [onnx_session.CUDA, onnx_session.CPU])
    monkeypatch.setattr(onnx_session, "_chain", lambda _: [onnx_session.CPU])
    kokoro_onnx_model.loaded_model.cache.clear()
    engine = KokoroOnnx(files)
    assert engine.record().provider == onnx_session.CUDA, "what is expected, before it is opened"
    with caplog.at_level(logging.WARNING):
        speak(engine)
    record = engine.record()
    assert (record.provider, record.device) == ("CPUExecutionProvider", "cpu (a GPU is there, unused)")
    assert "although a GPU is there" in caplog.text
    with pytest.raises(JobFailed, match="could not be started") as failed:
        speak(KokoroOnnx(files, provider="cuda"))
    assert failed.value.code == "UNSUPPORTED"
    kokoro_onnx_model.loaded_model.cache.clear()


def test_a_model_that_does_not_fit_is_no_torn_file(files, monkeypatch):
    """Where opening it takes the last of the memory nobody is told to remove it, and the job may find room later."""
    from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

    def full(*_, **__):
        raise RuntimeException("bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 9")

    kokoro_onnx_model.loaded_model.cache.clear()
    with monkeypatch.context() as patch:
        patch.setattr(onnxruntime, "InferenceSession", full)
        failed = failure(files)
    assert failed.code == "OUT_OF_MEMORY"
    assert "remove" not in str(failed)
    assert speak(KokoroOnnx(files)).exact


def test_a_gpu_beside_a_build_without_cuda_is_said(files, monkeypatch, caplog):
    """A driver is there, the build cannot use it: the record and the log tell, with the hint."""
    monkeypatch.setattr(devices.shutil, "which", lambda _: "/usr/bin/nvidia-smi")
    kokoro_onnx_model.loaded_model.cache.clear()
    engine = KokoroOnnx(files)
    with caplog.at_level(logging.WARNING):
        speak(engine)
    assert engine.record().device == "cpu (a GPU is there, unused)"
    assert "onnxruntime-gpu" in caplog.text
    kokoro_onnx_model.loaded_model.cache.clear()


def test_cuda_gets_our_options():
    """New lengths are not tuned for again and again, and memory grows by what is asked for."""
    assert onnx_session._chain(onnx_session.CUDA) == [
        (
            "CUDAExecutionProvider",
            {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"},
        ),
        ("CPUExecutionProvider", {}),
    ]
