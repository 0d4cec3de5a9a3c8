"""The tables. Attempts, artifacts and groups get tables of their own when runs get a command line."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The root of the tables' metadata."""


class DispatcherRow(Base):
    """Who this database belongs to: jobs carry this id, and only their dispatcher judges them (R6)."""

    __tablename__ = "dispatcher"

    id: Mapped[str] = mapped_column(primary_key=True)


class RunRow(Base):
    """One run; see `record.Run`."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str]
    kind: Mapped[str]
    status: Mapped[str]
    drop: Mapped[str]
    drop_id: Mapped[str]
    job: Mapped[str]
    digest: Mapped[str]
    request: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[float]
    updated_at: Mapped[float]
    nonce: Mapped[str | None]
    results_dir: Mapped[str | None]
    engine: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    verified: Mapped[str | None]
    done_seal: Mapped[str | None]
    error_code: Mapped[str | None]
    error_text: Mapped[str | None]
    cleaned_at: Mapped[float | None]

    __table_args__ = (
        # Two processes that submit the same job at once get one run: the second insert fails.
        Index(
            "one_open_run_a_key",
            "key",
            unique=True,
            sqlite_where=text("status IN ('pending', 'queued', 'running', 'verifying')"),
            postgresql_where=text("status IN ('pending', 'queued', 'running', 'verifying')"),
        ),
        Index("runs_by_key_and_time", "key", "created_at"),
    )


class OutboxRow(Base):
    """A control message, its bytes fixed before it is written to the drop (R1)."""

    __tablename__ = "outbox"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    said_at: Mapped[float | None]
