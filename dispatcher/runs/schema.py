"""Opening the database: how it is connected, which version it has, and how it comes to this one."""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, insert, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from dispatcher.runs.columns import to_json
from dispatcher.runs.models import DispatcherRow
from protocol.errors import EnvironmentNotReady, UsageError
from protocol.layout import is_nonce

HEAD = "0005_tours"
"""The newest migration. A database that has it is opened without loading Alembic."""

BUSY_S = 30.0
WRITE = {"gpudrop_begin": "BEGIN IMMEDIATE"}
"""Execution options of a transaction that writes: it takes its turn at the beginning, not half-way, where it fails."""

NOTE = {**WRITE, "gpudrop_note": True}
"""Those of one that notes, by one statement about one row, what can be found out again: it does not wait for the disk,
nor on a server for its turn."""

_TURN_LOCK = 0x67707564  # "gpud": any number that is the same in every process
_VERSION_TABLE = "alembic_version"

_ADDRESSES = (
    "write a path, sqlite:///path, or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE, "
    "with the signs @ : / ? # % in a password as %40 %3A %2F %3F %23 %25"
)
_LIKE_A_URL = re.compile(r"[^/]*://|(sqlite|postgres)[a-z0-9+]*:")
_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
# A server that is unreachable is told within seconds, one that vanishes in the middle within a minute.
_UNLESS_TOLD = {
    "client_encoding": "utf8",
    "connect_timeout": "10",
    "keepalives_count": "4",
    "keepalives_idle": "20",
    "keepalives_interval": "5",
}

_migrating = threading.Lock()  # Alembic keeps the migration under way in module globals
logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every table it looks at


def address_of(place: str | Path) -> URL:
    """Return the URL of a path, or of a URL; anything else raises UsageError, which shows no password."""
    if isinstance(place, Path) or not _LIKE_A_URL.match(place):
        return URL.create("sqlite", database=str(Path(place).absolute()))
    try:
        address = make_url(place)
    except (ArgumentError, ValueError):  # the errors quote parts of it, and a password may be among them
        raise UsageError(f"{_without_login(place)!r} is no address of a database: {_ADDRESSES}") from None
    if address.drivername not in _DRIVERS or "@" in (address.host or ""):
        raise UsageError(f"{_without_login(place)!r} is no address of a database here: {_ADDRESSES}")
    if "password" in address.query:  # where it would be shown; it means the same before the host
        address = address.set(password=str(address.query["password"])).difference_update_query(["password"])
    return address.set(drivername=_DRIVERS[address.drivername])


def shown(address: URL) -> str:
    """Return an address as it may be printed: without its password, and of its options only which socket it is."""
    return address.set(
        query={name: value for name, value in address.query.items() if name == "host"}
    ).render_as_string()


def _without_login(place: str) -> str:
    """Return a text that was meant as an address without all that may be a name and a password."""
    head, mark, tail = place.rpartition("@")
    scheme = re.match("[a-z0-9+]*:/*", head)
    return re.sub(r"(password=)[^&]*", r"\1***", f"{scheme[0] if scheme else ''}***@{tail}" if mark else place)


def connect(address: URL) -> Engine:
    """Return the way to the database. A SQLite file's folder is made; nothing is opened yet."""
    if address.get_backend_name() != "sqlite":
        return _connect_server(address)
    if not address.database or address.database == ":memory:":
        raise UsageError("the run database is a file: write a path, or sqlite:///path")
    Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    # The driver's own transactions begin late and not before every statement; ours begin where they are written.
    waits = {"timeout": BUSY_S, "isolation_level": None}
    engine = create_engine(address, connect_args=waits, json_serializer=to_json)
    event.listen(engine, "connect", _pragmas)
    event.listen(engine, "begin", begin)
    return engine


def _connect_server(address: URL) -> Engine:
    """Return the way to a server.

    A process keeps one connection while it waits for its jobs, and has five at most: a server comes with 100 for all.
    A connection is tried before it is used, so a server that was away is found again.
    """
    try:
        engine = create_engine(
            address,
            pool_size=1,
            max_overflow=4,
            pool_timeout=BUSY_S,
            pool_pre_ping=True,
            connect_args={name: value for name, value in _UNLESS_TOLD.items() if name not in address.query},
            json_serializer=to_json,
        )
    except ImportError as error:
        raise EnvironmentNotReady(
            f"the run database {shown(address)} needs the Python package psycopg: pip install 'gpudrop[postgres]', "
            "or use the default database"
        ) from error
    event.listen(engine, "begin", _take_turn)
    return engine


