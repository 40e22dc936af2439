"""Which database the ledger is in: one that finds itself in another was restored there."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; where an older ledger is, it is from now on."""
    op.add_column("ledger", sa.Column("server", sa.Text))
