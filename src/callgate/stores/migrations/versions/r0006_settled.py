"""Which subjects the index of tokens holds: in SQLite the newest wait, so that commits do not touch it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; what an older ledger holds is settled."""
    op.add_column("subjects", sa.Column("settled", sa.Integer, nullable=False, server_default=sa.text("1")))
    op.drop_index("subjects_by_token", "subjects")
    settled, fresh = sa.text("token IS NOT NULL AND settled = 1"), sa.text("settled = 0")
    op.create_index(
        "subjects_by_token", "subjects", ["token"], unique=True, sqlite_where=settled, postgresql_where=settled
    )
    op.create_index("subjects_fresh", "subjects", ["id"], sqlite_where=fresh, postgresql_where=fresh)