def reading(engine: Engine) -> Connection:
    """Return a connection on which everything that is read is of one moment, on every database."""
    if engine.dialect.name == "sqlite":
        return engine.connect()
    return engine.connect().execution_options(isolation_level="REPEATABLE READ")


def _take_turn(connection: Connection) -> None:
    """Let a transaction that writes wait for its turn, as SQLite does: what is decided in it is decided alone.

    Nobody waits for a turn, or for a row, longer than for a locked file; and a machine that falls asleep while it has
    the turn loses it.
    """
    options = connection.get_execution_options()
    if "gpudrop_begin" not in options:
        return
    asks = [func.set_config("lock_timeout", f"{int(BUSY_S * 1000)}ms", True)]
    asks += [func.set_config("idle_in_transaction_session_timeout", f"{int(2 * BUSY_S * 1000)}ms", True)]
    if options.keys() & {"gpudrop_note", "gpudrop_relaxed"}:
        asks += [func.set_config("synchronous_commit", "off", True)]
    if "gpudrop_note" not in options:
        asks += [func.pg_advisory_xact_lock(_TURN_LOCK)]
    connection.execute(select(*asks))


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
            _keep_id(engine, known)
            return known
    # The thread's turn comes before the database's: who holds both in the other order waits for ever.
    with _migrating, engine.connect().execution_options(**WRITE) as connection, connection.begin():
        # From here on no other process migrates: what one of them did meanwhile is seen, and done once.
        _migrate(connection)
        known = _dispatcher_id(connection) or _make_dispatcher_id(connection)
    _keep_id(engine, known)
    return known


def _version(connection: Connection) -> str | None:
    if _VERSION_TABLE not in (tables := inspect(connection).get_table_names()):
        if tables:
            raise EnvironmentNotReady(
                f"the database {shown(connection.engine.url)} belongs to another program "
                f"(it has the table {tables[0]!r}): name another one by GPUDROP_DATABASE_URL"
            )
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()  # noqa: S608
    return found


def _migrate(connection: Connection) -> None:
    current = _version(connection)
    if current == HEAD:
        return
    _check_encoding(connection)
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "dispatcher.runs:migrations")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise EnvironmentNotReady(
            f"the run database {shown(connection.engine.url)} was made by a later gpudrop "
            f"(its version is {current!r}, this one knows {HEAD!r}): upgrade gpudrop, "
            "or name another one by GPUDROP_DATABASE_URL"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check_encoding(connection: Connection) -> None:
    """Refuse a server's database that cannot hold every text, before anything is in it."""
    if connection.dialect.name != "postgresql":
        return
    if (found := connection.execute(text("SHOW server_encoding")).scalar_one()) != "UTF8":
        raise EnvironmentNotReady(
            f"the database {shown(connection.engine.url)} has the encoding {found}, which cannot hold every text: make "
            "one by createdb --encoding=UTF8 --template=template0, and name it by GPUDROP_DATABASE_URL"
        )


def _dispatcher_id(connection: Connection) -> str | None:
    return connection.execute(select(DispatcherRow.id)).scalar()


def _make_dispatcher_id(connection: Connection) -> str:
    made = _kept_id(connection.engine) or secrets.token_hex(8)
    connection.execute(insert(DispatcherRow).values(id=made))
    return made


def _id_file(engine: Engine) -> Path | None:
    """Return the file beside a SQLite database that remembers whose it is; a server's database has none."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return None
    return Path(f"{engine.url.database}.id")


def _kept_id(engine: Engine) -> str | None:
    """Return whose the database was that lay here before: its jobs in the drops are this one's (docs/why)."""
    file = _id_file(engine)
    kept = file.read_text("ascii").strip() if file is not None and file.exists() else ""
    return kept if is_nonce(kept) else None


def _keep_id(engine: Engine, known: str) -> None:
    """Remember beside the database whose it is, so that one which is made in its place is nobody else's."""
    file = _id_file(engine)
    if file is None or not is_nonce(known) or file.exists():
        return
    with contextlib.suppress(FileExistsError), file.open("x", encoding="ascii") as new:  # another process was faster
        new.write(f"{known}\n")
