"""F5-TTS by the packages' own model and vocoder with few random weights. Without the package, only that is said."""

from __future__ import annotations

import importlib.util
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from colab.handlers.tts import f5_model
from colab.handlers.tts.engine import SpokenText, VoiceRecording
from colab.handlers.tts.engines import CLONING, ENGINES, VoiceRequest
from colab.handlers.tts.f5 import F5, LETTERS, VOCODER, VOCODER_CONFIG, WEIGHTS
from colab.models import ModelPlaces, Models
from protocol.errors import JobFailed
from protocol.kinds import tts
from tests.support import no_room
from tests.support.kokoro import Files, models_of
from tests.support.reference import SAID, recording

extras = pytest.mark.extras
NAMES = (WEIGHTS, LETTERS, VOCODER_CONFIG, VOCODER)
TEXT = "The cost of the three units is low."


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny model's files."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tests.support import tiny_f5

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("f5")
    for name in NAMES:
        (folder / name).parent.mkdir(exist_ok=True)
    tiny_f5.write(*(folder / name for name in NAMES))
    return folder


@pytest.fixture
def files(made: Path, tmp_path: Path) -> Files:
    """Return copies of the files, which a test may spoil."""
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((made / name).read_bytes())
    return Files(tmp_path)


def reference(**more: Any) -> VoiceRecording:
    """Return a recording of a voice, as a job brings it."""
    return VoiceRecording(
        **{"samples": recording(), "rate": 24_000, "text": SAID, "sha256": "cd" * 32, "nfe_step": 4, **more}
    )


def speak(engine: F5, text: str = TEXT, speed: float = 1.0, **more: Any) -> SpokenText:
    return engine.speak(text, engine.clone(reference(**more), "en-us", speed), speed)


def test_without_the_package_it_says_so(tmp_path, monkeypatch):
    """A machine without the packages is UNSUPPORTED with what to install; nothing is imported before."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    models = Models(ModelPlaces(folder=tmp_path, offline=True))
    with pytest.raises(JobFailed, match=r"f5_tts and vocos not installed here: .*install .*gpudrop\[f5\]") as failed:
        ENGINES.choose(models, VoiceRequest(), "f5")
    assert failed.value.code == "UNSUPPORTED"


def test_it_names_its_files(tmp_path):
    """Those that it opens are those that are fetched before."""
    assert F5.files(None) == NAMES
    assert CLONING in ENGINES


@extras
def test_it_speaks_at_the_pace_of_the_recording(files):
    """The recording is not in what comes out, which is as long as the text is at the recording's pace."""
    speech = speak(F5(files))
    assert (speech.rate, speech.samples.dtype, speech.samples.ndim) == (24_000, np.float32, 1)
    expected_s = reference().seconds * len(TEXT) / len(f"{SAID} ")
    assert len(speech.samples) / 24_000 == pytest.approx(expected_s, abs=0.05)
    assert [word.text for word in speech.words] == TEXT.split()
    starts = [word.start_s for word in speech.words]
    assert starts == sorted(starts)
    assert not speech.exact


@extras
def test_equal_requests_give_equal_samples(files):
    """One seed, one clip, also after the model was opened again; the process's own dice are left alone."""
    import torch

    engine = F5(files)
    first = speak(engine)
    torch.manual_seed(5)
    assert np.array_equal(first.samples, speak(engine).samples)
    after = torch.rand(1)
    f5_model.opened.cache.clear()
    assert np.array_equal(first.samples, speak(F5(files)).samples)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(1))


@extras
@pytest.mark.parametrize(
    "change",
    [
        {"seed": 7},
        {"nfe_step": 6},
        {"cfg_strength": 0.5},
        {"text": f"{SAID[:-1]}, really."},
        {"samples": recording()[::-1].copy()},
    ],
    ids=str,
)
def test_every_wish_reaches_the_model(files, change):
    """Seed, steps, strength, the recording and its text each change what is heard."""
    engine = F5(files)
    one, other = speak(engine), speak(engine, **change)
    assert len(one.samples) != len(other.samples) or not np.allclose(one.samples, other.samples, atol=1e-4)


@extras
def test_speed_and_text_set_the_length(files):
    """Twice the speed is half the time, and more text is more of it."""
    engine = F5(files)
    one = speak(engine)
    assert len(speak(engine, speed=2.0).samples) == pytest.approx(len(one.samples) / 2, abs=600)
    assert len(speak(engine, f"{TEXT} {TEXT}").samples) == pytest.approx(2 * len(one.samples), rel=0.05)


@extras
def test_a_quiet_recording_is_raised_and_the_speech_lowered_again(files):
    """The model hears a usual level; what it says has the recording's."""
    engine = F5(files)
    usual = speak(engine, samples=recording() * np.float32(0.05 / np.sqrt(np.mean(recording() ** 2))))
    quiet = speak(engine, samples=recording() * np.float32(0.005 / np.sqrt(np.mean(recording() ** 2))))
    assert np.allclose(quiet.samples, usual.samples / 10, atol=1e-4)


