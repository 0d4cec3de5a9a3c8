"""Errors in a notebook cell: what happened and what to do, without a traceback through our code.

Runs on a fresh kernel, right after the wheel was installed: imports only the standard library, errors and names.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colab.runtime import on_colab
from protocol.errors import EnvironmentNotReady, GpudropError
from protocol.google_drive import REMOUNT
from protocol.transports import read_address
from usertext.redaction import legible, without_secrets

_LOST = frozenset({errno.ENOTCONN, errno.EIO, errno.ESTALE, errno.ENODEV})
_SHOWN = 20  # at most this many folders are listed


@contextmanager
def shown_plainly() -> Iterator[None]:
    """Have IPython show our errors and interrupts as a line or two instead of a traceback. They are still raised."""
    try:
        yield
    except GpudropError as error:
        text, hint = str(error), remounted(error)
        end = "." if hint and not text.endswith((".", "?", "!")) else ""
        _show(error, legible(without_secrets(f"gpudrop: {text}{end}{hint}")))
        raise
    except KeyboardInterrupt as error:
        _show(error, "gpudrop: interrupted")
        raise


def _show(error: BaseException, text: str) -> None:
    """Have IPython show this text instead of a traceback: it asks the exception for one."""
    error._render_traceback_ = text.splitlines  # type: ignore[attr-defined]


def remounted(error: BaseException) -> str:
    """Return the hint for a dead Drive mount on Colab, after a blank; "" for any other error."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__
    if cause is None or cause.errno not in _LOST or not on_colab():
        return ""
    return f" Google Drive's mount has died: interrupt this cell, run {REMOUNT} in another one, then run this one again"


def check_folder(drop: str) -> None:
    """Raise EnvironmentNotReady if the folder in the form does not exist, and list the folders that do."""
    path = read_address(drop)
    if not isinstance(path, Path):
        return  # an address: opening it will tell what is wrong
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        parent = next(folder for folder in path.absolute().parents if folder.is_dir())
        there = sorted(entry.name for entry in parent.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        named = ", ".join(there[:_SHOWN]) + (", …" if len(there) > _SHOWN else "")
        raise EnvironmentNotReady(
            f"DROP = {drop!r} does not exist. {parent} has {'these folders: ' + named if there else 'no folders'}. "
            "Correct DROP in the form, then run the form and this cell again"
        ) from error
    except OSError as error:
        raise EnvironmentNotReady(f"DROP = {drop!r} cannot be read: {error.strerror}") from error
