"""The run store: short transactions, and one compare-and-set that ends a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from sqlalchemy import (
    Connection,
    Engine,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from dispatcher.runs import schema
from dispatcher.runs.changing import CHANGE_OPEN, OFFER_AGAIN, OLD_WORKER, setting, worker_of
from dispatcher.runs.database import Database
from dispatcher.runs.failures import explained, reason_of
from dispatcher.runs.leases import MonitorLeases
from dispatcher.runs.models import OutboxRow, RunRow
from dispatcher.runs.record import (
    NO_EXTRAS,
    NO_RESULT,
    NOTHING_MORE,
    TERMINAL,
    Artifact,
    AttemptRecord,
    Ended,
    ResultRecord,
    Run,
    RunExtras,
    Status,
)
from dispatcher.runs.retention import Retention
from dispatcher.runs.rows import (
    BY_KEY,
    IS_OPEN,
    OPEN_BY_KEY,
    RUN_FIELDS,
    columns_of,
    get_run,
    one_run,
    select_runs,
)
from dispatcher.runs.search import Search
from dispatcher.runs.tours import Tours
from dispatcher.runs.trace import Trace, attach, put_attempts, put_files, tell
from protocol.errors import UsageError

_ADD_TRIES = 3
Durability = Literal["full", "relaxed"]

_COUNT_OPEN = select(func.count()).select_from(RunRow).where(RunRow.drop_id == bindparam("drop"), IS_OPEN)
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


class RunStore:
    """All that is remembered of runs. Safe for several threads and processes at once.

    What was added, decided or fixed is on the disk when the verb returns: it survives `kill -9` and a power cut. What
    is only noted (progress, said, cleaned) survives `kill -9`; a power cut may take the last of it, and it is found out
    again. A database that fails raises EnvironmentNotReady with the hint, an unknown run NotFoundError.
    """

    def __init__(self, engine: Engine, dispatcher_id: str) -> None:
        self.database = Database(engine)
        self.dispatcher_id = dispatcher_id
        self.trace = Trace(self.database)
        self.search = Search(self.database)
        self.tours = Tours(self.database)
        self.leases = MonitorLeases(self.database)
        self.retention = Retention(self.database)

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
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_or_find(self, run: Run, known: str | None = None, extras: RunExtras = NO_EXTRAS) -> tuple[Run, bool]:
        """Add a run, or return the open one of the same key; the second value says whether it was added.

        What belongs to it is added to either: who asks for the same again may want it at another place.

        `known` is the newest run of this key that the caller has seen. A newer one is returned instead, also when it
        has ended: of several processes that add one key, however slowly, one adds it and the others find that one.
        """
        if run.status in TERMINAL:
            raise UsageError(f"run {run.id} cannot begin as {run.status}")
        for tries_left in reversed(range(_ADD_TRIES)):
            try:
                with self.database.writing() as connection:
                    found = one_run(connection, OPEN_BY_KEY, key=run.key) or _newer(connection, run.key, known)
                    if found is None:
                        connection.execute(insert(RunRow).values(**columns_of(run, RUN_FIELDS)))
                        tell(connection, run.id, at=run.created_at, text="asked for")
                    attach(connection, (found or run).id, extras)
                if found is not None:
                    return found, False
                return run, True
            except IntegrityError as error:  # somebody's run got in between, or the id is not new
                if not tries_left:
                    raise UsageError(f"run {run.id} cannot be added: {reason_of(error)}. Give it a new id") from error
        raise AssertionError("the loop returns or raises")

    def get(self, run_id: str) -> Run:
        """Return a run."""
        with self.database.reading() as connection:
            return get_run(connection, run_id)

    def latest(self, key: str) -> Run | None:
        """Return the newest run of this key."""
        with self.database.reading() as connection:
            return one_run(connection, BY_KEY, key=key)

    def attach(self, run_id: str, extras: RunExtras) -> None:
        """Add to a run that was there before what this submission wants of it; what is there stays."""
        with self.database.writing() as connection:
            get_run(connection, run_id)
            attach(connection, run_id, extras)

    def recent(self, limit: int = 20, *, kind: str | None = None, status: Status | None = None) -> list[Run]:
        """Return the newest runs first, all or those of a kind or status."""
        wanted = [RunRow.kind == kind] if kind else []
        wanted += [RunRow.status == status] if status else []
        with self.database.reading() as connection:
            return select_runs(connection, *wanted, limit=limit)

    def count_open(self, drop_id: str) -> int:
        """Return how many runs of a drop have not ended."""
        with self.database.reading() as connection:
            return connection.execute(_COUNT_OPEN, {"drop": drop_id}).scalar_one()

    def known_jobs(self, drop_id: str, jobs: Collection[str]) -> frozenset[str]:
        """Return those of these job folders of a drop that belong to runs of this database."""
        if not jobs:
            return frozenset()
        with self.database.reading() as connection:
            mine = select(RunRow.job).where(RunRow.drop_id == drop_id, RunRow.job.in_(sorted(jobs)))
            return frozenset(connection.execute(mine).scalars())

    def claim_delays(self, drop_id: str, *, limit: int) -> list[float]:
        """Return the newest delays between an offer and the sight of its first claim on a drop, in seconds."""
        with self.database.reading() as connection:
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
        why: str | None = None,
        text: str | None = None,
        attempts: Sequence[AttemptRecord] = (),
    ) -> bool:
        """Say where an open run stands; what is None stays. A run that has ended stays as it is: False.

        `text` is a line for its history. The first time that it is queued, and running, is remembered.
        """
        if status in TERMINAL:
            raise UsageError(f"run {run_id} ends by commit(), not by progress({status})")
        said: dict[str, Any] = {
            "status": status,
            "progress_done": done,
            "progress_total": total,
            "progress_note": note,
            "worker": worker,
            "why": why,
            "queued_at": at if status == "queued" else None,
            "started_at": at if status in ("running", "verifying") else None,
        }
        return self._change_open(run_id, lasting=False, text=text, attempts=attempts, updated_at=at, **said)

    def claimed_after(self, run_id: str, seconds: float) -> None:
        """Remember how long it took from a run's offer to the sight of its first claim."""
        with self.database.writing(lasting=False) as connection:
            connection.execute(update(RunRow).where(RunRow.id == run_id).values(claim_delay_s=seconds))

    def offer_again(self, run_id: str, *, instead_of: str, job: str, request: bytes, at: float) -> Run:
        """Give an open run another job folder and request, for the first were torn or lost; return it as it is now.

        Of several processes that offer it again `instead_of` the same folder, the first decides.
        """
        again = {"run": run_id, "old": instead_of, "job": job, "request": request, "updated_at": at}
        with self.database.writing() as connection:
            connection.execute(OFFER_AGAIN, {**again, "status": "pending"})
        return self.get(run_id)

    def commit(
        self,
        run_id: str,
        status: Status,
        *,
        at: float,
        result: ResultRecord = NO_RESULT,
        error_code: str | None = None,
        error_text: str | None = None,
        mirror: tuple[str, bytes] | None = None,
        ended: Ended = NOTHING_MORE,
    ) -> bool:
        """End a run: the one compare-and-set from an open status. Of many callers exactly one gets True (R6).

        `mirror` is the control message (path, bytes) that tells the drop; it is fixed in the same transaction.
        """
        if status not in TERMINAL:
            raise UsageError(f"run {run_id} cannot end as {status}")
        ends: dict[str, Any] = {
            "status": status,
            "nonce": result.nonce,
            "results_dir": result.results_dir,
            "engine": dict(result.engine) if result.engine is not None else None,
            "verified": result.verified,
            "done_seal": result.checksum,
            "error_code": error_code,
            "error_text": error_text,
            "outputs": dict(ended.outputs) if ended.outputs is not None else None,
            "ended_at": at,
            "worker": OLD_WORKER if result.verified == "legacy" else worker_of(ended.attempts),
        }
        text = f"{error_code}: {error_text}" if error_code and error_text else error_text or status
        return self._change_open(
            run_id, mirror=mirror, text=text, attempts=ended.attempts, files=ended.files, updated_at=at, **ends
        )

    def say(self, run_id: str, name: str, data: bytes) -> bytes:
        """Fix the bytes of a control message and return them; a name that was fixed before keeps its first bytes."""
        with self.database.writing() as connection:
            get_run(connection, run_id)
            return _fix(connection, run_id, name, data)

    def unsaid(self, run_id: str) -> list[tuple[str, bytes]]:
        """Return the control messages that were fixed and not yet written to the drop, in the order of fixing."""
        with self.database.reading() as connection:
            return [(name, data) for name, data in connection.execute(_UNSAID, {"run": run_id})]

    def said(self, run_id: str, name: str, *, at: float) -> None:
        """Take note that a control message is in the drop; the first time counts."""
        with self.database.writing(lasting=False) as connection:
            connection.execute(_SAID, {"run": run_id, "message": name, "at": at})

    def uncleaned(self, drop_id: str, *, before: float) -> list[Run]:
        """Return the runs of a drop that ended before this time and whose folder may still be there."""
        ended = (RunRow.status.in_(sorted(TERMINAL)), RunRow.updated_at < before, RunRow.cleaned_at.is_(None))
        with self.database.reading() as connection:
            return select_runs(connection, RunRow.drop_id == drop_id, *ended)

    def cleaned(self, run_id: str, *, at: float) -> None:
        """Take note that a run's folder was removed from the drop."""
        with self.database.writing(lasting=False) as connection:
            connection.execute(update(RunRow).where(RunRow.id == run_id).values(cleaned_at=at))

    def _change_open(
        self,
        run_id: str,
        *,
        updated_at: float,
        lasting: bool = True,
        mirror: tuple[str, bytes] | None = None,
        text: str | None = None,
        attempts: Sequence[AttemptRecord] = (),
        files: Sequence[Artifact] = (),
        **values: Any,
    ) -> bool:
        """Change an open run, and only an open one; say whether it was."""
        new = {name: value for name, value in values.items() if value is not None} | {"updated_at": updated_at}
        with self.database.writing(lasting=lasting) as connection:
            changed = connection.execute(setting(CHANGE_OPEN, tuple(new)), {"run": run_id, **new}).rowcount
            if not changed:
                get_run(connection, run_id)
                return False
            if text:
                tell(connection, run_id, at=updated_at, text=text, why=new.get("why"))
            put_attempts(connection, run_id, attempts)
            put_files(connection, run_id, files)
            if mirror:
                _fix(connection, run_id, *mirror)
        return True


def _newer(connection: Connection, key: str, known: str | None) -> Run | None:
    newest = one_run(connection, BY_KEY, key=key)
    return newest if newest is not None and newest.id != known else None


def _fix(connection: Connection, run_id: str, name: str, data: bytes) -> bytes:
    if (first := connection.execute(_MESSAGE, {"run": run_id, "message": name}).scalar()) is not None:
        return first
    connection.execute(insert(OutboxRow).values(run_id=run_id, name=name, data=data, said_at=None))
    return data
