"""F5-TTS: speaks with the voice of a recording, after six to twelve seconds of it. An extra; imports stay inside.

Model, letters and vocoder come from the table of models. The recording's text comes with the request and is never
guessed: a wrong one would be heard.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import version

import numpy as np

from colab.engines import device_failures, devices
from colab.handlers.tts import f5_model, f5_speech
from colab.handlers.tts.engine import HINT, EngineVoice, Samples, SpokenText, TimedWord, VoiceRecording
from colab.handlers.tts.f5_model import F5Call, OpenedF5
from colab.handlers.tts.kokoro_onnx import VerifiedFiles
from colab.handlers.tts.script import CUT_S
from colab.handlers.tts.sound import faded
from protocol.errors import JobFailed
from protocol.messages import Choices, EngineRecord
from speech import align

WEIGHTS, LETTERS = "f5-tts-v1-base/model_1250000.safetensors", "f5-tts-v1-base/vocab.txt"
VOCODER_CONFIG, VOCODER = "vocos-mel-24khz/config.yaml", "vocos-mel-24khz/pytorch_model.bin"
"""What the files are called in the table of models."""

LANGUAGES = {"en": "en", "en-us": "en", "en-gb": "en", "zh": "cmn", "zh-cn": "cmn", "cmn": "cmn"}
"""What the model was trained with, however it is written. The accent is the recording's."""

SEED, STEPS, STRENGTH = 20_241_008, 32, 2.0
"""What a request that leaves them open gets: the same clip every time, and its makers' defaults."""

_FADE_S = 0.005


class F5:
    """F5-TTS v1 on PyTorch. Making one is cheap: the model is opened by the first `speak`, and stays open."""

    name = "f5"
    limit = f5_speech.MOST

    def __init__(self, models: VerifiedFiles, device: str | None = None) -> None:
        self._models = models
        self._sha256 = models.sha256(WEIGHTS)
        self._device = devices.on_torch(device, "F5-TTS")
        self._opened: OpenedF5 | None = None

    def record(self, voice: EngineVoice | None = None) -> EngineRecord:
        """Say who speaks, on which device, and with the voice of which recording."""
        return EngineRecord(
            name=self.name,
            version=f"{version('f5-tts')} vocos={version('vocos')}",
            model_sha256=self._sha256,
            voice=voice.name if voice else None,
            rate=f5_speech.RATE,
            provider=f"torch {version('torch')}",
            device=str(self._device),
            tier="neural",
        )

    def files(self) -> tuple[str, ...]:
        """Return the model, its letters and the vocoder."""
        return (WEIGHTS, LETTERS, VOCODER_CONFIG, VOCODER)

    def choices(self) -> Choices:
        """Return the languages. There is no voice but that of a recording, which goes by the name `default`."""
        return {"voice": ("default",), "language": tuple(LANGUAGES)}

    def pick(self, voice: str, language: str) -> EngineVoice:
        """Raise `JobFailed` BAD_REQUEST: this engine has no voice of its own."""
        raise JobFailed(
            f"the speech engine f5 has no voice {voice!r}: it speaks {language} only with the voice of a recording; "
            "send ref_audio and ref_text, or ask another engine",
            code="BAD_REQUEST",
        )

    def clone(self, reference: VoiceRecording, language: str, speed: float) -> EngineVoice:
        """Return the voice of a recording. Raises `JobFailed` BAD_REQUEST for a language that the model never heard."""
        tag = LANGUAGES.get(language.strip().lower().replace("_", "-"))
        if tag is None:
            raise JobFailed(
                f"F5-TTS does not speak the language {language!r}; it speaks: {', '.join(LANGUAGES)}",
                code="BAD_REQUEST",
            )
        name = f"recording {reference.sha256[:12]}"
        limit = f5_speech.limit(reference, tag, speed)
        return EngineVoice(name=name, language=tag, key=reference.sha256, limit=limit, reference=reference)

    def speak(self, text: str, voice: EngineVoice, speed: float) -> SpokenText:
        """Speak plain text with the voice of the recording; what the GPU has no room for is said in parts."""
        assert voice.reference is not None  # made by `clone`
        opened = self._open()
        for said in (text, voice.reference.text):
            if unknown := opened.unknown(said):
                raise JobFailed(
                    f"F5-TTS does not know {unknown!r} in “{said[:60]}” and would leave it out: write it otherwise, "
                    "or give the word in the lexicon",
                    code="BAD_REQUEST",
                )
        samples = self._say(opened, text, voice.reference, speed)
        words = _aligned(text, samples) if voice.language == "en" else None
        return SpokenText(
            samples=samples,
            rate=f5_speech.RATE,
            words=words or f5_speech.estimated(text, samples),
            exact=words is not None,
        )

    def _say(self, opened: OpenedF5, text: str, reference: VoiceRecording, speed: float) -> Samples:
        words = text.split()
        try:
            samples = opened.say(_call(text, reference, speed))
        except (RuntimeError, MemoryError) as problem:
            if not device_failures.out_of_memory(problem) or len(words) < 2:
                hint = f"for one word too: {HINT}"
                raise device_failures.failed(problem, "F5-TTS", opened.device, hint=hint) from problem
        else:
            if not np.isfinite(samples).all():
                raise JobFailed("F5-TTS gave samples that are no numbers", code="ENGINE")
            return samples
        device_failures.free_again()  # here, where the failure no longer holds what is to be freed
        halves = (" ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :]))
        return _joined([self._say(opened, half, reference, speed) for half in halves])

    def _open(self) -> OpenedF5:
        if self._opened is None:  # the files are verified once an engine, not once a sentence
            weights, letters, config, vocoder = (
                self._models.path(name) for name in (WEIGHTS, LETTERS, VOCODER_CONFIG, VOCODER)
            )
            times = tuple(file.stat().st_mtime_ns for file in (weights, letters, config, vocoder))
            self._opened = f5_model.opened(weights, letters, config, vocoder, self._device.name, times)
        return self._opened


def _aligned(text: str, samples: Samples) -> tuple[TimedWord, ...] | None:
    """Return when each word sounds, as PocketSphinx finds it; None where it does not, or is not here."""
    with suppress(ImportError):
        if spans := align.align_words(samples, f5_speech.RATE, text):
            return tuple(
                TimedWord(text=word, start_s=start_s, end_s=end_s)
                for word, (start_s, end_s) in zip(text.split(), spans, strict=True)
            )
    return None


def _call(text: str, reference: VoiceRecording, speed: float) -> F5Call:
    heard, frames = f5_speech.frames(reference, text, speed)
    return F5Call(
        reference=reference.samples,
        text=f5_speech.prompt(reference.text) + text,
        heard=heard,
        frames=frames,
        steps=reference.nfe_step or STEPS,
        strength=STRENGTH if reference.cfg_strength is None else reference.cfg_strength,
        seed=SEED if reference.seed is None else reference.seed,
    )


def _joined(parts: list[Samples]) -> Samples:
    """Return parts with a breath between them, each rising from and falling to zero."""
    silence = np.zeros(round(CUT_S * f5_speech.RATE), dtype=np.float32)
    pieces = [faded(part, f5_speech.RATE, _FADE_S, _FADE_S) for part in parts]
    return np.concatenate([piece for part in pieces for piece in (part, silence)][:-1])
