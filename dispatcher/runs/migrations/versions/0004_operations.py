"""Runs for people: whose, what for and how asked for; attempts, files, history, tags, groups, and what follows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dispatcher.runs.columns import BigInt, PathText, PlainText

revision = "0004_operations"
down_revision = "0003_one_order"
branch_labels = None
depends_on = None

_UNSETTLED = sa.text("settled_at IS NULL")


def upgrade() -> None:
    """Make the tables and columns. Of the runs that there were nothing more is known; those that ended are settled."""
    _make_groups()
    _widen_runs()
    _make_tables()
    runs = sa.table("runs", *(sa.column(name) for name in ("status", "settled_at", "ended_at", "updated_at")))
    ended = runs.c.status.in_(["completed", "failed", "crashed", "cancelled", "expired"])
    op.execute(runs.update().where(ended).values(settled_at=runs.c.updated_at, ended_at=runs.c.updated_at))
    op.drop_index("runs_by_time", "runs")
    op.create_index("runs_by_time", "runs", ["created_at", "id"])
    op.create_index("runs_by_status_and_time", "runs", ["status", "created_at"])
    op.create_index("runs_by_kind_and_time", "runs", ["kind", "created_at"])
    op.create_index("runs_by_parent", "runs", ["parent_id"])
    op.create_index("runs_by_group", "runs", ["group_id"])
    op.create_index("runs_unsettled", "runs", ["machine"], sqlite_where=_UNSETTLED, postgresql_where=_UNSETTLED)


def _make_groups() -> None:
    op.create_table(
        "groups",
        sa.Column("id", PlainText, primary_key=True),
        sa.Column("sort", PlainText, nullable=False),
        sa.Column("title", PlainText, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("status", PlainText, nullable=False),
        sa.Column("error_text", PlainText),
        sa.Column("report", PathText),
    )
    op.create_index("groups_by_time", "groups", ["created_at"])


def _widen_runs() -> None:
    for name in ("title", "user", "machine"):
        op.add_column("runs", sa.Column(name, PlainText, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("execution_config", sa.JSON, nullable=False, server_default="{}"))
    op.add_column("runs", sa.Column("outputs", sa.JSON))
    for name in ("notify", "why", "monitor", "parent_id", "group_id"):
        op.add_column("runs", sa.Column(name, PlainText))
    for name in ("deadline_at", "queued_at", "started_at", "ended_at", "monitor_until", "settled_at"):
        op.add_column("runs", sa.Column(name, sa.Double))


def _make_tables() -> None:
    op.create_table(
        "attempts",
        _of_run(primary_key=True),
        sa.Column("nonce", PlainText, primary_key=True),
        sa.Column("n", BigInt, nullable=False),
        sa.Column("worker", PlainText, nullable=False),
        sa.Column("status", PlainText, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("error_code", PlainText),
        sa.Column("error_text", PlainText),
        sa.Column("log", PathText),
    )
    op.create_table(
        "artifacts",
        _of_run(primary_key=True),
        sa.Column("role", PlainText, primary_key=True),
        sa.Column("name", PlainText, primary_key=True),
        sa.Column("path", PathText, nullable=False),
        sa.Column("size", BigInt, nullable=False),
        sa.Column("sha256", PlainText, nullable=False),
        sa.Column("media", sa.JSON),
    )
    op.create_index("artifacts_by_content", "artifacts", ["sha256"])
    op.create_table(
        "deliveries",
        _of_run(primary_key=True),
        sa.Column("target", PathText, primary_key=True),
        sa.Column("name", PlainText, nullable=False),
        sa.Column("overwrite", sa.Boolean, nullable=False),
        sa.Column("placed_at", sa.Double),
        sa.Column("error_text", PlainText),
    )
    op.create_table(
        "continuations",
        sa.Column("seq", sa.Integer, primary_key=True),
        _of_run(index=True),
        sa.Column("steps", sa.JSON, nullable=False),
        sa.Column("begun_at", sa.Double),
        sa.Column("child_id", PlainText),
        sa.Column("error_text", PlainText),
    )
    op.create_table(
        "changes",
        sa.Column("seq", sa.Integer, primary_key=True),
        _of_run(index=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("status", PlainText, nullable=False),
        sa.Column("why", PlainText),
        sa.Column("text", PlainText, nullable=False),
    )
    op.create_table("tags", sa.Column("tag", PlainText, primary_key=True), _of_run(primary_key=True, index=True))


def _of_run(*, primary_key: bool = False, index: bool = False) -> sa.Column[str]:
    run = sa.ForeignKey("runs.id", ondelete="CASCADE")
    return sa.Column("run_id", PlainText, run, nullable=False, primary_key=primary_key, index=index)
