"""The table of speech engines, and how to open one. A new engine is a file of its own and a line in each table here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from colab.handlers.tts.engine import SpeechEngine
from colab.models import Models
from protocol.errors import JobFailed

logger = logging.getLogger(__name__)


def _kokoro(models: Models) -> SpeechEngine:
    from colab.handlers.tts.kokoro_torch import KokoroTorch

    return KokoroTorch(models, device=models.provider)


def _kokoro_onnx(models: Models) -> SpeechEngine:
    from colab.handlers.tts.kokoro_onnx import KokoroOnnx

    return KokoroOnnx(models, provider=models.provider)


def _espeak(_: Models) -> SpeechEngine:
    from colab.handlers.tts.espeak import Espeak

    return Espeak()


ENGINES: dict[str, Callable[[Models], SpeechEngine]] = {
    "kokoro-onnx": _kokoro_onnx,
    "kokoro": _kokoro,
    "espeak": _espeak,
}
"""Every engine, best first. Opening one raises `JobFailed` UNSUPPORTED when it cannot work here.

Both Kokoros are one model; the one without torch is smaller to install and to load, so it goes first.
An opener loads no model and fetches no file: a worker's card is made by it.
"""

FILES: dict[str, tuple[str, ...]] = {
    "kokoro-onnx": ("kokoro-v1.0.onnx", "voices-v1.0.bin"),
    "kokoro": ("kokoro-82m/config.json", "kokoro-82m/kokoro-v1_0.pth", "voices-v1.0.bin"),
}
"""The model files that an engine needs, by their names in the table of models."""


def available(models: Models) -> tuple[SpeechEngine, ...]:
    """Return the engines that work here, best first: those whose files are here, or may be fetched when they speak."""
    found = []
    for name in ENGINES:
        with suppress(JobFailed):
            found.append(_opened(models, name))
    return tuple(found)


def open_engine(models: Models, required: str | None = None, language: str | None = None) -> SpeechEngine:
    """Return the engine required, or the best that works here and speaks the language, with its files fetched.

    Raises `JobFailed` UNSUPPORTED when there is none; without a requirement the next best takes over, and the log says
    why. A language that nobody speaks is left to the last engine to refuse.
    """
    if required is not None and required not in ENGINES:
        raise JobFailed(
            f"speech engine {required!r} is not on this worker; it has: {', '.join(ENGINES)}", code="UNSUPPORTED"
        )
    reasons = []
    names = [required] if required else list(ENGINES)
    for name in names:
        try:
            engine = _opened(models, name)
        except JobFailed as problem:
            reasons.append(str(problem))
            continue
        try:
            if language is not None and name != names[-1]:
                engine.pick("default", language)
            for file in FILES.get(name, ()):
                models.path(file)
        except JobFailed as problem:
            reasons.append(str(problem))
            logger.warning("the speech engine %s is not used: %s", name, problem)
        else:
            return engine
    raise JobFailed("; ".join(reasons), code="UNSUPPORTED")


def _opened(models: Models, name: str) -> SpeechEngine:
    lacking = [file for file in FILES.get(name, ()) if not models.present(file)]
    if lacking and models.offline:
        raise JobFailed(
            f"the speech engine {name} lacks {' and '.join(lacking)}, and this worker is offline: let it go online "
            "once, or put the files into its models folder",
            code="UNSUPPORTED",
        )
    return ENGINES[name](models)
