"""On PostgreSQL as on SQLite: texts are compared by code points, and progress counts to 2^53.

Later migrations make such columns at once, with the types `PlainText` and `BigInt` of `dispatcher.runs.columns`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_one_order"
down_revision = "0002_claim_delay"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the columns' types; SQLite's are so already."""
    if op.get_bind().dialect.name != "postgresql":
        return
    tables = sa.inspect(op.get_bind())
    for table in sorted(set(tables.get_table_names()) - {"alembic_version"}):
        texts = [column["name"] for column in tables.get_columns(table) if isinstance(column["type"], sa.String)]
        changes = [f'ALTER COLUMN "{name}" TYPE VARCHAR COLLATE "C"' for name in texts]
        if table == "runs":
            changes += [f"ALTER COLUMN {name} TYPE BIGINT" for name in ("progress_done", "progress_total")]
        if changes:
            op.execute(f'ALTER TABLE "{table}" {", ".join(changes)}')
