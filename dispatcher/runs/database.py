"""The way to the database that all verbs share: moments to read and turns to write, and errors with their hints."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy import Connection, Engine

from dispatcher.runs import schema
from dispatcher.runs.failures import explained


class Database:
    """One run database. Safe for several threads and processes at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.where = str(engine.url.database) if engine.dialect.name == "sqlite" else schema.shown(engine.url)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read what was true at one moment."""
        with explained(self.where), schema.reading(self._engine) as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self, *, lasting: bool = True) -> Iterator[Connection]:
        """Hold the one turn to write; what is not `lasting` does not wait for the disk, and is one statement long."""
        with (
            explained(self.where),
            self._engine.connect() as connection,
            connection.execution_options(**(schema.WRITE if lasting else schema.NOTE)).begin(),
        ):
            yield connection
