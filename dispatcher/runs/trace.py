"""What is remembered around a run: its attempts, files and history, where its outputs go, and what follows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, literal, select, update

from dispatcher.runs.database import Database
from dispatcher.runs.models import (
    ArtifactRow,
    AttemptRow,
    ChangeRow,
    ContinuationRow,
    DeliveryRow,
    NoticeRow,
    RunRow,
    TagRow,
)
from dispatcher.runs.record import Artifact, AttemptRecord, Change, Continuation, Delivery, RunExtras
from dispatcher.runs.rows import columns_of, put

_ATTEMPT = [field.name for field in dataclasses.fields(AttemptRecord)]
_ARTIFACT = [field.name for field in dataclasses.fields(Artifact)]
_DELIVERY = [field.name for field in dataclasses.fields(Delivery)]


class Trace:
    """Reads and notes all this, a run at a time; the store writes what must be there together with the run itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def attempts(self, run_id: str) -> list[AttemptRecord]:
        """Return the attempts that were seen, in order."""
        wanted = select(*(getattr(AttemptRow, name) for name in _ATTEMPT)).where(AttemptRow.run_id == run_id)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.order_by(AttemptRow.n, AttemptRow.nonce))
            return [AttemptRecord(**row._mapping) for row in rows]

    def files(self, run_id: str) -> list[Artifact]:
        """Return the files of a run: inputs, outputs and logs, by name."""
        wanted = select(*(getattr(ArtifactRow, name) for name in _ARTIFACT)).where(ArtifactRow.run_id == run_id)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.order_by(ArtifactRow.role, ArtifactRow.name))
            return [Artifact(**row._mapping) for row in rows]

    def changes(self, run_id: str) -> list[Change]:
        """Return a run's history, oldest first."""
        wanted = select(ChangeRow.at, ChangeRow.status, ChangeRow.text, ChangeRow.why)
        with self._database.reading() as connection:
            rows = connection.execute(wanted.where(ChangeRow.run_id == run_id).order_by(ChangeRow.seq))
            return [Change(**row._mapping) for row in rows]

    def deliveries(self, run_id: str) -> list[Delivery]:
        """Return where its outputs are to be put, done or not."""
        wanted = select(*(getattr(DeliveryRow, name) for name in _DELIVERY)).where(DeliveryRow.run_id == run_id)
        with self._database.reading() as connection:
            return [Delivery(**row._mapping) for row in connection.execute(wanted.order_by(DeliveryRow.target))]

    def continuations(self, run_id: str) -> list[Continuation]:
        """Return what is to be made of its outputs next, done or not."""
        names = ("seq", "steps", "child_id", "error_text")
        wanted = select(*(getattr(ContinuationRow, name) for name in names)).where(ContinuationRow.run_id == run_id)
        with self._database.reading() as connection:
            return [Continuation(**row._mapping) for row in connection.execute(wanted.order_by(ContinuationRow.seq))]

    def tags(self, run_ids: Sequence[str]) -> dict[str, list[str]]:
        """Return the tags of runs, sorted."""
        wanted = select(TagRow.run_id, TagRow.tag).where(TagRow.run_id.in_(run_ids)).order_by(TagRow.tag)
        found: dict[str, list[str]] = {run_id: [] for run_id in run_ids}
        with self._database.reading() as connection:
            for run_id, tag in connection.execute(wanted):
                found[run_id].append(tag)
        return found

    def note(self, run_id: str, text: str, *, at: float, why: str | None = None) -> None:
        """Add a line to a run's history, whether it has ended or not; `why` is a code by which it is found again."""
        with self._database.writing(lasting=False) as connection:
            tell(connection, run_id, at=at, text=text, why=why)

    def keep_files(self, run_id: str, files: Sequence[Artifact]) -> None:
        """Remember files of a run; one that is known already is as it is told now."""
        with self._database.writing(lasting=False) as connection:
            put_files(connection, run_id, files)

    def keep_log(self, run_id: str, nonce: str, path: str) -> None:
        """Remember where an attempt's log was brought to; an empty path says that it wrote none."""
        mine = (AttemptRow.run_id == run_id, AttemptRow.nonce == nonce)
        with self._database.writing(lasting=False) as connection:
            connection.execute(update(AttemptRow).where(*mine).values(log=path))

    def delivered(self, run_id: str, target: str, *, at: float, error: str | None = None) -> None:
        """Remember that an output is at its place, or why it cannot be put there."""
        mine = (DeliveryRow.run_id == run_id, DeliveryRow.target == target)
        values = {"placed_at": at if error is None else None, "error_text": error}
        with self._database.writing() as connection:
            connection.execute(update(DeliveryRow).where(*mine).values(values))

    def continued(self, seq: int, *, at: float, child: str | None = None, error: str | None = None) -> None:
        """Remember which run goes on from here, or why none does."""
        values = {"begun_at": at, "child_id": child, "error_text": error}
        with self._database.writing() as connection:
            connection.execute(update(ContinuationRow).where(ContinuationRow.seq == seq).values(values))

    def notices(self, run_id: str) -> list[tuple[str, float | None]]:
        """Return the web addresses that are told of a run's end, each with when that was done; None before."""
        wanted = select(NoticeRow.address, NoticeRow.told_at).where(NoticeRow.run_id == run_id)
        with self._database.reading() as connection:
            return [(address, at) for address, at in connection.execute(wanted.order_by(NoticeRow.address))]

    def noticed(self, run_id: str, address: str, *, at: float) -> None:
        """Remember that a web address was told, or that it could not be."""
        mine = (NoticeRow.run_id == run_id, NoticeRow.address == address)
        with self._database.writing() as connection:
            connection.execute(update(NoticeRow).where(*mine).values(told_at=at))

    def has_more_to_do(self, run_id: str) -> bool:
        """Say whether an output is still to be put somewhere, a continuation to begin, or an address to be told."""
        waits = (DeliveryRow.placed_at.is_(None), DeliveryRow.error_text.is_(None))
        wanted = (
            select(DeliveryRow.run_id).where(DeliveryRow.run_id == run_id, *waits),
            select(ContinuationRow.run_id).where(ContinuationRow.run_id == run_id, ContinuationRow.begun_at.is_(None)),
            select(NoticeRow.run_id).where(NoticeRow.run_id == run_id, NoticeRow.told_at.is_(None)),
        )
        with self._database.reading() as connection:
            return any(connection.execute(each.limit(1)).first() is not None for each in wanted)

    def settled(self, run_id: str, *, at: float) -> None:
        """Remember that all that follows from a run's end was done."""
        with self._database.writing(lasting=False) as connection:
            connection.execute(update(RunRow).where(RunRow.id == run_id).values(settled_at=at))

    def tag(self, run_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Give a run tags, or take them from it."""
        with self._database.writing() as connection:
            put(connection, TagRow, [{"run_id": run_id, "tag": tag} for tag in add], update=())
            connection.execute(delete(TagRow).where(TagRow.run_id == run_id, TagRow.tag.in_(remove)))


def tell(connection: Connection, run_id: str, *, at: float, text: str, why: str | None = None) -> None:
    """Add a line to a run's history, with the status that it has by now."""
    words = (literal(why, ChangeRow.why.type), literal(text, ChangeRow.text.type))
    line = select(RunRow.id, literal(at), RunRow.status, *words).where(RunRow.id == run_id)
    connection.execute(insert(ChangeRow).from_select(["run_id", "at", "status", "why", "text"], line))


def attach(connection: Connection, run_id: str, extras: RunExtras) -> None:
    """Add what belongs to a run; what is there stays."""
    put_files(connection, run_id, extras.inputs)
    put(connection, TagRow, [{"run_id": run_id, "tag": tag} for tag in extras.tags], update=())
    rows = [{"run_id": run_id, **columns_of(delivery, _DELIVERY)} for delivery in extras.deliveries]
    put(connection, DeliveryRow, rows, update=("overwrite", "placed_at", "error_text"))
    notices = [{"run_id": run_id, "address": address, "told_at": None} for address in extras.notices]
    put(connection, NoticeRow, notices, update=("told_at",))
    if extras.steps is not None:
        _continue(connection, run_id, extras.steps)
    if rows or extras.steps or notices:
        connection.execute(update(RunRow).where(RunRow.id == run_id).values(settled_at=None))


def _continue(connection: Connection, run_id: str, steps: Mapping[str, Any]) -> None:
    """Add a continuation unless the same one is there and has not failed."""
    mine = (ContinuationRow.run_id == run_id, ContinuationRow.error_text.is_(None))
    if dict(steps) not in connection.execute(select(ContinuationRow.steps).where(*mine)).scalars().all():
        connection.execute(insert(ContinuationRow).values(run_id=run_id, steps=dict(steps)))


def put_attempts(connection: Connection, run_id: str, attempts: Sequence[AttemptRecord]) -> None:
    """Remember attempts as they were seen last; when the first sight of one was stays, and where its log is."""
    rows = [{"run_id": run_id, **columns_of(attempt, _ATTEMPT)} for attempt in attempts]
    put(connection, AttemptRow, rows, update=("status", "ended_at", "error_code", "error_text"))


def put_files(connection: Connection, run_id: str, files: Sequence[Artifact]) -> None:
    """Remember files; one of a known role and name is as it is told now."""
    rows = [{"run_id": run_id, **columns_of(file, _ARTIFACT)} for file in files]
    put(connection, ArtifactRow, rows, update=("path", "size", "sha256", "media"))
