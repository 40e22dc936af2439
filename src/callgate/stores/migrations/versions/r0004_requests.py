"""Which events tell of each request of a person."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

Big = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the table; an older ledger has no requests."""
    op.create_table(
        "request_events",
        sa.Column("request", sa.Text, primary_key=True),
        sa.Column("seq", Big, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
