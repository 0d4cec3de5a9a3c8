"""Kokoro by ONNX Runtime: the neural voice of most machines, on a GPU or without."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from colab.handlers.tts import kokoro_voices
from colab.handlers.tts.engine import EngineVoice, SpokenText
from colab.handlers.tts.kokoro_onnx_model import OpenedModel, opened_model
from colab.handlers.tts.kokoro_speech import LIMIT_CHARACTERS, RATE, spoken
from colab.handlers.tts.onnx_session import expected_place
from colab.handlers.tts.phoneme_source import readable, source_for
from colab.handlers.tts.phonemes import written
from protocol.messages import Choices, EngineRecord

MODEL, STYLES = "kokoro-v1.0-durations.onnx", "voices-v1.0.bin"
"""What the two files are called in the table of models."""


class VerifiedFiles(Protocol):
    """Where model files come from."""

    def path(self, name: str) -> Path:
        """Return a verified file; it may be downloaded now."""
        ...

    def sha256(self, name: str) -> str:
        """Return the digest that the file is pinned to."""
        ...


class KokoroOnnx:
    """Kokoro v1.0 on ONNX Runtime. Making one is cheap: the model is opened by the first `speak`, and stays open."""

    name = "kokoro-onnx"
    limit = LIMIT_CHARACTERS

    def __init__(self, models: VerifiedFiles, provider: str | None = None) -> None:
        self._models = models
        self._provider = provider
        self._place = expected_place(provider)
        self._model: OpenedModel | None = None

    def record(self, voice: EngineVoice | None = None) -> EngineRecord:
        """Say who speaks: where the model runs, in truth once it is open, and whose phonemes it was given."""
        phonemes = source_for(voice.language if voice else "en-us").name
        return EngineRecord(
            name=self.name,
            version=f"{version('kokoro-onnx')} g2p={phonemes}",
            model_sha256=self._models.sha256(MODEL),
            voice=voice.name if voice else None,
            rate=RATE,
            provider=self._place.provider,
            device=self._place.device,
            tier="neural",
        )

    def files(self) -> tuple[str, ...]:
        """Return the model and the voices."""
        return (MODEL, STYLES)

    def choices(self) -> Choices:
        """Return the voices of the languages whose phonemes can be had here, and the languages."""
        return kokoro_voices.choices(readable)

    def pick(self, voice: str, language: str) -> EngineVoice:
        """Return the voice asked for. Raises `JobFailed`: BAD_REQUEST for one that there is not, UNSUPPORTED for a
        language whose phonemes need a package that is not here."""
        picked = kokoro_voices.pick(voice, language)
        source_for(picked.language)
        return picked

    def speak(self, text: str, voice: EngineVoice, speed: float) -> SpokenText:
        """Speak plain text; what is too long for the model at once is said in parts, and nothing is left out."""
        opened = self._opened()
        read = source_for(voice.language)(text)
        sounds = zip(read.text, read.words, strict=True)
        phonemes = written(sounds, opened.kokoro.tokenizer.vocab, sure=read.sure)
        return spoken(text, phonemes, lambda part: opened.say(part, voice.key, speed), speed)

    def _opened(self) -> OpenedModel:
        if self._model is None:  # the files are verified once an engine, not once a sentence
            self._model = opened_model(self._models.path(MODEL), self._models.path(STYLES), self._provider)
            self._place = self._model.place
        return self._model
