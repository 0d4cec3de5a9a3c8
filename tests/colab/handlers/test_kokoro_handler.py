"""Whole jobs through the handler with a Kokoro engine: clips, word times and records as a sender gets them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kokoro_onnx.config import DEFAULT_VOCAB

from colab.handlers.tts.engines import ENGINES
from colab.handlers.tts.kokoro_onnx import MODEL, STYLES, KokoroOnnx
from colab.handlers.tts.phonemes import source_for
from protocol.errors import JobFailed
from tests.support.kokoro import Files, heard_tokens, write_model, write_voices

TEXT = "Welcome to the launcher. Every notebook begins here, with 3 cells."
LONG = " ".join(["The counter shows 1234567890 and 9876543210 and 1231231234 items"] * 12) + "."


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Return the model files of a worker whose best engine is Kokoro."""
    folder = tmp_path / "models"
    folder.mkdir()
    write_model(folder / MODEL)
    write_voices(folder / STYLES, af_heart=0.3, am_michael=0.15, bf_emma=0.3)
    monkeypatch.setitem(ENGINES, "kokoro-onnx", lambda *_: KokoroOnnx(Files(folder)))
    return Files(folder)


def tokens_of(text: str) -> list[int]:
    """What an ear should hear of a text: no blanks, no marks (a mark may be trimmed at the end), doubles once."""
    tokens = [DEFAULT_VOCAB[mark] for mark in source_for("en-us")(text).text if mark in DEFAULT_VOCAB]
    heard = [token for at, token in enumerate(tokens) if at == 0 or tokens[at - 1] != token]
    return [token for token in heard if token != DEFAULT_VOCAB[" "]]


def test_a_job_is_spoken_by_kokoro(files, tell):
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


def test_words_sound_where_the_times_say(files, tell):
    """In the finished clip there is sound in every word, and a pause after the sentence."""
    clip = tell(TEXT, engine="kokoro-onnx").clips[0]
    for _, start, end in clip.words:
        assert end > start
        assert clip.level(start, end) > 0.02
    launcher, every = clip.words[3], clip.words[4]
    assert every[1] - launcher[2] == pytest.approx(0.35, abs=0.05)


def test_twenty_thousand_characters_lose_nothing(files, tell):
    """Every word of a narration far over the limit has its time, in order, whatever it takes to say it."""
    write_model(files.path(MODEL), pace=9.0)
    text = " ".join([TEXT] * 300)
    assert len(text) > 20_000
    clip = tell(text, engine="kokoro-onnx").clips[0]
    assert len(clip.words) == len(text.split())
    starts = [start for _, start, _ in clip.words]
    assert starts == sorted(starts)
    assert clip.times["exact"] is True


def test_a_sentence_over_the_models_limit_is_whole(files, tell):
    """Three hundred characters of numbers are more than 510 phonemes: all are heard."""
    text = LONG[: LONG.rindex(" ", 0, 290)] + "."
    assert len(tokens_of(text)) > 510
    assert heard_tokens(tell(text, engine="kokoro-onnx").clips[0].samples) == tokens_of(text)


@pytest.mark.parametrize("narration", ["", "🎉🎉", "— …"])
def test_nothing_to_speak_is_a_short_silence(files, tell, narration):
    """Emoji and dashes open no model and give silence."""
    told = tell(narration, engine="kokoro-onnx")
    assert float(np.abs(told.clips[0].samples).max()) == 0.0
    assert told.result.summary["silent"] == ["s0"]


def test_right_to_left_text_is_spoken(files, tell):
    """Text of a script that the voice does not read is spelt, never lost and never a crash."""
    clip = tell("مرحبا بالعالم", engine="kokoro-onnx").clips[0]
    assert len(clip.words) == 2


def test_the_same_request_gives_the_same_bytes(files, tell):
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
def test_an_impossible_request_is_refused_before_anything_is_spoken(files, tell, asked, message):
    """An unknown voice or language, or a voice of another language, is BAD_REQUEST and lists what exists."""
    with pytest.raises(JobFailed, match=message) as failed:
        tell(TEXT, engine="kokoro-onnx", **asked)
    assert failed.value.code == "BAD_REQUEST"


def test_a_torn_model_names_the_step_and_the_file(files, tell):
    """The failure says at which step, which file, and what to do."""
    files.path(MODEL).write_bytes(files.path(MODEL).read_bytes()[:100])
    with pytest.raises(JobFailed, match=MODEL) as failed:
        tell(TEXT, engine="kokoro-onnx")
    assert (failed.value.code, failed.value.step) == ("ENGINE", "s0")
