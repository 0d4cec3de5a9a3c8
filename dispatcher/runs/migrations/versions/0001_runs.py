"""Runs, the outbox and the dispatcher's id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_OPEN = sa.text("status IN ('pending', 'queued', 'running', 'verifying')")


def upgrade() -> None:
    """Make the first tables."""
    op.create_table("dispatcher", sa.Column("id", sa.String, primary_key=True))
    op.create_table(
        "runs",
        sa.Column("id", sa.String, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("key", "kind", "status", "drop", "drop_id", "job")),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("updated_at", sa.Float, nullable=False),
        sa.Column("nonce", sa.String),
        sa.Column("results_dir", sa.String),
        sa.Column("engine", sa.JSON),
        *(sa.Column(name, sa.String) for name in ("verified", "done_seal", "error_code", "error_text")),
        sa.Column("cleaned_at", sa.Float),
    )
    op.create_index("one_open_run_a_key", "runs", ["key"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index("runs_by_key_and_time", "runs", ["key", "created_at"])
    op.create_table(
        "outbox",
        sa.Column("run_id", sa.String, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("said_at", sa.Float),
    )
