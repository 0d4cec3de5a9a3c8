"""The recording that a job brings: read, refused, or told to an engine that clones. Works without any such engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from colab.handlers.tts import TtsHandler, bleed, engines, reference
from colab.handlers.tts.engine import Cloning, EngineVoice, SpokenText, TimedWord, VoiceRecording
from colab.handlers.tts.espeak import Espeak
from protocol.errors import JobFailed
from protocol.kinds import tts
from tests.support.reference import SAID, recording

RATE = 24_000
STEPS = (tts.Step(id="a", narration="The cost of the three units is low."),)
CLONE = {"ref_text": SAID, "consent": True}


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """Return a good recording."""
    soundfile.write(tmp_path / "ref", recording(), RATE, format="WAV")
    return tmp_path / "ref"


def params(**more: Any) -> tts.Params:
    return tts.Params(steps=STEPS, **more)


def test_nothing_is_cloned_without_being_asked():
    """A plain request has no recording."""
    assert reference({}, params()) is None


def test_a_recording_is_read(wav):
    """Samples at 24 kHz, the text on one line, the file's digest, and the wishes."""
    found = reference({"ref_audio": wav}, params(ref_text=f" {SAID}\n", consent=True, seed=3, nfe_step=8))
    assert found is not None
    assert (found.text, found.rate, found.seed, found.nfe_step, found.cfg_strength) == (SAID, RATE, 3, 8, None)
    assert found.seconds == pytest.approx(len(recording()) / RATE)
    assert len(found.sha256) == 64


@pytest.mark.parametrize(
    ("inputs", "told", "words"),
    [
        (["ref_audio"], {}, "ref_text, what is said in it, is missing"),
        ([], CLONE, "the input ref_audio is missing"),
        (["source"], {}, "speech takes no input 'source'"),
        (["ref_audio", "b"], CLONE, "speech takes no input 'b'"),
    ],
)
def test_recording_and_text_come_together(wav, inputs, told, words):
    """One without the other is BAD_REQUEST, and so is a file that nobody would use."""
    with pytest.raises(JobFailed, match=words) as failed:
        reference(dict.fromkeys(inputs, wav), params(**told))
    assert failed.value.code == "BAD_REQUEST"


@pytest.mark.parametrize("seconds", [0.5, 5.8, 12.2])
def test_its_length_is_checked_here_too(tmp_path, seconds):
    """Another dispatcher may send anything; what the model would cut is refused."""
    soundfile.write(tmp_path / "r.wav", np.resize(recording(), round(seconds * RATE)), RATE)
    with pytest.raises(JobFailed, match=f"lasts {seconds:.1f} s; a voice is cloned from 6 to 12 s") as failed:
        reference({"ref_audio": tmp_path / "r.wav"}, params(**CLONE))
    assert failed.value.code == "BAD_REQUEST"


@pytest.mark.parametrize("content", [b"", b"RIFF", b"#EXTM3U\nhttp://127.0.0.1:9/\n", b"RIFF\x24\0\0\0WAVEfmt " * 9])
def test_what_is_no_wav_is_corrupt(tmp_path, content):
    """Nothing but plain samples gets to a decoder, whatever the file is called."""
    (tmp_path / "r.wav").write_bytes(content)
    with pytest.raises(JobFailed, match="the recording ref_audio cannot be read") as failed:
        reference({"ref_audio": tmp_path / "r.wav"}, params(**CLONE))
    assert failed.value.code == "INPUT_CORRUPT"


@pytest.mark.parametrize("engine", ["espeak", "kokoro-onnx"])
def test_other_engines_do_not_ignore_it(make_work, wav, engine):
    """Somebody else's voice in place of one's own would be a surprise."""
    with pytest.raises(JobFailed, match=f"{engine}: it has voices of its own and .*require f5") as failed:
        make_work(params(**CLONE), engine=engine, sources={"ref_audio": wav}).run()
    assert failed.value.code == "BAD_REQUEST"


