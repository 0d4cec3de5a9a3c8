"""The table of handlers: one folder a kind, each the glue between a work folder and somebody's model."""

from __future__ import annotations

from collections.abc import Callable

from colab.handlers.work import Handler
from protocol.errors import UsageError


def _analyze() -> Handler:
    from colab.handlers.analyze import HANDLER

    return HANDLER


def _echo() -> Handler:
    from colab.handlers.echo import HANDLER

    return HANDLER


def _encode() -> Handler:
    from colab.handlers.encode import HANDLER

    return HANDLER


def _enhance() -> Handler:
    from colab.handlers.enhance import HANDLER

    return HANDLER


def _stabilize() -> Handler:
    from colab.handlers.stabilize import HANDLER

    return HANDLER


def _transcribe() -> Handler:
    from colab.handlers.transcribe import HANDLER

    return HANDLER


def _tts() -> Handler:
    from colab.handlers.tts import HANDLER

    return HANDLER


def _upscale() -> Handler:
    from colab.handlers.upscale import HANDLER

    return HANDLER


HANDLERS: dict[str, Callable[[], Handler]] = {
    "analyze": _analyze,
    "echo": _echo,
    "encode": _encode,
    "enhance": _enhance,
    "stabilize": _stabilize,
    "transcribe": _transcribe,
    "tts": _tts,
    "upscale": _upscale,
}
"""`{kind: how to get its handler}`. Reading this table imports no handler and no engine; calling an entry does."""


def kinds_of(wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the kinds of work to serve: those that are wanted, every one for none; UsageError for an unknown one."""
    if unknown := [kind for kind in wanted if kind not in HANDLERS]:
        raise UsageError(
            f"there is no kind of work called {' or '.join(unknown)}; there are: {', '.join(sorted(HANDLERS))}"
        )
    return wanted or tuple(HANDLERS)
