"""The tables. What each column means is said by the records that are made of them (`record.py`)."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, CheckConstraint, Double, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from dispatcher.runs.columns import BigInt, PathText, PlainText, RedactedJson, RedactedText

_UNSETTLED = text("settled_at IS NULL")
_OPEN = text("status IN ('pending', 'queued', 'running', 'verifying')")


class Base(DeclarativeBase):
    """The root of the tables' metadata."""

    type_annotation_map: ClassVar = {  # the same on every database
        float: Double,
        int: BigInt,
        str: PlainText,
        dict[str, Any]: JSON(none_as_null=True),
    }


class DispatcherRow(Base):
    """Who this database belongs to: jobs carry this id, and only their dispatcher judges them (R6)."""

    __tablename__ = "dispatcher"

    id: Mapped[str] = mapped_column(primary_key=True)


class GroupRow(Base):
    """What several runs were made for; see `record.Group`."""

    __tablename__ = "groups"

    id: Mapped[str] = mapped_column(primary_key=True)
    sort: Mapped[str]
    title: Mapped[str] = mapped_column(RedactedText)
    created_at: Mapped[float]
    ended_at: Mapped[float | None]
    status: Mapped[str]
    error_text: Mapped[str | None] = mapped_column(RedactedText)
    report: Mapped[str | None] = mapped_column(PathText)
    user: Mapped[str]
    machine: Mapped[str]
    execution_config: Mapped[dict[str, Any]] = mapped_column(RedactedJson)

    __table_args__ = (Index("groups_by_time", "created_at"),)


class RunRow(Base):
    """One run; see `record.Run`."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str]
    kind: Mapped[str]
    status: Mapped[str]
    drop: Mapped[str] = mapped_column(PathText)
    drop_id: Mapped[str]
    job: Mapped[str]
    digest: Mapped[str]
    request: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[float]
    updated_at: Mapped[float]
    title: Mapped[str] = mapped_column(RedactedText)
    user: Mapped[str]
    machine: Mapped[str]
    parent_id: Mapped[
        str | None
    ]  # no reference: a run outlives the parent that somebody removes, and still tells of it
    group_id: Mapped[str | None]
    execution_config: Mapped[dict[str, Any]] = mapped_column(RedactedJson)
    outputs: Mapped[dict[str, Any] | None] = mapped_column(RedactedJson)
    deadline_at: Mapped[float | None]
    queued_at: Mapped[float | None]
    started_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    worker: Mapped[str | None]
    progress_done: Mapped[int]
    progress_total: Mapped[int]
    progress_note: Mapped[str] = mapped_column(RedactedText)
    why: Mapped[str | None]
    nonce: Mapped[str | None]
    results_dir: Mapped[str | None] = mapped_column(PathText)
    engine: Mapped[dict[str, Any] | None]
    verified: Mapped[str | None]
    done_seal: Mapped[str | None]
    error_code: Mapped[str | None]
    error_text: Mapped[str | None] = mapped_column(RedactedText)
    cleaned_at: Mapped[float | None]
    claim_delay_s: Mapped[float | None]
    monitor: Mapped[str | None]
    monitor_until: Mapped[float | None]
    settled_at: Mapped[float | None]

    __table_args__ = (
        CheckConstraint(
            "status IN ('pending', 'queued', 'running', 'verifying', "
            "'completed', 'failed', 'crashed', 'cancelled', 'expired')",
            name="status_is_known",
        ),
        # The migrations make the same indexes on PostgreSQL; naming that here would import its dialect at every start.
        # Two processes that submit the same job at once get one run: the second insert fails.
        Index("one_open_run_a_key", "key", unique=True, sqlite_where=_OPEN),
        Index("runs_by_key_and_time", "key", "created_at"),
        Index("runs_by_time", "created_at", "id"),
        Index("runs_by_status_and_time", "status", "created_at"),
        Index("runs_by_kind_and_time", "kind", "created_at"),
        Index("runs_by_parent", "parent_id"),
        Index("runs_by_group", "group_id"),
        Index("runs_unsettled", "machine", sqlite_where=_UNSETTLED),
    )


class AttemptRow(Base):
    """One try of a worker at a run; see `record.AttemptRecord`."""

    __tablename__ = "attempts"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    nonce: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]
    worker: Mapped[str]
    status: Mapped[str]
    seen_at: Mapped[float]
    ended_at: Mapped[float | None]
    error_code: Mapped[str | None]
    error_text: Mapped[str | None] = mapped_column(RedactedText)
    log: Mapped[str | None] = mapped_column(PathText)


class ArtifactRow(Base):
    """A file that went into a run, or that came out of it; see `record.Artifact`."""

    __tablename__ = "artifacts"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(PathText)
    size: Mapped[int]
    sha256: Mapped[str]
    media: Mapped[dict[str, Any] | None]

    __table_args__ = (Index("artifacts_by_content", "sha256"),)


class DeliveryRow(Base):
    """Where an output is to be put for the user; see `record.Delivery`."""

    __tablename__ = "deliveries"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    target: Mapped[str] = mapped_column(PathText, primary_key=True)
    name: Mapped[str]
    overwrite: Mapped[bool]
    placed_at: Mapped[float | None]
    error_text: Mapped[str | None] = mapped_column(RedactedText)


class ContinuationRow(Base):
    """What is to be made of a run's outputs next; see `record.Continuation`."""

    __tablename__ = "continuations"

    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    steps: Mapped[dict[str, Any]]
    begun_at: Mapped[float | None]
    child_id: Mapped[str | None]
    error_text: Mapped[str | None] = mapped_column(RedactedText)


class NoticeRow(Base):
    """A web address that is told of the end of a run; see `record.RunExtras`."""

    __tablename__ = "notices"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    address: Mapped[str] = mapped_column(PathText, primary_key=True)
    told_at: Mapped[float | None]


class ChangeRow(Base):
    """One line of a run's history; see `record.Change`."""

    __tablename__ = "changes"

    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    at: Mapped[float]
    status: Mapped[str]
    why: Mapped[str | None]
    text: Mapped[str] = mapped_column(RedactedText)


class TagRow(Base):
    """A word by which its user finds a run again."""

    __tablename__ = "tags"

    tag: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True, index=True)


class OutboxRow(Base):
    """A control message, its bytes fixed before it is written to the drop (R1)."""

    __tablename__ = "outbox"

    seq: Mapped[int] = mapped_column(Integer, primary_key=True)  # messages are said in the order they were fixed in
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    name: Mapped[str]  # its path in the drop
    data: Mapped[bytes] = mapped_column(LargeBinary)
    said_at: Mapped[float | None]

    __table_args__ = (UniqueConstraint("run_id", "name", name="one_message_a_name"),)
