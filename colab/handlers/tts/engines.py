"""The table of speech engines, and how to open one. A new engine is a file of its own and a line here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from colab.handlers.tts.engine import SpeechEngine
from colab.models import Models
from protocol.errors import JobFailed


def _espeak(_: Models) -> SpeechEngine:
    from colab.handlers.tts.espeak import Espeak

    return Espeak()


ENGINES: dict[str, Callable[[Models], SpeechEngine]] = {"espeak": _espeak}
"""Every engine, best first. Opening one raises `JobFailed` UNSUPPORTED when it cannot work here.

An opener looks whether its files are there (`models.present`) or may be fetched (`models.offline`), no more; they are
fetched (`models.path`) when the engine first speaks.
"""


def available(models: Models) -> tuple[SpeechEngine, ...]:
    """Return the engines that work here, best first."""
    found = []
    for opener in ENGINES.values():
        with suppress(JobFailed):
            found.append(opener(models))
    return tuple(found)


def open_engine(models: Models, required: str | None = None) -> SpeechEngine:
    """Return the best engine that works here, or the one required. Raises `JobFailed` UNSUPPORTED."""
    if required is not None and required not in ENGINES:
        raise JobFailed(
            f"speech engine {required!r} is not on this worker; it has: {', '.join(ENGINES)}", code="UNSUPPORTED"
        )
    reasons = []
    for name in [required] if required else ENGINES:
        try:
            return ENGINES[name](models)
        except JobFailed as problem:
            reasons.append(str(problem))
    raise JobFailed("; ".join(reasons), code="UNSUPPORTED")
