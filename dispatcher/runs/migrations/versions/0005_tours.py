"""Tours that are found, followed and repeated like runs; several web addresses a run; no secret in any message."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dispatcher.runs.columns import PathText, PlainText
from usertext.redaction import without_secrets

revision = "0005_tours"
down_revision = "0004_operations"
branch_labels = None
depends_on = None

MESSAGES = {
    "groups": ("title", "error_text"),
    "runs": ("title", "progress_note", "error_text"),
    "attempts": ("error_text",),
    "deliveries": ("error_text",),
    "continuations": ("error_text",),
    "changes": ("text",),
}
"""The columns that hold what somebody or something said."""


def upgrade() -> None:
    """Add the columns and the table, and take secrets out of the messages that there are."""
    for name in ("user", "machine"):
        op.add_column("groups", sa.Column(name, PlainText, nullable=False, server_default=""))
    op.add_column("groups", sa.Column("execution_config", sa.JSON, nullable=False, server_default="{}"))
    op.create_table(
        "notices",
        sa.Column("run_id", PlainText, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, primary_key=True),
        sa.Column("address", PathText, primary_key=True),
        sa.Column("told_at", sa.Double),
    )
    op.execute(
        "INSERT INTO notices (run_id, address, told_at) "
        "SELECT id, notify, settled_at FROM runs WHERE notify IS NOT NULL"
    )
    op.drop_column("runs", "notify")
    for table, names in MESSAGES.items():
        for name in names:
            _clean(table, name)


def _clean(table: str, name: str) -> None:
    """Take secrets out of a column; the same text in many rows is looked at once."""
    column: sa.ColumnClause[str] = sa.column(name)
    rows = sa.table(table, column)
    connection = op.get_bind()
    for text in connection.execute(sa.select(column).distinct().where(column.is_not(None))).scalars().all():
        if (cleaned := without_secrets(text)) != text:
            connection.execute(sa.update(rows).where(column == text).values({name: cleaned}))
