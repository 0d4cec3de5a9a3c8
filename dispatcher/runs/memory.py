"""A run database that lives in memory as long as its store: for simulations and tests, by the same rules."""

from __future__ import annotations

from typing import Self

from sqlalchemy import StaticPool, create_engine, delete, event

from dispatcher.runs import schema
from dispatcher.runs.models import Base, GroupRow, RunRow
from dispatcher.runs.store import RunStore


class MemoryRunStore(RunStore):
    """The run store on one connection to a SQLite database in memory; for one thread at a time."""

    @classmethod
    def make(cls, dispatcher_id: str) -> Self:
        """Make an empty database of this dispatcher."""
        engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"isolation_level": None})
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON").close())
        event.listen(engine, "begin", schema.begin)
        Base.metadata.create_all(engine)
        return cls(engine, dispatcher_id)

    def clear(self) -> None:
        """Forget every run."""
        with self.database.writing() as connection:
            for table in (GroupRow, RunRow):  # what belongs to runs goes with them
                connection.execute(delete(table))
