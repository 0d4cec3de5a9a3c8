"""The run store: short transactions, and one compare-and-set that ends a run."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Literal, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from dispatcher.runs import schema
from dispatcher.runs.failures import explained, reason_of
from dispatcher.runs.models import OutboxRow, RunRow
from dispatcher.runs.record import OPEN, TERMINAL, Run, Status
from protocol.errors import NotFoundError, UsageError

_FIELDS = [field.name for field in dataclasses.fields(Run)]
_COLUMNS = [getattr(RunRow, name) for name in _FIELDS]
_IS_OPEN = RunRow.status.in_(sorted(OPEN))
_ADD_TRIES = 3

Durability = Literal["full", "relaxed"]

# What every look asks is built once: making a statement costs SQLAlchemy more than running it.
_RUNS = select(*_COLUMNS).order_by(RunRow.created_at.desc(), RunRow.id.desc())
_BY_ID = select(*_COLUMNS).where(RunRow.id == bindparam("run"))
_BY_KEY = _RUNS.where(RunRow.key == bindparam("key")).limit(1)
_OPEN_BY_KEY = _RUNS.where(RunRow.key == bindparam("key"), _IS_OPEN).limit(1)
_COUNT_OPEN = select(func.count()).select_from(RunRow).where(RunRow.drop_id == bindparam("drop"), _IS_OPEN)
_CLAIM_DELAYS = (
    select(RunRow.claim_delay_s)
    .where(RunRow.drop_id == bindparam("drop"), RunRow.claim_delay_s.is_not(None))
    .order_by(RunRow.created_at.desc(), RunRow.id.desc())
)
_UNSAID = (
    select(OutboxRow.name, OutboxRow.data)
    .where(OutboxRow.run_id == bindparam("run"), OutboxRow.said_at.is_(None))
    .order_by(OutboxRow.seq)
)
_MESSAGE = select(OutboxRow.data).where(OutboxRow.run_id == bindparam("run"), OutboxRow.name == bindparam("message"))
_SAID = (
    update(OutboxRow)
    .where(OutboxRow.run_id == bindparam("run"), OutboxRow.name == bindparam("message"), OutboxRow.said_at.is_(None))
    .values(said_at=bindparam("at"))
)


def changing(condition: ColumnElement[bool]) -> Update:
    """Return the statement that changes a run, if the run meets a condition."""
    return update(RunRow).where(RunRow.id == bindparam("run"), condition)


@functools.lru_cache(maxsize=64)
def _setting(statement: Update, names: tuple[str, ...]) -> Update:
    """Return the statement that sets these columns, from parameters of their names."""
    return statement.values({name: bindparam(name) for name in names})


_CHANGE_OPEN = changing(_IS_OPEN)
"""The compare-and-set that ends a run: it changes a run that is open, and no other (R6)."""

_OFFER_AGAIN = changing(and_(_IS_OPEN, RunRow.job == bindparam("old"))).values(
    {name: bindparam(name) for name in ("job", "request", "updated_at", "status")}
)


class RunStore:
    """All that is remembered of runs. Safe for several threads and processes at once.

    What was added, decided or fixed is on the disk when the verb returns: it survives `kill -9` and a power cut. What
    is only noted (progress, said, cleaned) survives `kill -9`; a power cut may take the last of it, and it is found out
    again. A database that fails raises EnvironmentNotReady with the cure, an unknown run NotFoundError.
    """

    def __init__(self, engine: Engine, dispatcher_id: str) -> None:
        self._engine = engine
        self.where = str(engine.url.database) if engine.dialect.name == "sqlite" else schema.shown(engine.url)
        self.dispatcher_id = dispatcher_id

    @classmethod
    def open(cls, place: str | Path, *, durability: Durability = "full") -> Self:
        """Open the database at a path or a URL, made or migrated as needed.

        With `durability` "relaxed" no commit waits for the disk: a power cut may take back the last decisions.
        """
        address = schema.address_of(place)
        with explained(schema.shown(address)):
            engine = schema.connect(address)
            if durability == "relaxed":
                engine = engine.execution_options(gpudrop_relaxed=True)
            try:
                return cls(engine, schema.prepare(engine))
            except BaseException:
                engine.dispose()
                raise

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_or_find(self, run: Run, known: str | None = None) -> tuple[Run, bool]:
        """Add a run, or return the open one of the same key; the second value says whether it was added.

        `known` is the newest run of this key that the caller has seen. A newer one is returned instead, also when it
        has ended: of several processes that add one key, however slowly, one adds it and the others find that one.
        """
        if run.status in TERMINAL:
            raise UsageError(f"run {run.id} cannot begin as {run.status}")
        for tries_left in reversed(range(_ADD_TRIES)):
            try:
                with self._writing() as connection:
                    if found := _one(connection, _OPEN_BY_KEY, key=run.key):
                        return found, False
                    if (newest := _one(connection, _BY_KEY, key=run.key)) and newest.id != known:
                        return newest, False
                    connection.execute(insert(RunRow).values(**_values(run)))
                return run, True
            except IntegrityError as error:  # somebody's run got in between, or the id is not new
                if not tries_left:
                    raise UsageError(f"run {run.id} cannot be added: {reason_of(error)}. Give it a new id") from error
        raise AssertionError("the loop returns or raises")

    def get(self, run_id: str) -> Run:
        """Return a run."""
        with self._reading() as connection:
            return _get(connection, run_id)

    def find_open(self, key: str) -> Run | None:
        """Return the run of this key that has not ended."""
        with self._reading() as connection:
            return _one(connection, _OPEN_BY_KEY, key=key)

    def latest(self, key: str) -> Run | None:
        """Return the newest run of this key."""
        with self._reading() as connection:
            return _one(connection, _BY_KEY, key=key)

    def recent(self, limit: int = 20, *, kind: str | None = None, status: Status | None = None) -> list[Run]:
        """Return the newest runs first, all or those of a kind or status."""
        wanted = [RunRow.kind == kind] if kind else []
        wanted += [RunRow.status == status] if status else []
        with self._reading() as connection:
            return _select(connection, *wanted, limit=limit)

    def count_open(self, drop_id: str) -> int:
        """Return how many runs of a drop have not ended."""
        with self._reading() as connection:
            return connection.execute(_COUNT_OPEN, {"drop": drop_id}).scalar_one()

    def known_jobs(self, drop_id: str, jobs: Collection[str]) -> frozenset[str]:
        """Return those of these job folders of a drop that belong to runs of this database."""
        if not jobs:
            return frozenset()
        with self._reading() as connection:
            mine = select(RunRow.job).where(RunRow.drop_id == drop_id, RunRow.job.in_(sorted(jobs)))
            return frozenset(connection.execute(mine).scalars())

    def claim_delays(self, drop_id: str, *, limit: int) -> list[float]:
        """Return the newest delays between an offer and the sight of its first claim on a drop, in seconds."""
        with self._reading() as connection:
            rows = connection.execute(_CLAIM_DELAYS.limit(limit), {"drop": drop_id}).scalars()
            return [delay_s for delay_s in rows if delay_s is not None]

    def progress(
        self,
        run_id: str,
        *,
        at: float,
        status: Status | None = None,
        done: int | None = None,
        total: int | None = None,
        note: str | None = None,
        worker: str | None = None,
        claim_delay_s: float | None = None,
    ) -> bool:
        """Say where an open run stands; what is None stays. A run that has ended stays as it is: False."""
        if status in TERMINAL:
            raise UsageError(f"run {run_id} ends by commit(), not by progress({status})")
        said: dict[str, Any] = {
            "status": status,
            "progress_done": done,
            "progress_total": total,
            "progress_note": note,
            "worker": worker,
            "claim_delay_s": claim_delay_s,
        }
        return self._change_open(run_id, lasting=False, updated_at=at, **said)

    def offer_again(self, run_id: str, *, instead_of: str, job: str, request: bytes, at: float) -> Run:
        """Give an open run another job folder and request, for the first were torn or lost; return it as it is now.

        Of several processes that offer it again `instead_of` the same folder, the first decides.
        """
        again = {"run": run_id, "old": instead_of, "job": job, "request": request, "updated_at": at}
        with self._writing() as connection:
            connection.execute(_OFFER_AGAIN, {**again, "status": "pending"})
        return self.get(run_id)

    def commit(
        self,
        run_id: str,
        status: Status,
        *,
        at: float,
        nonce: str | None = None,
        results_dir: str | None = None,
        engine: dict[str, Any] | None = None,
        verified: str | None = None,
        done_seal: str | None = None,
        error_code: str | None = None,
        error_text: str | None = None,
        mirror: tuple[str, bytes] | None = None,
    ) -> bool:
        """End a run: the one compare-and-set from an open status. Of many callers exactly one gets True (R6).

        `mirror` is the control message (path, bytes) that tells the drop; it is fixed in the same transaction.
        """
        if status not in TERMINAL:
            raise UsageError(f"run {run_id} cannot end as {status}")
        ends: dict[str, Any] = {
            "status": status,
            "nonce": nonce,
            "results_dir": results_dir,
            "engine": engine,
            "verified": verified,
            "done_seal": done_seal,
            "error_code": error_code,
            "error_text": error_text,
        }
        return self._change_open(run_id, mirror=mirror, updated_at=at, **ends)

    def say(self, run_id: str, name: str, data: bytes) -> bytes:
        """Fix the bytes of a control message and return them; a name that was fixed before keeps its first bytes."""
        with self._writing() as connection:
            _get(connection, run_id)
            return _fix(connection, run_id, name, data)

    def unsaid(self, run_id: str) -> list[tuple[str, bytes]]:
        """Return the control messages that were fixed and not yet written to the drop, in the order of fixing."""
        with self._reading() as connection:
            return [(name, data) for name, data in connection.execute(_UNSAID, {"run": run_id})]

    def said(self, run_id: str, name: str, *, at: float) -> None:
        """Take note that a control message is in the drop; the first time counts."""
        with self._writing(lasting=False) as connection:
            connection.execute(_SAID, {"run": run_id, "message": name, "at": at})

    def uncleaned(self, drop_id: str, *, before: float) -> list[Run]:
        """Return the runs of a drop that ended before this time and whose folder may still be there."""
        ended = (RunRow.status.in_(sorted(TERMINAL)), RunRow.updated_at < before, RunRow.cleaned_at.is_(None))
        with self._reading() as connection:
            return _select(connection, RunRow.drop_id == drop_id, *ended)

    def cleaned(self, run_id: str, *, at: float) -> None:
        """Take note that a run's folder was removed from the drop."""
        with self._writing(lasting=False) as connection:
            connection.execute(update(RunRow).where(RunRow.id == run_id).values(cleaned_at=at))

    def _change_open(
        self, run_id: str, mirror: tuple[str, bytes] | None = None, *, lasting: bool = True, **values: Any
    ) -> bool:
        """Change an open run, and only an open one; say whether it was."""
        new = {name: value for name, value in values.items() if value is not None}
        with self._writing(lasting=lasting) as connection:
            changed = connection.execute(_setting(_CHANGE_OPEN, tuple(new)), {"run": run_id, **new}).rowcount
            if not changed:
                _get(connection, run_id)
            elif mirror:
                _fix(connection, run_id, *mirror)
        return changed == 1

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        with explained(self.where), schema.reading(self._engine) as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self, *, lasting: bool = True) -> Iterator[Connection]:
        """Hold the database's one turn to write; what is not `lasting` does not wait for the disk."""
        with (
            explained(self.where),
            self._engine.connect() as connection,
            connection.execution_options(**(schema.WRITE if lasting else schema.NOTE)).begin(),
        ):
            yield connection


def _values(run: Run) -> dict[str, Any]:
    return {field.name: getattr(run, field.name) for field in dataclasses.fields(run)}


def _select(connection: Connection, *wanted: ColumnElement[bool], limit: int | None = None) -> list[Run]:
    return [_run(row) for row in connection.execute(_RUNS.where(*wanted).limit(limit))]


def _one(connection: Connection, statement: Select[Any], **named: Any) -> Run | None:
    row = connection.execute(statement, named).first()
    return _run(row) if row is not None else None


def _run(row: Row[Any]) -> Run:
    return Run(**dict(zip(_FIELDS, row, strict=True)))


def _get(connection: Connection, run_id: str) -> Run:
    if (found := _one(connection, _BY_ID, run=run_id)) is None:
        raise NotFoundError(f"there is no run {run_id}")
    return found


def _fix(connection: Connection, run_id: str, name: str, data: bytes) -> bytes:
    if (first := connection.execute(_MESSAGE, {"run": run_id, "message": name}).scalar()) is not None:
        return first
    connection.execute(insert(OutboxRow).values(run_id=run_id, name=name, data=data, said_at=None))
    return data
