"""Whole jobs through the handler with a Kokoro engine: clips, word times and records as a sender gets them."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kokoro_onnx.config import DEFAULT_VOCAB

from colab.config import WorkerSettings
from colab.handlers.tts import HANDLER, kokoro_onnx_model
from colab.handlers.tts.engines import ENGINES, VoiceRequest
from colab.handlers.tts.kokoro_onnx import MODEL, STYLES, KokoroOnnx
from colab.handlers.tts.kokoro_torch import CONFIG, WEIGHTS, KokoroTorch
from colab.handlers.tts.phoneme_source import source_for
from colab.models import ModelPlaces, Models
from protocol.errors import JobFailed
from protocol.kinds import tts
from tests.support.kokoro import heard_tokens, models_of, write_model, write_voices

TEXT = "Welcome to the launcher. Every notebook begins here, with 3 cells."
LONG = " ".join(["The counter shows 1234567890 and 9876543210 and 1231231234 items"] * 12) + "."


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """Return the model files of a worker whose best engine is Kokoro."""
    return written(tmp_path / "made")


def written(folder: Path, pace: float = 1.0) -> Models:
    folder.mkdir()
    write_model(folder / MODEL, pace=pace)
    write_voices(folder / STYLES, af_heart=0.3, am_michael=0.15, bf_emma=0.3)
    return models_of(folder, MODEL, STYLES)


def tokens_of(text: str) -> list[int]:
    """What an ear should hear of a text: no blanks, no marks (a mark may be trimmed at the end), doubles once."""
    tokens = [DEFAULT_VOCAB[mark] for mark in source_for("en-us")(text).text if mark in DEFAULT_VOCAB]
    heard = [token for at, token in enumerate(tokens) if at == 0 or tokens[at - 1] != token]
    return [token for token in heard if token != DEFAULT_VOCAB[" "]]


def test_a_job_is_spoken_by_kokoro(tell):
    """Clips are 24 kHz with all that was written, in order, and the record tells who spoke."""
    told = tell(TEXT, "Stop.", engine="kokoro-onnx", voice="am_michael")
    record = told.result.engine
    assert (record.name, record.voice, record.rate, record.tier) == ("kokoro-onnx", "am_michael", 24_000, "neural")
    assert (record.provider, record.device) == ("CPUExecutionProvider", "cpu")
    assert "substituted" not in told.result.summary
    clip = told.clips[0]
    assert clip.rate == 24_000
    assert heard_tokens(clip.samples) == tokens_of("Welcome to the launcher.") + tokens_of(
        "Every notebook begins here, with 3 cells."
    )
    assert clip.times["exact"] is True
    assert [word for word, _, _ in clip.words] == TEXT.split()


def test_words_sound_where_the_times_say(tell):
    """In the finished clip there is sound in every word, and a pause after the sentence."""
    clip = tell(TEXT, engine="kokoro-onnx").clips[0]
    for _, start, end in clip.words:
        assert end > start
        assert clip.level(start, end) > 0.02
    launcher, every = clip.words[3], clip.words[4]
    assert every[1] - launcher[2] == pytest.approx(0.35, abs=0.05)


def test_twenty_thousand_characters_lose_nothing(make_work, tmp_path):
    """Every word of a narration far over the limit has its time, in order, whatever it takes to say it."""
    text = " ".join([TEXT] * 300)
    assert len(text) > 20_000
    params = tts.Params(steps=(tts.Step(id="s0", narration=text),))
    work = make_work(params, engine="kokoro-onnx")
    work.models = written(tmp_path / "quick", pace=9.0)
    HANDLER.run(work)
    times = json.loads(work.output(tts.words_path("s0")).read_text(encoding="utf-8"))
    assert [word for word, _, _ in times["words"]] == text.split()
    starts = [start for _, start, _ in times["words"]]
    assert starts == sorted(starts)
    assert times["exact"] is True


def test_a_sentence_over_the_models_limit_is_whole(tell):
    """Three hundred characters of numbers are more than 510 phonemes: all are heard."""
    text = LONG[: LONG.rindex(" ", 0, 290)] + "."
    assert len(tokens_of(text)) > 510
    assert heard_tokens(tell(text, engine="kokoro-onnx").clips[0].samples) == tokens_of(text)


@pytest.mark.parametrize("narration", ["", "🎉🎉", "— …"])
def test_nothing_to_speak_is_a_short_silence(tell, narration):
    """Emoji and dashes open no model and give silence."""
    told = tell(narration, engine="kokoro-onnx")
    assert float(np.abs(told.clips[0].samples).max()) == 0.0
    assert told.result.summary["silent"] == ["s0"]


def test_right_to_left_text_is_spoken(tell):
    """Text of a script that the voice does not read is spelt, never lost and never a crash."""
    clip = tell("مرحبا بالعالم", engine="kokoro-onnx").clips[0]
    assert len(clip.words) == 2


def test_the_same_request_gives_the_same_bytes(tell):
    """Two runs agree byte for byte, and a step does not depend on those before it."""
    both, alone = tell("One two.", TEXT, engine="kokoro-onnx"), tell(TEXT, engine="kokoro-onnx")
    assert both.clips[1].wav.read_bytes() == alone.clips[0].wav.read_bytes()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"voice": "alloy"}, "no voice 'alloy'; for en-us it has: default, af_heart"),
        ({"language": "de"}, "does not speak the language 'de'; it speaks: cmn"),
        ({"voice": "ff_siwis"}, "set the language to fr-fr"),
    ],
)
def test_an_impossible_request_is_refused_before_anything_is_spoken(tell, asked, message):
    """An unknown voice or language, or a voice of another language, is BAD_REQUEST and lists what exists."""
    with pytest.raises(JobFailed, match=message) as failed:
        tell(TEXT, engine="kokoro-onnx", **asked)
    assert failed.value.code == "BAD_REQUEST"


def test_a_torn_model_is_never_loaded(tell, models):
    """A file that is not what its digest says is set aside, and the failure names it."""
    path = models.path(MODEL)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(JobFailed, match=MODEL) as failed:
        tell(TEXT, engine="kokoro-onnx")
    assert failed.value.code == "UNSUPPORTED"


# Which engine speaks.


def test_without_a_requirement_the_best_speaks(tell):
    """Where Kokoro's files are, it is Kokoro, and the card says so without opening the model."""
    assert tell("Stop.").result.engine.name == "kokoro-onnx"


