"""What the database's errors mean to the one who runs the program: one table, used at every verb of the store."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from protocol.errors import EnvironmentNotReady

_ELSEWHERE = "or name another one by GPUDROP_DATABASE_URL"

# What SQLite says (it has no other way to tell these apart through the driver), and the cure.
_CURES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("malformed", "not a database", "disk i/o error"),
        "The file is damaged: move it away and run again. A new one is made; results that were accepted stay where "
        "they are, and jobs that were under way are asked for again",
    ),
    (("readonly", "read-only", "unable to open"), f"Make the file and its folder writable for this user, {_ELSEWHERE}"),
    (("full",), "Free some space on its disk, then run again: nothing is lost"),
    (("locked", "busy"), "Another process holds it. Wait for it to end, then run again: nothing is lost"),
    (("no such table", "no such column"), f"It is not as this version left it: move it away, {_ELSEWHERE}"),
)


@contextlib.contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn every error of the database at `where` into EnvironmentNotReady with the cure."""
    try:
        yield
    except IntegrityError:
        raise  # a rule of ours was hit: the store knows which, and what it means
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise not_ready(where, error) from error


def not_ready(where: str, error: Exception) -> EnvironmentNotReady:
    """Return what to say of `error`."""
    reason = str(error.orig if isinstance(error, DBAPIError) and error.orig else error)
    cures = [cure for signs, cure in _CURES if any(sign in reason.lower() for sign in signs)]
    cure = cures[0] if cures else f"Check that it can be written, {_ELSEWHERE}"
    return EnvironmentNotReady(f"the run database {where} cannot be used: {reason}. {cure}")
