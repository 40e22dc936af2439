"""The kinds that are looked for by themselves have an index; fresh subjects are found without one."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

RARE = sa.text("kind NOT IN ('verdict', 'dialled', 'answered', 'notice', 'connected', 'closed')")


def upgrade() -> None:
    """Add the one, drop the other."""
    op.create_index("events_of_kind", "events", ["kind", "seq"], sqlite_where=RARE, postgresql_where=RARE)
    op.drop_index("subjects_fresh", "subjects")
