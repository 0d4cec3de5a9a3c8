"""Opening the database: how it is connected, which version it has, and how it comes to this one."""

from __future__ import annotations

import logging
import secrets
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from dispatcher.runs.models import DispatcherRow
from protocol.errors import EnvironmentNotReady, UsageError

HEAD = "0002_claim_delay"
"""The newest migration. A database that has it is opened without loading Alembic."""

BUSY_S = 30.0
WRITE = {"gpudrop_begin": "BEGIN IMMEDIATE"}
"""Execution options of a transaction that writes: it takes its turn at the beginning, not half-way, where it fails."""

NOTE = {**WRITE, "gpudrop_note": True}
"""Those of one that only notes what can be found out again: it does not wait for the disk."""

_MIGRATION_LOCK = 0x67707564  # "gpud": any number that is the same in every process
_VERSION_TABLE = "alembic_version"

_migrating = threading.Lock()  # Alembic keeps the migration under way in module globals
logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every table it looks at


def address_of(place: str | Path) -> URL:
    """Return the URL of a path, or of a URL; anything else raises UsageError."""
    if isinstance(place, Path) or "://" not in place:
        return URL.create("sqlite", database=str(Path(place).absolute()))
    try:
        address = make_url(place)
        address.get_dialect()
    except ArgumentError as error:
        raise UsageError(f"{place!r} is no address of a database: write a path, or sqlite:///path") from error
    return address


def connect(address: URL) -> Engine:
    """Return the way to the database. A SQLite file's folder is made; nothing is opened yet."""
    if address.get_backend_name() != "sqlite":
        return _connect_server(address)
    if not address.database:
        raise UsageError("the run database is a file: write a path, or sqlite:///path")
    Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    # The driver's own transactions begin late and not before every statement; ours begin where they are written.
    engine = create_engine(address, connect_args={"timeout": BUSY_S, "isolation_level": None})
    event.listen(engine, "connect", _pragmas)
    event.listen(engine, "begin", begin)
    return engine


def _connect_server(address: URL) -> Engine:
    try:
        return create_engine(address)
    except ModuleNotFoundError as error:
        raise EnvironmentNotReady(
            f"the run database {address.render_as_string()} needs the Python package {error.name!r}: install it, "
            "or use the default database"
        ) from error


def _pragmas(connection: Any, _: object) -> None:
    """Let readers and a writer work at once (WAL), and keep what was committed through a power cut (FULL).

    An acceptance is a promise, so its commit waits for the disk; NORMAL would forget the last ones with the power.
    """
    _use_wal(connection)
    for pragma in ("synchronous=FULL", "fullfsync=ON", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _use_wal(connection: Any) -> None:
    """Switch to WAL, which the file then remembers. SQLite does not wait for others here, so this does."""
    deadline = time.monotonic() + BUSY_S
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def begin(connection: Connection) -> None:
    """Begin a transaction as its execution options say; a plain one where they say nothing."""
    options = connection.get_execution_options()
    if "gpudrop_begin" in options and connection.dialect.name == "sqlite":
        _wait_for_disk(connection, "NORMAL" if options.keys() & {"gpudrop_note", "gpudrop_relaxed"} else "FULL")
    connection.exec_driver_sql(options.get("gpudrop_begin", "BEGIN"))


def _wait_for_disk(connection: Connection, when: str) -> None:
    """Let a commit wait for the disk (FULL), or leave that to a later one (NORMAL); in WAL nothing breaks by it."""
    if connection.info.get("synchronous", "FULL") != when:
        connection.exec_driver_sql(f"PRAGMA synchronous={when}")
        connection.info["synchronous"] = when


def prepare(engine: Engine) -> str:
    """Bring the tables to this version; return the dispatcher's id. A later version raises EnvironmentNotReady."""
    with engine.connect() as connection:
        if _version(connection) == HEAD and (known := _dispatcher_id(connection)):
            return known
    # The thread's turn comes before the database's: who holds both in the other order waits for ever.
    with _migrating, engine.connect().execution_options(**WRITE) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        # From here on no other process migrates: what one of them did meanwhile is seen, and done once.
        _migrate(connection)
        return _dispatcher_id(connection) or _make_dispatcher_id(connection)


def _version(connection: Connection) -> str | None:
    if _VERSION_TABLE not in (tables := inspect(connection).get_table_names()):
        if tables:
            raise EnvironmentNotReady(
                f"the database {connection.engine.url.render_as_string()} belongs to another program "
                f"(it has the table {tables[0]!r}): name another one by GPUDROP_DATABASE_URL"
            )
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()  # noqa: S608
    return found


def _migrate(connection: Connection) -> None:
    current = _version(connection)
    if current == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "dispatcher.runs:migrations")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise EnvironmentNotReady(
            f"the run database {connection.engine.url.render_as_string()} was made by a later gpudrop "
            f"(its version is {current!r}, this one knows {HEAD!r}): upgrade gpudrop, "
            "or name another one by GPUDROP_DATABASE_URL"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _dispatcher_id(connection: Connection) -> str | None:
    return connection.execute(select(DispatcherRow.id)).scalar()


def _make_dispatcher_id(connection: Connection) -> str:
    made = secrets.token_hex(8)
    connection.execute(insert(DispatcherRow).values(id=made))
    return made
