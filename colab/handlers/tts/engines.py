"""The table of speech engines. A new engine is a file of its own and a row here."""

from __future__ import annotations

from dataclasses import dataclass

from colab.engines.registry import EngineRow, EngineTable, Opening
from colab.handlers.tts.engine import Cloning, EngineVoice, SpeechEngine, VoiceRecording
from protocol.errors import JobFailed

ANY_VOICE = "default"
"""Who asks for no voice in particular gets the best one that is here."""


@dataclass(frozen=True, kw_only=True)
class VoiceRequest:
    """The voice that a job asks for: one by its name, or that of a recording."""

    voice: str = ANY_VOICE
    language: str = "en-us"
    speed: float = 1.0
    reference: VoiceRecording | None = None

    @property
    def names_voice(self) -> bool:
        """Whether not any voice will do."""
        return self.reference is not None or self.voice.strip().casefold() != ANY_VOICE

    def pick(self, engine: SpeechEngine) -> EngineVoice:
        """Return the engine's voice for this request. Raises `JobFailed` BAD_REQUEST if it has none."""
        if self.reference is None:
            return engine.pick(self.voice, self.language)
        if isinstance(engine, Cloning):
            return engine.clone(self.reference, self.language, self.speed)
        raise JobFailed(
            f"it has voices of its own and cannot clone one: require {CLONING}, or leave out the recording and its "
            "text",
            code="BAD_REQUEST",
        )


SpeechJob = VoiceRequest | None
"""None for the worker's card, which lists engines without a voice."""


def _f5(opening: Opening[SpeechJob]) -> SpeechEngine:
    from colab.handlers.tts.f5 import F5

    return F5(opening.models, device=opening.models.provider)


def _kokoro_onnx(opening: Opening[SpeechJob]) -> SpeechEngine:
    from colab.handlers.tts.kokoro_onnx import KokoroOnnx

    return KokoroOnnx(opening.models, provider=opening.models.provider)


def _kokoro(opening: Opening[SpeechJob]) -> SpeechEngine:
    from colab.handlers.tts.kokoro_torch import KokoroTorch

    return KokoroTorch(opening.models, device=opening.models.provider)


def _espeak(_: Opening[SpeechJob]) -> SpeechEngine:
    from colab.handlers.tts.espeak import Espeak

    return Espeak()


CLONING = "f5"
"""The engine that speaks with the voice of a recording, and only then: it never stands in for another one."""


def _has_recording(job: SpeechJob) -> bool:
    return job is not None and job.reference is not None


def _has_no_recording(job: SpeechJob) -> bool:
    return not _has_recording(job)


SpeechTable = EngineTable[SpeechJob, SpeechEngine]

ENGINES: SpeechTable = EngineTable(
    kind="speech",
    any_job=None,
    names_model=lambda job: job is not None and job.names_voice,
    check=lambda engine, job: job and job.pick(engine),
    rows=(
        EngineRow(
            name=CLONING,
            open=_f5,
            packages=("torch", "torchaudio", "f5_tts", "vocos"),
            extra="f5",
            suits=_has_recording,
            is_last=True,
        ),
        EngineRow(
            name="kokoro-onnx",
            open=_kokoro_onnx,
            packages=("kokoro_onnx",),
            extra="kokoro",
            suits=_has_no_recording,
            report_missing=False,  # a tour names its voice; on most machines Kokoro is not set up
        ),
        EngineRow(
            name="kokoro",  # the same model; the row above is smaller to install and quicker to load
            open=_kokoro,
            packages=("torch", "kokoro"),
            extra="kokoro-torch",
            suits=_has_no_recording,
            report_missing=False,
        ),
        EngineRow(name="espeak", open=_espeak, suits=_has_no_recording),
    ),
)
