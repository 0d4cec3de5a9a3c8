"""The handlers: one folder for each kind of `protocol.kinds.KINDS`, the glue between a work folder and a model.

The folder has the kind's name and offers `HANDLER`. No handler knows another one; what they share is in `colab.work`,
`colab.engines` and `colab.video`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial

from colab.work import Handler
from protocol.errors import UsageError
from protocol.kinds import KINDS


def _handler(kind: str) -> Handler:
    handler: Handler = importlib.import_module(f"{__name__}.{kind}").HANDLER
    return handler


HANDLERS: dict[str, Callable[[], Handler]] = {kind: partial(_handler, kind) for kind in KINDS}
"""`{kind: how to get its handler}`. Reading this table imports no handler and no engine; calling an entry does."""


def kinds_of(wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the kinds of work to serve: those that are wanted, or all of them; UsageError for an unknown one."""
    if unknown := [kind for kind in wanted if kind not in HANDLERS]:
        raise UsageError(
            f"there is no kind of work called {' or '.join(unknown)}; there are: {', '.join(sorted(HANDLERS))}"
        )
    return wanted or tuple(HANDLERS)
