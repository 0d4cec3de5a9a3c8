"""How soon after its offer a run's first claim was seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_claim_delay"
down_revision = "0001_runs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nothing is known of the runs there were."""
    op.add_column("runs", sa.Column("claim_delay_s", sa.Double))
