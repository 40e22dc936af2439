"""What partners are to be told, and how far the ledger was turned into that."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

Big = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables; an older ledger told nobody anything."""
    op.create_table(
        "partners",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("mark", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due", sa.Text),
        sa.Column("why", sa.Text),
        sa.Column("anchored", sa.Text),
    )
    op.create_table(
        "deliveries",
        sa.Column("place", Big, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("partner", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger),
        sa.Column("controller", sa.Text),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("queued", sa.Text, nullable=False),
        sa.Column("due", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("dead", sa.Text),
        sa.Column("why", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("subject", sa.LargeBinary),
        sa.Column("master", sa.Text),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("sealed", sa.LargeBinary),
        sqlite_autoincrement=True,
    )
    op.create_index("deliveries_by_id", "deliveries", ["id"], unique=True)
    op.create_index("deliveries_of_partner", "deliveries", ["partner", "place"])