def test_a_card_lists_kokoro_without_loading_it(models):
    """The record for the card has the pinned digest, and no model is opened for it."""
    kokoro_onnx_model.loaded_model.cache.clear()
    records = {record.name: record for record in HANDLER.engines(models)}
    assert records["kokoro-onnx"].model_sha256 == models.sha256(MODEL)
    assert list(records)[-1] == "espeak"
    assert len(kokoro_onnx_model.loaded_model.cache) == 0


def test_offline_without_the_files_it_is_not_there(tmp_path):
    """A worker that may not download and has no files does not offer Kokoro; asked for it, it tells the hint."""
    nothing = Models(ModelPlaces(folder=tmp_path, offline=True))
    assert [engine.name for engine in ENGINES.available(nothing)] == ["espeak"]
    assert ENGINES.choose(nothing, VoiceRequest()).engine.name == "espeak"
    with pytest.raises(
        JobFailed, match=r"kokoro-onnx: this worker is offline and lacks kokoro-v1.0-durations.onnx and voices-v1.0.bin"
    ) as failed:
        ENGINES.choose(nothing, VoiceRequest(), "kokoro-onnx")
    assert failed.value.code == "UNSUPPORTED"


def test_a_language_that_kokoro_lacks_goes_to_the_next(models, caplog):
    """German is spoken by eSpeak where no engine is required, and the log says why."""
    caplog.set_level(logging.INFO)
    assert ENGINES.choose(models, VoiceRequest(language="de")).engine.name == "espeak"
    assert "kokoro-onnx is not used: Kokoro does not speak the language 'de'" in caplog.text
    assert ENGINES.choose(models, VoiceRequest(language="it")).engine.name == "kokoro-onnx"


def test_the_provider_of_the_settings_reaches_the_engine(models, monkeypatch):
    """ONNX_PROVIDER, read with the worker's other settings, is what the engine is opened with."""
    monkeypatch.setenv("ONNX_PROVIDER", "CUDAExecutionProvider")
    models._places = replace(models._places, provider=WorkerSettings(drop="memory:").model_places().provider)
    with pytest.raises(JobFailed, match="'CUDAExecutionProvider' was asked for") as failed:
        ENGINES.choose(models, VoiceRequest(), "kokoro-onnx")
    assert failed.value.code == "UNSUPPORTED"


def test_files_that_cannot_be_fetched_leave_the_next_engine(models, caplog):
    """A download that fails is said, and the embedded engine speaks; where Kokoro is required it is an error.

    Who asks for no voice in particular causes no download at all.
    """
    models.path(STYLES).unlink()
    models._places = replace(models._places, offline=False)
    asked: list[str] = []
    good = models.path
    models.path = failing(good, asked)
    assert ENGINES.choose(models, VoiceRequest()).engine.name == "espeak"
    assert asked == []
    asking = [ENGINES.choose(models, VoiceRequest(voice="af_heart")) for _ in range(2)]
    assert [chosen.engine.name for chosen in asking] == ["espeak", "espeak"]
    assert asking[0].passed_over == (
        "kokoro-onnx: no network. Where there is a network: gpudrop models pull kokoro-onnx",
    )
    assert "engine kokoro-onnx is not used: no network" in caplog.text
    assert asked == [STYLES], "it is not tried at every job: that would cost each the time of the tries"
    with pytest.raises(JobFailed, match="no network"):
        ENGINES.choose(models, VoiceRequest(), "kokoro-onnx")
    assert asked == [STYLES, STYLES]
    write_voices(
        good(MODEL).parent.parent / models.sha256(STYLES)[:16] / STYLES, af_heart=0.3, am_michael=0.15, bf_emma=0.3
    )
    models.path = good
    assert ENGINES.choose(models, VoiceRequest()).engine.name == "kokoro-onnx", "somebody put the file there"


def failing(path, asked: list[str]):
    def fetch(name: str) -> Path:
        if name == STYLES:
            asked.append(name)
            raise JobFailed("no network", code="UNSUPPORTED")
        return path(name)

    return fetch


def test_each_engine_names_the_files_that_it_opens():
    """Those are fetched before."""
    assert KokoroOnnx.files(None) == (MODEL, STYLES)
    assert KokoroTorch.files(None) == (CONFIG, WEIGHTS, STYLES)
