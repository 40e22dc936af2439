"""Who tells a partner at the moment, and how far requests of persons were turned into what it is told."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

Big = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the columns; of restrictions and rectifications an older ledger told nobody anything."""
    op.add_column("partners", sa.Column("seen", Big, nullable=False, server_default=sa.text("0")))
    op.add_column("partners", sa.Column("holder", sa.Text))
    op.add_column("partners", sa.Column("held", sa.Text))
