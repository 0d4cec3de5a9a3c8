"""A narration with a cloned voice: what is asked for, which clips are used again, what flags and spec say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dispatcher.tour.narration.clip_cache import clip_key
from dispatcher.tour.narration.clips import NarrationVoice, speech_job
from dispatcher.tour.narration.cloning import reference_request
from dispatcher.tour.narration.voice_reference import VoiceReference
from dispatcher.tour.options import TourOptions
from dispatcher.tour.spec.loading import load
from dispatcher.tour.spec.model import Spec
from protocol import codec
from protocol.errors import SpecError, UsageError
from protocol.kinds import tts

TEXTS = [("a", "Hello.")]
REFERENCE = VoiceReference(
    wav=Path("reference.wav"), size=9, sha256="ab" * 32, original="cd" * 32, text="I say this.", seconds=8.0, seed=7
)
PLAIN = NarrationVoice(name="af_heart", speed=1.0, language="en-us")
CLONED = replace(PLAIN, require_engine="f5", reference=REFERENCE)


def key(voice: NarrationVoice) -> str:
    job = speech_job(TEXTS, voice)
    return clip_key(job.params, job.params["steps"][0], voice.digests())


def test_a_plain_request_is_what_it_always_was():
    """To the byte: old workers, kept clips and open runs know it by that."""
    job = speech_job(TEXTS, PLAIN)
    assert job.params == {
        "voice": "af_heart", "speed": 1.0, "language": "en-us", "steps": [{"id": "a", "narration": "Hello."}],
    }  # fmt: skip
    assert job.inputs == {}
    old = {"voice": "af_heart", "speed": 1.0, "language": "en-us", "step": {"narration": "Hello."}}
    assert key(PLAIN) == codec.digest("tts-clip", old, {}, {})


def test_a_cloned_voice_brings_recording_text_and_consent():
    """The engine is required, and the name of a voice means nothing: all names are one request."""
    job = speech_job(TEXTS, CLONED)
    assert job.inputs == {"ref_audio": Path("reference.wav")}
    assert job.require_engine == "f5"
    told = {name: job.params[name] for name in ("voice", "ref_text", "consent", "seed")}
    assert told == {"voice": "default", "ref_text": "I say this.", "consent": True, "seed": 7}
    assert "nfe_step" not in job.params
    tts.Params.model_validate(job.params)
    assert speech_job(TEXTS, replace(CLONED, name="bm_george")).params == job.params


@pytest.mark.parametrize(
    "change", [{"sha256": "ef" * 32}, {"text": "I said this."}, {"seed": 8}, {"seed": None}, {"nfe_step": 16}], ids=str
)
def test_clips_of_another_recording_are_not_used(change):
    """Recording, text, seed and steps are all heard."""
    assert key(replace(CLONED, reference=replace(REFERENCE, **change))) != key(CLONED)
    assert key(CLONED) != key(PLAIN)


def test_where_it_lies_makes_no_difference():
    """The digest of what is sent does, not the path nor the user's file."""
    moved = replace(REFERENCE, wav=Path("elsewhere.wav"), original="00" * 32)
    assert key(replace(CLONED, reference=moved)) == key(CLONED)


@pytest.fixture
def spec(tmp_path: Path) -> Any:
    """Return a maker of specs with these settings."""

    def make(**settings: Any) -> Spec:
        path = tmp_path / "t.json"
        path.write_text(json.dumps({"settings": settings, "steps": [{"id": "a", "url": "about:blank"}]}))
        return load(path)

    return make


def test_flags_win_over_the_spec(spec, tmp_path):
    """A recording in a spec starts beside it; each flag replaces one setting."""
    own = spec(ref_audio="me.wav", ref_text="Mine.", seed=1, nfe_step=16)
    found = reference_request(own, TourOptions(tts_backend="colab-f5"))
    assert found is not None
    assert (found.audio, found.text, found.seed, found.nfe_step) == (tmp_path / "me.wav", "Mine.", 1, 16)
    flags = TourOptions(require_engine="f5", ref_audio=Path("other.wav"), ref_text="Theirs.", voice_seed=0, nfe_step=8)
    other = reference_request(own, flags)
    assert other is not None
    assert (other.audio, other.text, other.seed, other.nfe_step) == (Path("other.wav"), "Theirs.", 0, 8)


def test_a_spec_with_a_recording_can_be_spoken_by_others(spec):
    """Existing specs hold one and are also spoken by other backends."""
    assert reference_request(spec(ref_audio="me.wav", ref_text="Mine."), TourOptions()) is None


@pytest.mark.parametrize(
    ("settings", "options", "words"),
    [
        ({}, {"tts_backend": "colab-f5"}, "needs a recording: --ref-audio, or settings.ref_audio"),
        (
            {"ref_audio": "a.wav"},
            {"tts_backend": "colab-f5"},
            "the text of the recording: --ref-text, or settings.ref_text",
        ),
        ({}, {"ref_audio": Path("a.wav")}, "--ref-audio is only for a cloned voice: add --tts-backend colab-f5"),
        ({}, {"voice_seed": 0}, "--voice-seed is only for a cloned voice"),
        ({}, {"tts_backend": "colab-f5", "require_engine": "espeak"}, "espeak does not clone voices"),
    ],
)
def test_what_does_not_go_together_is_said(spec, settings, options, words):
    """A flag without effect would be a surprise."""
    with pytest.raises(UsageError, match=words):
        reference_request(spec(**settings), TourOptions(**options))


@pytest.mark.parametrize(
    "setting", [{"seed": -1}, {"nfe_step": 3}, {"nfe_step": 1.5}, {"ref_text": ""}, {"ref_audio": 1}]
)
def test_a_wrong_setting_is_named(spec, setting):
    """As every other mistake in a spec: by its path."""
    with pytest.raises(SpecError, match=rf"\$\.settings\.{next(iter(setting))}"):
        spec(**setting)
