"""The ledger and its events, append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables, and the triggers that keep what is written."""
    op.create_table(
        "ledger",
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("created", sa.Text, nullable=False),
        sa.Column("mark", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("mark", sa.BigInteger),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("call", sa.Text),
        sa.Column("number", sa.Text),
        sa.Column("controller", sa.Text),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index("events_of_writer", "events", ["writer", "n"], unique=True)
    op.create_index("events_by_mark", "events", ["mark"], unique=True, sqlite_where=sa.text("mark IS NOT NULL"))
    op.create_index("events_of_call", "events", ["call", "kind"], sqlite_where=sa.text("call IS NOT NULL"))
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER events_refuse_{change.lower()} BEFORE {change} ON events"
            " BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )
