"""Runs, the outbox and the dispatcher's id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001_runs"
down_revision = None
branch_labels = None
depends_on = None

_OPEN = sa.text("status IN ('pending', 'queued', 'running', 'verifying')")
_KNOWN = (
    "status IN ('pending', 'queued', 'running', 'verifying', 'completed', 'failed', 'crashed', 'cancelled', 'expired')"
)


def upgrade() -> None:
    """Make the first tables."""
    op.create_table("dispatcher", sa.Column("id", sa.String, primary_key=True))
    op.create_table(
        "runs",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("key", "kind", "status", "drop", "drop_id", "job")),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("worker", sa.String),
        sa.Column("progress_done", sa.Integer, nullable=False),
        sa.Column("progress_total", sa.Integer, nullable=False),
        sa.Column("progress_note", sa.String, nullable=False),
        sa.Column("nonce", sa.String),
        sa.Column("results_dir", sa.String),
        sa.Column("engine", sa.JSON),
        *(sa.Column(name, sa.String) for name in ("verified", "done_seal", "error_code", "error_text")),
        sa.Column("cleaned_at", sa.Double),
        sa.CheckConstraint(_KNOWN, name="status_is_known"),
    )
    op.create_index("one_open_run_a_key", "runs", ["key"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("runs_by_key_and_time", "runs", ["key", "created_at"])
    op.create_index("runs_by_time", "runs", ["created_at"])
    op.create_table(
        "outbox",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.String, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("said_at", sa.Double),
        sa.UniqueConstraint("run_id", "name", name="one_message_a_name"),
    )
