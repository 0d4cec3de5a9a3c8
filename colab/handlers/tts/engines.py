"""The table of speech engines, and how to open one. A new engine is a file of its own and a line here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from colab.handlers.tts.engine import SpeechEngine
from protocol.errors import JobFailed


def _espeak() -> SpeechEngine:
    from colab.handlers.tts.espeak import Espeak

    return Espeak()


ENGINES: dict[str, Callable[[], SpeechEngine]] = {"espeak": _espeak}
"""Every engine, best first. Opening one raises `JobFailed` UNSUPPORTED when it cannot work here."""


def available() -> tuple[SpeechEngine, ...]:
    """Return the engines that work here, best first."""
    found = []
    for opener in ENGINES.values():
        with suppress(JobFailed):
            found.append(opener())
    return tuple(found)


def open_engine(required: str | None = None) -> SpeechEngine:
    """Return the best engine that works here, or the one required. Raises `JobFailed` UNSUPPORTED."""
    if required is not None and required not in ENGINES:
        raise JobFailed(
            f"speech engine {required!r} is not on this worker; it has: {', '.join(ENGINES)}", code="UNSUPPORTED"
        )
    reasons = []
    for name in [required] if required else ENGINES:
        try:
            return ENGINES[name]()
        except JobFailed as problem:
            reasons.append(str(problem))
    raise JobFailed("; ".join(reasons), code="UNSUPPORTED")
