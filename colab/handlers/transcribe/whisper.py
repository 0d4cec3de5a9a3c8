"""Whisper on CTranslate2, through faster-whisper: many pieces of speech at once, on a GPU or without.

The library is given samples and a folder of verified files: it never sees the user's file, and never asks a hub.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import numpy as np

from colab.engines import device_failures
from colab.handlers.transcribe import whisper_place
from colab.handlers.transcribe.engine import HeardUtterance, HeardWord, Language, LookUp
from colab.handlers.transcribe.silence import windows
from colab.handlers.transcribe.whisper_files import ALIASES, entry, full_name, model_files
from colab.models import Models
from media.pcm import RATE, Samples
from protocol.errors import JobFailed
from protocol.kinds.transcribe import Params
from protocol.messages import EngineRecord

logger = logging.getLogger(__name__)

PIECE_S = {"cuda": 600.0, "cpu": 120.0}
"""Long enough for full batches, short enough for a checkpoint every half minute or so of work."""

WINDOW_S = 30
"""What the model hears at once."""

LANGUAGE_WINDOWS = 4
"""The language is asked of so many windows of speech until one is sure; else most of them decide."""

SHORTEST_S = 0.05
"""The spectrum of less cannot be taken."""

HINT = "ask for a smaller model, or beam size 1"
"""What to do where there is not enough memory."""


class FasterWhisper:
    """One Whisper model. Making one loads nothing; `open` does, and tells where it really runs."""

    name = "faster-whisper"

    def __init__(self, models: Models, model: str) -> None:
        self.model = ALIASES.get(model, model)
        self._models = models
        self._place = whisper_place.expected(models.provider)
        self._loaded: Any = None
        self._fits: int | None = None  # the batch that was found to fit, once a larger one did not

    @property
    def piece_s(self) -> float:
        """How much sound it is given at once."""
        return PIECE_S[self._place.device]

    @property
    def weights(self) -> str:
        """Return the name of its weights in the table of models."""
        return entry(self.model, "model.bin")

    def files(self) -> tuple[str, ...]:
        """Return the model's files."""
        return model_files(self._models, self.model)

    def open(self) -> None:
        """Fetch, verify and load the model, and have it listen to nothing once: a GPU without its libraries shows."""
        if self._loaded is not None:
            return
        folder = self._models.folder(full_name(self.model))
        self._loaded, self._place = whisper_place.load(folder, self._place, self.model)

    def record(self) -> EngineRecord:
        """Say who listens: in truth once it is open."""
        libraries = f"{version('faster-whisper')} ctranslate2={version('ctranslate2')}"
        return EngineRecord(
            name=self.name,
            version=f"{libraries} {self.model} {self._place.compute}",
            model_sha256=self._models.sha256(self.weights),
            rate=RATE,
            provider=f"CTranslate2/{self._place.compute}",
            device=self._place.device,
            tier="neural",
        )

    def remarks(self) -> tuple[str, ...]:
        """Return what people should know of how it went."""
        told = [self._place.fallback] if self._place.fallback else []
        if self._fits is not None:
            size = f"batch size {self._fits}" if self._fits else "one window at a time"
            told.append(f"{size}: more at once did not fit into memory")
        return tuple(told)

    def language(self, piece: Samples) -> Language | None:
        """Return the language spoken in a piece, None where nobody speaks. Raises `JobFailed` ENGINE, OUT_OF_MEMORY."""
        if piece.size < SHORTEST_S * RATE or not self._speech(piece):
            return None
        if not self._loaded.model.is_multilingual:
            return Language(code="en")
        with device_failures.told(f"Whisper {self.model}", self._place.device, hint=HINT):
            code, probability, _ = self._loaded.detect_language(
                piece, vad_filter=True, language_detection_segments=LANGUAGE_WINDOWS
            )
        return Language(code=code, probability=round(float(probability), 3))

    def hear(self, piece: Samples, language: str, params: Params, look_up: LookUp) -> tuple[HeardUtterance, ...]:
        """Return what is said. A batch that does not fit is halved, for this piece and those after it."""
        if piece.size < SHORTEST_S * RATE:
            return ()
        while True:
            batch = params.batch_size if self._fits is None else min(self._fits, params.batch_size)
            try:
                return self._hear(piece, language, params, look_up, batch)
            except (RuntimeError, MemoryError) as problem:
                if not device_failures.out_of_memory(problem):
                    raise device_failures.failed(
                        problem, f"Whisper {self.model}", self._place.device, hint=HINT
                    ) from problem
                self._fits = self._smaller(batch, problem)

    def _smaller(self, batch: int, problem: BaseException) -> int:
        """Return the next smaller batch; 0 is the library's own way, one window after the other."""
        if batch == 0:
            raise JobFailed(
                f"Whisper {self.model} does not fit into the memory of {self._place.device}, one window at a time "
                f"either: {HINT}",
                code="OUT_OF_MEMORY",
            ) from problem
        logger.warning("a batch of %d does not fit into memory: %d now (%s)", batch, batch // 2, problem)
        return batch // 2

    def _hear(
        self, piece: Samples, language: str, params: Params, look_up: LookUp, batch: int
    ) -> tuple[HeardUtterance, ...]:
        options = self._options(language, params)
        if batch:
            from faster_whisper import BatchedInferencePipeline

            spans = None if params.vad else [_seconds(span) for span in windows(piece, WINDOW_S - 0.1)]
            segments, _ = BatchedInferencePipeline(self._loaded).transcribe(
                piece, batch_size=batch, vad_filter=params.vad, clip_timestamps=spans,
                without_timestamps=params.word_times, **options,
            )  # fmt: skip
        else:
            segments, _ = self._loaded.transcribe(
                piece, vad_filter=params.vad, condition_on_previous_text=False, **options
            )
        return _utterances(segments, piece.size / RATE, look_up)

    def _options(self, language: str, params: Params) -> dict[str, Any]:
        return {
            "language": language,
            "task": params.task,
            "beam_size": params.beam_size,
            "initial_prompt": params.prompt or None,
            "hotwords": params.hotwords or None,
            "word_timestamps": params.word_times,
            "temperature": 0.0,  # sampling above it would give other words each time
        }

    def _speech(self, piece: Samples) -> list[Any]:
        from faster_whisper.vad import get_speech_timestamps

        return list(get_speech_timestamps(piece))


def _seconds(span: tuple[int, int]) -> dict[str, float]:
    return {"start": span[0] / RATE, "end": span[1] / RATE}


def _utterances(segments: Iterable[Any], seconds: float, look_up: LookUp) -> tuple[HeardUtterance, ...]:
    """Take the segments as they come, and look up between them."""
    heard = []
    for segment in segments:
        words = tuple(word for found in segment.words or () if (word := _word(found)))
        if text := " ".join(segment.text.split()):
            heard.append(HeardUtterance(start_s=float(segment.start), end_s=float(segment.end), text=text, words=words))
        look_up(min(1.0, float(segment.end) / max(seconds, 0.001)))
    return tuple(heard)


def _word(found: Any) -> HeardWord | None:
    text = " ".join(found.word.split())
    if not text:
        return None
    score = float(np.clip(np.nan_to_num(found.probability), 0, 1))
    return HeardWord(
        text=text,
        start_s=float(found.start),
        end_s=float(found.end),
        score=round(score, 3),
        spaced=found.word[:1].isspace(),
    )
