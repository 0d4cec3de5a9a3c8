"""The recording of a voice to clone: what passes, what is refused with which hint, and the one form that is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dispatcher.tour.narration.voice_reference import VoiceReference, VoiceReferenceRequest, prepare
from media import ffmpeg
from protocol.errors import NotFoundError, UsageError
from protocol.integrity import sha256_of
from speech import align
from tests.support.reference import SAID, recording

RATE = 24_000


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


@pytest.fixture(autouse=True)
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recognising a whole recording takes seconds, and is tried in test_align."""
    monkeypatch.setattr(align, "recognize_roughly", lambda *_: "something")


def check(path: Path, text: str = SAID, language: str = "en-us", **more: Any) -> VoiceReference:
    wanted = VoiceReferenceRequest(audio=path, text=text, **more)
    return prepare(wanted, language, path.parent / "work", ffmpeg.find())


@pytest.fixture
def voice(tmp_path: Path) -> Any:
    """Return a function that writes samples as a recording."""

    def write(samples: np.ndarray, name: str = "voice.wav", rate: int = RATE, **more: Any) -> Path:
        soundfile.write(tmp_path / name, samples, rate, **more)
        return tmp_path / name

    return write


def test_a_good_recording_is_trimmed_and_written_as_it_is_sent(voice):
    """Mono 24 kHz 16 bits without the silence around it, whatever came; the digest is that of these bytes."""
    padded = np.concatenate([silence(1), recording(), silence(2)])
    made = check(voice(np.stack([padded, padded], axis=1), "stereo.flac"), f"  {SAID}\n")
    info = soundfile.info(made.wav)
    assert (info.samplerate, info.channels, info.subtype, info.format) == (RATE, 1, "PCM_16", "WAV")
    assert made.seconds == pytest.approx(len(recording()) / RATE, abs=0.15) == info.duration
    assert (made.size, made.sha256) == sha256_of(made.wav)
    assert made.text == SAID
    assert made.params() == {"ref_text": SAID, "consent": True}


def test_the_same_recording_has_the_same_digest(voice):
    """Its name and what was prepared before make no difference; another one is another."""
    samples = np.round(recording() * 32767).astype(np.int16)
    one = check(voice(samples, "a.wav"))
    other = check(voice(samples, "b.flac"), seed=7, nfe_step=16)
    assert one.sha256 == other.sha256
    assert one.original != other.original
    assert other.params() == {"ref_text": SAID, "consent": True, "seed": 7, "nfe_step": 16}
    assert check(voice(recording() * np.float32(0.9), "c.wav")).sha256 != one.sha256


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_other_rates_are_resampled(voice, rate):
    """What microphones give becomes 24 kHz of the same length."""
    import soxr

    made = check(voice(soxr.resample(recording(), RATE, rate), rate=rate))
    assert made.seconds == pytest.approx(len(recording()) / RATE, abs=0.15)


@pytest.mark.parametrize(
    ("samples", "text", "words"),
    [
        (recording()[: 5 * RATE], SAID[:80], "has 5.0 s of speech; cloning needs 6 to 12 s: record a longer"),
        (np.concatenate([silence(4), recording()[: 4 * RATE], silence(4)]), SAID[:60], "s of silence before and after"),
        (np.tile(recording(), 2), f"{SAID} {SAID}", "the model uses 12 s and would speak the rest into the video: cut"),
        (recording() * np.float32(0.01), SAID, "is nearly silent: its peak is -46 dB"),
        (np.clip(recording() * 8, -1, 1), SAID, "times; record it again with less gain"),
        (recording(), "Hello there.", "part of it is missing in ref_text"),
        (recording(), SAID * 3, "ref_text has more than is said"),
        (recording(), "  ", "ref_text is empty; write exactly what is said"),
        (recording(), "word " * 300, "ref_text has 1499 characters"),
    ],
    ids=["short", "padded", "long", "quiet", "clipped", "little text", "much text", "no text", "endless text"],
)
def test_what_is_wrong_is_said_with_its_hint(voice, samples, text, words):
    """Each names the file, what was measured, and what to do."""
    path = voice(samples)
    with pytest.raises(UsageError) as refused:
        check(path, text)
    assert words in str(refused.value)
    assert str(path) in str(refused.value)


def test_noise_is_refused(voice):
    """A voice that hardly rises above the room is no voice to clone."""
    noise = np.random.default_rng(1).normal(0, 0.05, recording().size).astype(np.float32)
    with pytest.raises(UsageError, match=r"is noisy: the voice is \d+ dB above .* quiet room"):
        check(voice(recording() * np.float32(0.4) + noise))


def test_everything_is_said_at_once(voice):
    """Who records again wants to know all of it."""
    with pytest.raises(UsageError) as refused:
        check(voice(recording()[: 3 * RATE] * np.float32(0.01)), "")
    assert len(str(refused.value).splitlines()) == 3


def test_what_is_no_recording(tmp_path, voice):
    """No file, no media, a video and a telephone's sound are refused, each in its words."""
    with pytest.raises(NotFoundError, match=r"none\.wav does not exist"):
        check(tmp_path / "none.wav")
    (tmp_path / "text.wav").write_text("#EXTM3U\nhttp://127.0.0.1:9/x\n")
    with pytest.raises(UsageError, match="cannot be read as a media file"):
        check(tmp_path / "text.wav")
    (tmp_path / "empty.wav").touch()
    with pytest.raises(UsageError, match="is empty"):
        check(tmp_path / "empty.wav")
    with pytest.raises(UsageError, match="has 8000 samples a second, like a telephone"):
        check(voice(recording()[::3], "phone.wav", 8000))


def test_what_may_sound_bad_is_warned_of(voice):
    """A text without an end, and one that cannot be found in the sound, are told but not refused."""
    warnings = check(voice(recording()), SAID[:-1]).warnings
    assert any("ends without a full stop" in warning for warning in warnings)
    assert any("make sure that it is exactly what is said" in warning for warning in warnings)


def test_languages_without_a_dictionary_are_not_aligned(voice):
    """Only English is compared word by word; elsewhere the pace is all that is checked."""
    assert check(voice(recording()), SAID, "fr").warnings == ()
