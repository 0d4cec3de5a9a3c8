"""The run store: short transactions, and one compare-and-set that ends a run."""

from __future__ import annotations

import dataclasses
import logging
import secrets
import threading
from pathlib import Path
from typing import Any, Self

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, insert, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from dispatcher.runs.models import DispatcherRow, OutboxRow, RunRow
from dispatcher.runs.record import TERMINAL, Run, Status
from protocol.errors import EnvironmentNotReady, NotFoundError

BUSY_MS = 30_000
logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every table it looks at
_COLUMNS = [getattr(RunRow, field.name) for field in dataclasses.fields(Run)]


class RunStore:
    """All that is remembered of runs. Safe for several processes at once."""

    def __init__(self, engine: Engine, dispatcher_id: str) -> None:
        self._engine = engine
        self.dispatcher_id = dispatcher_id

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database at `url`, made or migrated as needed; an unusable one raises EnvironmentNotReady."""
        address = make_url(url)
        try:
            if address.drivername.startswith("sqlite") and address.database:
                Path(address.database).parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(url)
            if engine.dialect.name == "sqlite":
                event.listen(engine, "connect", _pragmas)
            _migrate(engine)
            return cls(engine, _dispatcher_id(engine))
        except (OperationalError, DatabaseError, OSError) as error:
            reason = str(getattr(error, "orig", None) or error)
            raise EnvironmentNotReady(
                f"the run database {address.render_as_string()} cannot be used: {reason}. "
                "Make its folder writable, or move the file away to start a new one"
            ) from error

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def add_or_find(self, run: Run) -> tuple[Run, bool]:
        """Add a run, or return the open one of the same key; the second value says whether it was added."""
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(RunRow).values(**dataclasses.asdict(run)))
            return run, True
        except IntegrityError:
            found = self.find_open(run.key)
            return (found, False) if found else self.add_or_find(run)  # it ended between the two statements

    def get(self, run_id: str) -> Run:
        """Return a run; an unknown id raises NotFoundError."""
        found = self._select(RunRow.id == run_id)
        if not found:
            raise NotFoundError(f"no run {run_id}")
        return found[0]

    def find_open(self, key: str) -> Run | None:
        """Return the run of this key that has not ended."""
        found = self._select(RunRow.key == key, RunRow.status.not_in(TERMINAL))
        return found[0] if found else None

    def latest(self, key: str) -> Run | None:
        """Return the newest run of this key."""
        found = self._select(RunRow.key == key)
        return found[0] if found else None

    def recent(self, limit: int = 20, *, kind: str | None = None, status: Status | None = None) -> list[Run]:
        """Return the newest runs first."""
        wanted = [RunRow.kind == kind] if kind else []
        wanted += [RunRow.status == status] if status else []
        return self._select(*wanted)[:limit]

    def progress(self, run_id: str, *, status: Status, at: float) -> None:
        """Say where an open run stands; a run that has ended stays as it is."""
        with self._engine.begin() as connection:
            connection.execute(
                update(RunRow)
                .where(RunRow.id == run_id, RunRow.status.not_in(TERMINAL))
                .values(status=status, updated_at=at)
            )

    def offer_again(self, run_id: str, *, job: str, request: bytes, at: float) -> Run:
        """Give an open run another job folder and request, because the first was left torn."""
        with self._engine.begin() as connection:
            connection.execute(
                update(RunRow).where(RunRow.id == run_id).values(job=job, request=request, updated_at=at)
            )
        return self.get(run_id)

    def commit(self, run_id: str, status: Status, *, at: float, **ends: Any) -> bool:
        """End a run: the one compare-and-set from an open status. Of many callers exactly one gets True (R6)."""
        with self._engine.begin() as connection:
            done = connection.execute(
                update(RunRow)
                .where(RunRow.id == run_id, RunRow.status.not_in(TERMINAL))
                .values(status=status, updated_at=at, **ends)
            )
            return done.rowcount == 1

    def say(self, run_id: str, name: str, data: bytes) -> None:
        """Fix the bytes of a control message; a name that was fixed before keeps its first bytes."""
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(OutboxRow).values(run_id=run_id, name=name, data=data, said_at=None))
        except IntegrityError:
            self.get(run_id)  # the name is fixed; an unknown run raises here

    def unsaid(self, run_id: str) -> list[tuple[str, bytes]]:
        """Return the control messages that were fixed and not yet written to the drop."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(OutboxRow.name, OutboxRow.data).where(OutboxRow.run_id == run_id, OutboxRow.said_at.is_(None))
            )
            return [(name, data) for name, data in rows]

    def said(self, run_id: str, name: str, *, at: float) -> None:
        """Take note that a control message is in the drop."""
        with self._engine.begin() as connection:
            connection.execute(
                update(OutboxRow).where(OutboxRow.run_id == run_id, OutboxRow.name == name).values(said_at=at)
            )

    def uncleaned(self, drop_id: str, *, before: float) -> list[Run]:
        """Return the runs of a drop that ended before this time and whose folder may still be there."""
        return self._select(
            RunRow.drop_id == drop_id,
            RunRow.status.in_(TERMINAL),
            RunRow.updated_at < before,
            RunRow.cleaned_at.is_(None),
        )

    def cleaned(self, run_id: str, *, at: float) -> None:
        """Take note that a run's folder was removed from the drop."""
        with self._engine.begin() as connection:
            connection.execute(update(RunRow).where(RunRow.id == run_id).values(cleaned_at=at))

    def _select(self, *wanted: Any) -> list[Run]:
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(*_COLUMNS).where(*wanted).order_by(RunRow.created_at.desc(), RunRow.id.desc())
            )
            return [Run(**row._mapping) for row in rows]


def _pragmas(connection: Any, _: object) -> None:
    """WAL lets readers and a writer work at once; FULL keeps an acceptance through a power cut."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MS}"):
        connection.execute(f"PRAGMA {pragma}")


_migrating = threading.Lock()  # Alembic keeps its context in module globals


def _migrate(engine: Engine) -> None:
    """Bring the tables to this version. A database of a later version raises EnvironmentNotReady."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with _migrating, engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # one process migrates, the others wait and find it done
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise EnvironmentNotReady(
                "the run database was made by a later gpudrop: upgrade, or set GPUDROP_DATABASE_URL to another one"
            ) from error
        connection.commit()


def _dispatcher_id(engine: Engine) -> str:
    with engine.begin() as connection:
        return _read_id(connection) or _make_id(connection)


def _read_id(connection: Connection) -> str | None:
    return connection.execute(select(DispatcherRow.id).order_by(DispatcherRow.id)).scalar()


def _make_id(connection: Connection) -> str:
    made = secrets.token_hex(8)
    connection.execute(insert(DispatcherRow).values(id=made))
    return made
