"""When the ledger was restored from a backup, until somebody answered for what may be missing."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; an older ledger has no gap that is known of."""
    op.add_column("ledger", sa.Column("gap", sa.Text))