@extras
@pytest.mark.parametrize("name", NAMES)
def test_torn_files_are_named(files, name):
    """Half a file is an ENGINE failure that names it."""
    whole = files.path(name).read_bytes()
    files.path(name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(JobFailed, match=Path(name).name) as failed:
        speak(F5(files))
    assert failed.value.code == "ENGINE"


@extras
def test_letters_of_another_model_are_refused(files):
    """Numbers of letters would mean other letters: noise, or a crash far from its cause."""
    with files.path(LETTERS).open("a") as file:
        file.write("ß\n")
    with pytest.raises(JobFailed, match=r"it was trained with \d+ letters, and there are") as failed:
        speak(F5(files))
    assert failed.value.code == "ENGINE"


@extras
def test_weights_that_lack_something_are_refused(files):
    """No part of the model stays at random."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(files.path(WEIGHTS))
    del tensors["ema_model.transformer.proj_out.weight"]
    save_file(tensors, files.path(WEIGHTS))
    with pytest.raises(JobFailed, match=r"transformer\.proj_out\.weight") as failed:
        speak(F5(files))
    assert failed.value.code == "ENGINE"


@extras
def test_a_vocoder_may_not_name_other_code(files):
    """Its configuration could import anything; one part of the package would download."""
    config = files.path(VOCODER_CONFIG).read_text()
    files.path(VOCODER_CONFIG).write_text(config.replace("MelSpectrogramFeatures", "EncodecFeatures"))
    with pytest.raises(JobFailed, match=r"its feature_extractor is vocos\.[a-z_.]+EncodecFeatures") as failed:
        speak(F5(files))
    assert failed.value.code == "ENGINE"


@extras
def test_letters_that_it_does_not_have_are_told(files):
    """The model would leave them out without a word."""
    with pytest.raises(JobFailed, match=r"does not know 'éß'.*lexicon") as failed:
        speak(F5(files), "Café, groß – really…")
    assert failed.value.code == "BAD_REQUEST"


@extras
def test_without_room_it_speaks_in_parts(files, monkeypatch):
    """A text for which the GPU has no room is halved, until one word is too much."""
    import torch

    say, said = f5_model.OpenedF5.say, []

    def crowded(opened: f5_model.OpenedF5, call: f5_model.F5Call) -> Any:
        text = call.text.removeprefix(f"{SAID} ")
        said.append(text)
        if len(text.split()) > room:
            raise torch.cuda.OutOfMemoryError("no room")
        return say(opened, call)

    monkeypatch.setattr(f5_model.OpenedF5, "say", crowded)
    room, engine = 4, F5(files)
    speech = speak(engine)
    assert said == [TEXT, "The cost of the", "three units is low."]
    assert [word.text for word in speech.words] == TEXT.split()
    room = 0
    with pytest.raises(JobFailed, match="for one word too") as failed:
        speak(engine)
    assert failed.value.code == "OUT_OF_MEMORY"


@extras
@pytest.mark.parametrize("full", no_room.WAYS)
def test_a_model_that_does_not_fit_is_said_and_not_kept(files, monkeypatch, full):
    """Where loading it takes the last of the memory, that is OUT_OF_MEMORY; with room again it is loaded."""
    f5_model.opened.cache.clear()
    with no_room.for_models(monkeypatch, full), pytest.raises(JobFailed, match="speak with another engine") as failed:
        F5(files)._open()
    assert failed.value.code == "OUT_OF_MEMORY"
    assert F5(files)._open().device == "cpu"


@extras
def test_a_language_that_it_never_heard(files):
    """Only English and Chinese; the accent is the recording's."""
    engine = F5(files)
    with pytest.raises(JobFailed, match="does not speak the language 'de'") as failed:
        engine.clone(reference(), "de", 1.0)
    assert failed.value.code == "BAD_REQUEST"
    assert engine.clone(reference(), "zh_CN", 1.0).language == "cmn"


@extras
def test_pinyin_is_read(files):
    """Chinese goes to the model as pinyin, which its letters hold."""
    engine = F5(files)
    assert f5_model._pieces("你好") == [" ", "ni2", " ", "hao3"]
    with pytest.raises(JobFailed, match="ni2"):
        speak(engine, "你好")


@extras
def test_a_whole_job(make_work, made, tmp_path):
    """A narration is spoken step by step in chunks that fit beside the recording, in order, twice the same."""
    soundfile.write(tmp_path / "ref.wav", recording(), 24_000)
    params = tts.Params(
        steps=(tts.Step(id="a", narration=TEXT), tts.Step(id="b", narration=f"{TEXT} {TEXT}")),
        ref_text=SAID, consent=True, nfe_step=4,
    )  # fmt: skip
    heard = []
    for _ in range(2):
        work = make_work(params, engine="f5", sources={"ref_audio": tmp_path / "ref.wav"})
        work.models = models_of(made, *NAMES)
        result = work.run()
        assert result.engine.name == "f5"
        assert result.engine.voice.startswith("recording ")
        heard.append([work.output(tts.wav_path(step)).read_bytes() for step in "ab"])
        words = json.loads(work.output(tts.words_path("b")).read_text())["words"]
        assert [word for word, _, _ in words] == f"{TEXT} {TEXT}".split()
    assert heard[0] == heard[1]
    assert len(heard[0][1]) > 1.8 * len(heard[0][0])


@extras
def test_it_never_takes_the_place_of_another_engine(made):
    """With all its files here it still comes last, and nobody gets it who did not bring a recording."""
    models = models_of(made, *NAMES)
    assert [engine.name for engine in ENGINES.available(models)][-1] == "f5"
    assert ENGINES.choose(models, VoiceRequest()).engine.name == "espeak"
    assert ENGINES.choose(models, VoiceRequest(reference=reference())).engine.name == "f5"
    with pytest.raises(JobFailed, match="send ref_audio and ref_text") as failed:
        ENGINES.choose(models, VoiceRequest(), "f5")
    assert failed.value.code == "BAD_REQUEST"
