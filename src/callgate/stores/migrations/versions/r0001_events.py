"""The ledger and its events, append-only but for what retention takes away."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Big = sa.BigInteger().with_variant(sa.Integer, "sqlite")

KEPT = ("seq", "writer", "n", "mark", "at", "kind", "call", "subject", "controller", "version", "commitment", "hash")
SAID = ("salt", "body", "sealed")
REFUSAL = "the ledger is append-only"


def upgrade() -> None:
    """Create the tables, and the triggers that keep what is written."""
    _create_tables()
    _create_events()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _create_tables() -> None:
    op.create_table(
        "ledger",
        sa.Column("identity", sa.Text, primary_key=True),
        sa.Column("created", sa.Text, nullable=False),
        sa.Column("keys", sa.Text, nullable=False),
        sa.Column("mark", sa.BigInteger, nullable=False),
        sa.Column("erasures", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "subjects",
        sa.Column("id", Big, primary_key=True, autoincrement=True),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("controller", sa.Text, nullable=False),
        sa.Column("class", sa.Text, nullable=False),
        sa.Column("created", sa.Text, nullable=False),
        sa.Column("token", sa.LargeBinary),
        sa.Column("master", sa.Text),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("destroyed", sa.Text),
    )
    op.create_index("subjects_by_subject", "subjects", ["subject"], unique=True)
    op.create_index("subjects_by_token", "subjects", ["token"], unique=True, **_where_set("token"))
    op.create_table("open_calls", sa.Column("call", sa.Text, primary_key=True), sqlite_with_rowid=False)
    op.create_table(
        "checkpoints",
        sa.Column("number", Big, primary_key=True, autoincrement=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.Column("signer", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", Big, primary_key=True, autoincrement=False),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("mark", sa.BigInteger),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("call", sa.Text),
        sa.Column("subject", sa.LargeBinary),
        sa.Column("controller", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("commitment", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("salt", sa.LargeBinary),
        sa.Column("body", sa.Text),
        sa.Column("sealed", sa.LargeBinary),
    )
    op.create_index("events_of_writer", "events", ["writer", "n"], unique=True)
    op.create_index("events_by_mark", "events", ["mark"], unique=True, **_where_set("mark"))
    op.create_index("events_of_call", "events", ["call", "kind"], **_where_set("call"))
    op.create_index("events_of_subject", "events", ["subject"], **_where_set("subject"))


def _where_set(column: str) -> dict[str, Any]:
    where = sa.text(f"{column} IS NOT NULL")
    return {"sqlite_where": where, "postgresql_where": where}


def _guard_sqlite() -> None:
    changed = " OR ".join(
        [*(f"NEW.{name} IS NOT OLD.{name}" for name in KEPT), *(f"NEW.{name} IS NOT NULL" for name in SAID)]
    )
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    op.execute(f"CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events WHEN {changed} {refuse}")
    op.execute(f"CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events {refuse}")


def _guard_postgresql() -> None:
    changed = " OR ".join(
        [*(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in KEPT), *(f"NEW.{name} IS NOT NULL" for name in SAID)]
    )
    op.execute(
        "CREATE FUNCTION events_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    refuse = "EXECUTE FUNCTION events_refuse()"
    op.execute(f"CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events FOR EACH ROW WHEN ({changed}) {refuse}")
    op.execute(f"CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER events_refuse_truncate BEFORE TRUNCATE ON events FOR EACH STATEMENT {refuse}")
