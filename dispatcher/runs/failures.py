"""What the database's errors mean to the one who runs the program: one table, used at every verb of the store."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from sqlalchemy.exc import IntegrityError, SQLAlchemyError, StatementError

from protocol.errors import EnvironmentNotReady, GpudropError

_ELSEWHERE = "or name another one by GPUDROP_DATABASE_URL"
_AGAIN = "then run again: nothing is lost"

_Cures = tuple[tuple[tuple[str, ...], str], ...]

# What SQLite says (it has no other way to tell these apart through the driver), and the hint.
_FILE: _Cures = (
    (
        ("malformed", "not a database", "disk i/o error"),
        "The file is damaged: move it away (with its -wal and -shm beside it), then run `gpudrop runs reindex`, which "
        "makes a new one and finds the jobs under way in the drop; results that were accepted stay where they are",
    ),
    (("readonly", "read-only", "unable to open"), f"Make the file and its folder writable for this user, {_ELSEWHERE}"),
    (("full",), f"Free some space on its disk, {_AGAIN}"),
    (("locked", "busy"), f"Another process holds it. Wait for it to end, {_AGAIN}"),
    (("no such table", "no such column"), f"It is not as this version left it: move it away, {_ELSEWHERE}"),
)

# What a server, or the way to it, says, or the code of its error (PostgreSQL's appendix A); and the hint.
_SERVER: _Cures = (
    (
        ("password", "28P01", "28000", "role ", "pg_hba.conf"),
        "Correct the user and the password in GPUDROP_DATABASE_URL (in a password, @ : / ? # % are written as %40 %3A "
        "%2F %3F %23 %25), or leave the password to ~/.pgpass",
    ),
    (("too many clients", "connection slots", "53300"), f"End some of its users or raise max_connections, {_AGAIN}"),
    (("read-only", "25006"), f"It is a copy that only reads (a standby): name the server that writes, {_ELSEWHERE}"),
    (("permission denied", "42501"), "Its owner must let this user make tables: GRANT CREATE, USAGE ON SCHEMA public"),
    (("53100", "could not extend", "no space left"), f"Free some space on the server's disk, {_AGAIN}"),
    (("55P03", "40P01", "57014"), f"Another process holds it. Wait for it to end, {_AGAIN}"),
    (("42P01", "42703"), f"It is not as this version left it: restore it from a backup, {_ELSEWHERE}"),
    (
        ("XX001", "XX002"),
        "The server's files are damaged: restore it from a backup, or name an empty database and run "
        "`gpudrop runs reindex`, which finds the jobs under way in the drop",
    ),
    (("does not exist", "3D000"), f"Make it: createdb -h HOST -U USER --encoding=UTF8 NAME, {_ELSEWHERE}"),
    (("invalid connection option", "22P05"), "Correct GPUDROP_DATABASE_URL; the database's encoding must be UTF8"),
    (
        ("connection", "server", "resolve host", "timeout", "57P01", "57P02", "57P03"),
        f"Check that the server runs and can be reached from here, {_AGAIN}",
    ),
)


@contextlib.contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn every error of the database at `where` into EnvironmentNotReady with the hint."""
    try:
        yield
    except IntegrityError:
        raise  # a rule of ours was hit: the store knows which, and what it means
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        if isinstance(told := getattr(error, "orig", None), GpudropError):
            raise told from None  # a value of ours that cannot be stored
        raise not_ready(where, error) from error


def not_ready(where: str, error: Exception) -> EnvironmentNotReady:
    """Return what to say of `error`, in one line."""
    reason = reason_of(error)
    code, words = getattr(getattr(error, "orig", None), "sqlstate", None), reason.lower()
    hints = [hint for signs, hint in _table(where) if code in signs or any(sign in words for sign in signs)]
    hint = hints[0] if hints else f"Check that it can be written, {_ELSEWHERE}"
    return EnvironmentNotReady(f"the run database {where} cannot be used: {reason}. {hint}")


def reason_of(error: Exception) -> str:
    """Return what the database said, without the lines that repeat the statement or guess at reasons."""
    cause = error.orig if isinstance(error, StatementError) and error.orig else error
    first = str(cause).strip().partition("\n")[0]
    return first.strip().removesuffix(".")


def _table(where: str) -> _Cures:
    return _SERVER if where.startswith("postgresql") else _FILE