@dataclass
class Parrot:
    """Clones by letting espeak say it, and may bleed."""

    bleeds: int = 0
    name: str = "f5"
    limit: int = 300
    calls: int = 0

    def record(self, voice: EngineVoice | None = None) -> Any:
        return Espeak().record(voice)

    def choices(self) -> Any:
        return {}

    def files(self) -> tuple[str, ...]:
        return ()

    def pick(self, voice: str, language: str) -> EngineVoice:
        raise AssertionError("a cloned voice is not picked by its name")

    def clone(self, reference: VoiceRecording, language: str, speed: float) -> EngineVoice:
        return EngineVoice(name="recording", language="en-us", key="en-us", limit=20, reference=reference)

    def speak(self, text: str, voice: EngineVoice, speed: float) -> SpokenText:
        self.calls += 1
        samples = recording(text)
        if self.calls <= self.bleeds:
            samples = np.concatenate([recording()[-round(0.6 * RATE) :], samples])
        words = text.split()
        times = tuple(TimedWord(text=word, start_s=0, end_s=1) for word in words)
        return SpokenText(samples=samples, rate=RATE, words=times, exact=False)


@pytest.fixture
def parrot() -> Parrot:
    """Return an engine that clones."""
    made = Parrot()
    assert isinstance(made, Cloning)
    return made


def with_parrot(parrot: Parrot) -> TtsHandler:
    """Return a handler with a parrot in the place of the engine that clones."""
    f5, *others = engines.ENGINES.rows
    row = replace(f5, open=lambda _: parrot, packages=())
    return TtsHandler(table=replace(engines.ENGINES, rows=(row, *others)))


def run(make_work: Any, wav: Path, parrot: Parrot) -> Any:
    work = make_work(params(**CLONE), sources={"ref_audio": wav}, handler=with_parrot(parrot))
    return work.run()


def test_who_brings_a_recording_gets_the_engine_that_clones(make_work, wav, parrot):
    """Without a requirement too, and the chunks are as short as the recording asks for."""
    result = run(make_work, wav, parrot)
    assert result.engine.voice == "recording"
    assert parrot.calls == 2
    assert "doubtful" not in result.summary


def test_a_chunk_that_bleeds_is_spoken_again(make_work, wav, parrot):
    """What begins with the end of the recording is said in two parts, which may be right."""
    parrot.bleeds = 1
    assert "doubtful" not in run(make_work, wav, parrot).summary
    assert parrot.calls == 4


def test_what_bleeds_again_is_doubtful(make_work, wav, parrot):
    """It is kept, and the step is named with the reason."""
    parrot.bleeds = 99
    assert "says the end of the recording again" in str(run(make_work, wav, parrot).summary["doubtful"]["a"])


def test_bleeding_is_told_from_speech():
    """Other words of the same voice are far from it, noise does not hide it, and the same words may be meant."""
    own = VoiceRecording(samples=recording(), rate=RATE, text=SAID, sha256="ab" * 32)

    def likeness(samples: np.ndarray) -> float:
        return bleed.tail_likeness(SpokenText(samples=samples, rate=RATE, words=(), exact=False), own)

    tail, other = recording()[-round(0.6 * RATE) :], recording("Now open the terminal and install it.")
    assert likeness(other) < 0.8
    assert likeness(np.concatenate([tail, other])) > 0.97
    noise = np.random.default_rng(0).normal(0, 0.005, len(tail) + len(other))
    assert likeness((np.concatenate([other, tail]) + noise).astype(np.float32)) > bleed.ALIKE
    assert max(likeness(np.zeros(count, np.float32)) for count in (100, RATE)) < 1e-9
    same = SpokenText(samples=np.concatenate([other, tail]), rate=RATE, words=(), exact=False)
    assert bleed.findings(same, "up to the last byte.", own) == ()
    assert len(bleed.findings(same, "up to the last bite.", own)) == 1


def test_a_long_silence_after_speech_is_doubtful():
    """A model that was given time for words and did not say them; one word gets more time on purpose."""
    own = VoiceRecording(samples=recording(), rate=RATE, text=SAID, sha256="ab" * 32)
    samples = np.concatenate([recording("Open it."), np.zeros(2 * RATE, np.float32)])
    speech = SpokenText(samples=samples, rate=RATE, words=(), exact=False)
    assert "followed by 2.0 s of silence" in bleed.findings(speech, "Open it and close it again.", own)[0]
    assert bleed.findings(speech, "Open it.", own) == ()
