"""Kokoro on PyTorch, by the package's own model with few random weights. Without the package, only that is said."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from colab.handlers.tts import TtsHandler, kokoro_torch
from colab.handlers.tts.engines import ENGINES, VoiceRequest
from colab.handlers.tts.kokoro_torch import CONFIG, STYLES, WEIGHTS, KokoroTorch
from colab.models import ModelPlaces, Models
from protocol.errors import JobFailed
from tests.support import no_room
from tests.support.kokoro import Files

pytestmark = [
    pytest.mark.filterwarnings("ignore:dropout option adds dropout:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning"),
]

TEXT = "The cost of the 3 units is low."
LONG = " ".join(["1234567890"] * 6)


def test_without_the_package_it_says_so(tmp_path, monkeypatch):
    """A machine without torch is UNSUPPORTED with what to install; nothing is imported before."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    told = r"torch and kokoro not installed here: .*pip install .*gpudrop\[kokoro-torch\]"
    with pytest.raises(JobFailed, match=told) as failed:
        ENGINES.choose(Models(ModelPlaces(folder=tmp_path, offline=True)), VoiceRequest(), "kokoro")
    assert failed.value.code == "UNSUPPORTED"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Return a tiny model's files."""
    from tests.support import tiny_torch_kokoro

    folder = tmp_path / "models"
    folder.mkdir()
    (folder / CONFIG).parent.mkdir()
    tiny_torch_kokoro.write(folder / CONFIG, folder / WEIGHTS)
    random = np.random.default_rng(1)
    voices = {name: random.standard_normal((510, 1, 256), dtype=np.float32) for name in ("af_heart", "am_michael")}
    with (folder / STYLES).open("wb") as file:
        np.savez(file, **voices)
    return Files(folder)


class Ready(KokoroTorch):
    """One whose files are not in the table of models."""

    def files(self) -> tuple[str, ...]:
        return ()


def speak(engine: KokoroTorch, text: str = TEXT, voice: str = "default", speed: float = 1.0):
    return engine.speak(text, engine.pick(voice, "en-us"), speed)


@pytest.mark.extras
def test_it_speaks_with_word_times(files):
    """Samples follow the tokens, every word has its time within the sound, and the times are the model's."""
    speech = speak(KokoroTorch(files))
    assert (speech.rate, speech.samples.dtype, speech.samples.ndim) == (24_000, np.float32, 1)
    assert [word.text for word in speech.words] == TEXT.split()
    edges = [edge for word in speech.words for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
    assert edges[0] > 0
    assert edges[-1] < len(speech.samples) / 24_000
    assert speech.exact


@pytest.mark.extras
def test_the_same_text_gives_the_same_samples(files):
    """The model draws noise; here it draws the same each time, and leaves the process's own dice alone."""
    import torch

    engine = KokoroTorch(files)
    first = speak(engine)
    torch.manual_seed(5)
    assert np.array_equal(first.samples, speak(engine).samples)
    after = torch.rand(1)
    speak(engine, "Something else.")
    kokoro_torch.loaded_model.cache.clear()
    assert np.array_equal(first.samples, speak(KokoroTorch(files)).samples)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(1))


@pytest.mark.extras
def test_text_voice_and_speed_reach_the_model(files):
    """Another text or voice is another sound, and more speed is less of it."""
    engine = KokoroTorch(files)
    one = speak(engine)
    assert not np.array_equal(one.samples, speak(engine, voice="am_michael").samples)
    assert len(speak(engine, TEXT + " And more.").samples) > len(one.samples)
    assert len(speak(engine, speed=2.0).samples) < 0.75 * len(one.samples)


@pytest.mark.extras
def test_a_text_over_the_models_limit_is_split(files):
    """More than 510 phonemes are spoken in parts, and every word has its time."""
    speech = speak(KokoroTorch(files), LONG)
    starts = [word.start_s for word in speech.words]
    assert len(starts) == 6
    assert starts == sorted(starts)


@pytest.mark.extras
def test_the_record_tells_device_and_phonemes(files):
    """Engine, version with the phonemes, torch and the device are told, before anything is loaded."""
    engine = KokoroTorch(files)
    record = engine.record(engine.pick("am_michael", "en-us"))
    assert (record.name, record.voice, record.rate, record.tier) == ("kokoro", "am_michael", 24_000, "neural")
    assert record.provider.startswith("torch 2.")
    assert record.device in ("cpu", "cuda")
    assert " g2p=" in record.version


@pytest.mark.extras
def test_cuda_asked_for_and_absent(files, monkeypatch):
    """CUDA without a GPU is UNSUPPORTED with the hint."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(JobFailed, match="can use only: cpu") as failed:
        KokoroTorch(files, device="cuda")
    assert KokoroTorch(files, device="CPUExecutionProvider").record().device == "cpu"
    assert failed.value.code == "UNSUPPORTED"


@pytest.mark.extras
@pytest.mark.parametrize("full", no_room.WAYS)
def test_a_model_that_does_not_fit_is_said_and_not_kept(files, monkeypatch, full):
    """Where loading it takes the last of the memory, that is OUT_OF_MEMORY; with room again it is loaded."""
    with no_room.for_models(monkeypatch, full), pytest.raises(JobFailed, match="speak with another engine") as failed:
        speak(KokoroTorch(files), "Yes.")
    assert failed.value.code == "OUT_OF_MEMORY"
    assert speak(KokoroTorch(files), "Yes.").exact


@pytest.mark.extras
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_torn_weights_are_named(files, share):
    """Half a file of weights is an ENGINE failure that names it and tells the hint."""
    whole = files.path(WEIGHTS).read_bytes()
    files.path(WEIGHTS).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(JobFailed, match=f"{Path(WEIGHTS).name} is no file of tensors") as failed:
        speak(KokoroTorch(files))
    assert failed.value.code == "ENGINE"


@pytest.mark.extras
def test_weights_that_lack_something_are_refused(files):
    """The package itself would leave the rest at random and speak noise."""
    import torch

    parts = torch.load(files.path(WEIGHTS), weights_only=True)
    del parts["decoder"]
    torch.save(parts, files.path(WEIGHTS))
    with pytest.raises(
        JobFailed, match=r"is not Kokoro's: it lacks \d+ of the model's tensors, as decoder\."
    ) as failed:
        speak(KokoroTorch(files))
    assert failed.value.code == "ENGINE"


@pytest.mark.extras
def test_weights_of_another_model_are_refused(files):
    """A good file of tensors that is no Kokoro is an ENGINE failure that names both files."""
    import torch

    torch.save({"encoder": {"weight": torch.zeros(2)}}, files.path(WEIGHTS))
    with pytest.raises(JobFailed, match=f"{Path(WEIGHTS).name} and {Path(CONFIG).name} are not") as failed:
        speak(KokoroTorch(files))
    assert failed.value.code == "ENGINE"


@pytest.mark.extras
def test_a_whole_job(files, tell, monkeypatch):
    """The handler speaks by it as by any engine: clips, times and a record."""
    kokoro = next(row for row in ENGINES.rows if row.name == "kokoro")
    row = replace(kokoro, open=lambda _: Ready(files))
    told = tell(TEXT, "", engine="kokoro", handler=TtsHandler(table=replace(ENGINES, rows=(row,))))
    assert told.result.engine.name == "kokoro"
    assert [word for word, _, _ in told.clips[0].words] == TEXT.split()
    assert told.result.summary["silent"] == ["s1"]
