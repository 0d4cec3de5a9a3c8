"""The table of speech engines, and how to open one. A new engine is a file of its own and a line in each table here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from colab.handlers.devices import NoSuchDevice
from colab.handlers.tts.engine import Cloning, Reference, SpeechEngine, Voice
from colab.models import Models
from protocol.errors import JobFailed

logger = logging.getLogger(__name__)


def _kokoro(models: Models) -> SpeechEngine:
    from colab.handlers.tts.kokoro_torch import KokoroTorch

    return KokoroTorch(models, device=models.provider)


def _kokoro_onnx(models: Models) -> SpeechEngine:
    from colab.handlers.tts.kokoro_onnx import KokoroOnnx

    return KokoroOnnx(models, provider=models.provider)


def _f5(models: Models) -> SpeechEngine:
    from colab.handlers.tts.f5 import F5

    return F5(models, device=models.provider)


def _espeak(_: Models) -> SpeechEngine:
    from colab.handlers.tts.espeak import Espeak

    return Espeak()


ENGINES: dict[str, Callable[[Models], SpeechEngine]] = {
    "f5": _f5,
    "kokoro-onnx": _kokoro_onnx,
    "kokoro": _kokoro,
    "espeak": _espeak,
}
"""Every engine, best first. Opening one raises `JobFailed` UNSUPPORTED when it cannot work here.

Both Kokoros are one model; the one without torch is smaller to install and to load, so it goes first.
An opener loads no model and fetches no file: a worker's card is made by it.
"""

CLONING = frozenset({"f5"})
"""Those that speak with the voice of a recording, and only then: they never take the place of another engine."""

FILES: dict[str, tuple[str, ...]] = {
    "kokoro-onnx": ("kokoro-v1.0-durations.onnx", "voices-v1.0.bin"),
    "kokoro": ("kokoro-82m/config.json", "kokoro-82m/kokoro-v1_0.pth", "voices-v1.0.bin"),
    "f5": (
        "f5-tts-v1-base/model_1250000.safetensors",
        "f5-tts-v1-base/vocab.txt",
        "vocos-mel-24khz/config.yaml",
        "vocos-mel-24khz/pytorch_model.bin",
    ),
}
"""The model files that an engine needs, by their names in the table of models."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Who speaks, and why not those that would have been better."""

    engine: SpeechEngine
    voice: Voice
    passed_over: tuple[str, ...] = ()


ANY_VOICE = "default"
"""Who asks for no voice in particular gets the best one that is here: nothing is downloaded for that."""

_given_up: set[str] = set()
"""Engines whose files could not be fetched: not tried again at each job, only when they are there or are required."""


def available(models: Models) -> tuple[SpeechEngine, ...]:
    """Return the engines that work here: the best of those that are ready first, then those that have to be fetched.

    Those that only clone come last: the first one is who speaks unless told otherwise.
    """
    found = []
    for name in ENGINES:
        with suppress(JobFailed):
            found.append(_opened(models, name))
    return tuple(sorted(found, key=lambda engine: (engine.name in CLONING, bool(_lacking(models, engine.name)))))


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Which voice is asked for: one by its name, or that of a recording."""

    voice: str = ANY_VOICE
    language: str = "en-us"
    speed: float = 1.0
    reference: Reference | None = None

    @property
    def is_open(self) -> bool:
        """Whether any voice will do."""
        return self.reference is None and self.voice.strip().casefold() == ANY_VOICE

    def candidates(self, required: str | None) -> list[str]:
        """Return the engines to try, best first. Raises `JobFailed` for one that cannot be meant."""
        if required is None:
            return [name for name in ENGINES if (name in CLONING) == (self.reference is not None)]
        if required not in ENGINES:
            raise JobFailed(
                f"speech engine {required!r} is not on this worker; it has: {', '.join(ENGINES)}", code="UNSUPPORTED"
            )
        if self.reference is not None and required not in CLONING:
            raise JobFailed(
                f"the speech engine {required} has voices of its own and cannot clone one: require "
                f"{' or '.join(sorted(CLONING))}, or leave the recording and its text out",
                code="BAD_REQUEST",
            )
        return [required]

    def picked(self, engine: SpeechEngine) -> Voice:
        """Return the voice of an engine that is asked for."""
        if self.reference is not None and isinstance(engine, Cloning):
            return engine.clone(self.reference, self.language, self.speed)
        return engine.pick(self.voice, self.language)


def open_engine(
    models: Models,
    required: str | None = None,
    *,
    voice: str = ANY_VOICE,
    language: str = "en-us",
    speed: float = 1.0,
    reference: Reference | None = None,
) -> Chosen:
    """Return the engine required, or the best that works here and has the voice in the language, its files fetched.

    Raises `JobFailed`: UNSUPPORTED when no engine works here, and what each engine says of the voice when none has it.
    Files are fetched for who requires the engine or names one of its voices, not for the default voice. Without a
    requirement the next best takes over; `passed_over` and the log say what keeps an engine that is installed
    from its files or from the device that the worker's owner insists on. With a recording only those engines are
    asked that clone.
    """
    passed_over: list[str] = []
    wish = Wish(voice=voice, language=language, speed=speed, reference=reference)
    problems: list[JobFailed] = []
    for name in wish.candidates(required):
        try:
            engine = ENGINES[name](models)
            chosen = Chosen(engine=engine, voice=wish.picked(engine))
        except JobFailed as problem:
            problems.append(problem)
            if isinstance(problem, NoSuchDevice):  # installed, and the owner of the worker keeps it from working
                passed_over.append(f"{name}: {problem}")
            logger.info("the speech engine %s is not used: %s", name, problem)
            continue
        if required is None and wish.is_open and _lacking(models, name):
            logger.info("the speech engine %s is not used: its files are not here and nobody asked for it", name)
            continue
        try:
            _fetch(models, name, again=required is not None)
        except JobFailed as problem:
            problems.append(problem)
            passed_over.append(str(problem))
            logger.warning("the speech engine %s is not used: %s", name, problem)
        else:
            return replace(chosen, passed_over=tuple(passed_over))
    refused = [problem for problem in problems if problem.code == "BAD_REQUEST"]
    raise JobFailed("; ".join(map(str, refused or problems)), code=(refused or problems)[0].code)


def _fetch(models: Models, name: str, *, again: bool) -> None:
    """Have every file of an engine here. What could not be had before is asked for again only where that is wanted."""
    if name in _given_up and not again and _lacking(models, name):
        raise JobFailed(f"the files of {name} could not be fetched before", code="UNSUPPORTED")
    try:
        _check_reach(models, name)
        for file in FILES.get(name, ()):
            models.path(file)
    except JobFailed:
        _given_up.add(name)
        raise
    _given_up.discard(name)


def _lacking(models: Models, name: str) -> list[str]:
    return [file for file in FILES.get(name, ()) if not models.present(file)]


def _check_reach(models: Models, name: str) -> None:
    """Raise `JobFailed` UNSUPPORTED for an engine whose files are neither here nor to be had."""
    if models.offline and (lacking := _lacking(models, name)):
        raise JobFailed(
            f"the speech engine {name} lacks {' and '.join(lacking)}, and this worker is offline: let it go online "
            "once, or put the files into its models folder",
            code="UNSUPPORTED",
        )


def _opened(models: Models, name: str) -> SpeechEngine:
    engine = ENGINES[name](models)
    _check_reach(models, name)
    return engine
