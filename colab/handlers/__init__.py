"""The table of handlers: one folder a kind, each the glue between a work folder and somebody's model."""

from __future__ import annotations

from collections.abc import Callable

from colab.handlers.work import Handler


def _echo() -> Handler:
    from colab.handlers.echo import HANDLER

    return HANDLER


def _enhance() -> Handler:
    from colab.handlers.enhance import HANDLER

    return HANDLER


def _tts() -> Handler:
    from colab.handlers.tts import HANDLER

    return HANDLER


HANDLERS: dict[str, Callable[[], Handler]] = {"echo": _echo, "enhance": _enhance, "tts": _tts}
"""`{kind: how to get its handler}`. Reading this table imports no handler and no engine; calling an entry does."""
