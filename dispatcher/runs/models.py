"""The tables. Attempts, artifacts and groups get tables of their own when runs get a command line."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, CheckConstraint, Double, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from dispatcher.runs.columns import Place, Whole, Words

_OPEN = text("status IN ('pending', 'queued', 'running', 'verifying')")


class Base(DeclarativeBase):
    """The root of the tables' metadata."""

    type_annotation_map: ClassVar = {float: Double, int: Whole, str: Words}  # the same on every database


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
    drop: Mapped[str] = mapped_column(Place)
    drop_id: Mapped[str]
    job: Mapped[str]
    digest: Mapped[str]
    request: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[float]
    updated_at: Mapped[float]
    worker: Mapped[str | None]
    progress_done: Mapped[int]
    progress_total: Mapped[int]
    progress_note: Mapped[str]
    nonce: Mapped[str | None]
    results_dir: Mapped[str | None] = mapped_column(Place)
    engine: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    verified: Mapped[str | None]
    done_seal: Mapped[str | None]
    error_code: Mapped[str | None]
    error_text: Mapped[str | None]
    cleaned_at: Mapped[float | None]
    claim_delay_s: Mapped[float | None]

    __table_args__ = (
        CheckConstraint(
            "status IN ('pending', 'queued', 'running', 'verifying', "
            "'completed', 'failed', 'crashed', 'cancelled', 'expired')",
            name="status_is_known",
        ),
        # Two processes that submit the same job at once get one run: the second insert fails.
        Index("one_open_run_a_key", "key", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("runs_by_key_and_time", "key", "created_at"),
        Index("runs_by_time", "created_at"),
    )


class OutboxRow(Base):
    """A control message, its bytes fixed before it is written to the drop (R1)."""

    __tablename__ = "outbox"

    seq: Mapped[int] = mapped_column(Integer, primary_key=True)  # messages are said in the order they were fixed in
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    name: Mapped[str]  # its path in the drop
    data: Mapped[bytes] = mapped_column(LargeBinary)
    said_at: Mapped[float | None]

    __table_args__ = (UniqueConstraint("run_id", "name", name="one_message_a_name"),)
