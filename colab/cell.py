"""What a cell of the notebook shows of an error: what happened and what to do, not the way through our code.

Runs on a fresh kernel, right after the wheel: only the standard library, the error tree and names enter.
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
_SHOWN = 20  # so many folders are named


@contextmanager
def shown_plainly() -> Iterator[None]:
    """Have what ends the block shown as a line or two: an error of ours, or an interrupt. It is raised all the same."""
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
    """Have IPython show this text instead of a traceback: it asks the exception for it."""
    error._render_traceback_ = text.splitlines  # type: ignore[attr-defined]


def remounted(error: BaseException) -> str:
    """Return what to do about an error of a dead Drive mount on Colab, after a blank; "" for any other error."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__
    if cause is None or cause.errno not in _LOST or not on_colab():
        return ""
    return f" Google Drive's mount has died: interrupt this cell, run {REMOUNT} in another one, then run this one again"


def check_folder(drop: str) -> None:
    """Raise EnvironmentNotReady where the form names a folder that is not there, with the folders that are."""
    path = read_address(drop)
    if not isinstance(path, Path):
        return  # an address: who opens it says what is wrong with it
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        parent = next(folder for folder in path.absolute().parents if folder.is_dir())
        there = sorted(entry.name for entry in parent.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        named = ", ".join(there[:_SHOWN]) + (", …" if len(there) > _SHOWN else "")
        raise EnvironmentNotReady(
            f"DROP = {drop!r} does not exist. In {parent} there {'are: ' + named if there else 'is no folder'}. "
            "Correct DROP in the form, run the form, then this cell again"
        ) from error
    except OSError as error:
        raise EnvironmentNotReady(f"DROP = {drop!r} cannot be read: {error.strerror}") from error
