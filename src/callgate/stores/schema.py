"""The ledger's tables as its queries see them, and the entry that is read from them.

The tables themselves are made by the migrations; a test compares the two. Text is stored as it is hashed: times in one
fixed form that sorts, what an event says as JSON with sorted keys.
"""

import json
from dataclasses import dataclass

import sqlalchemy as sa

from callgate.core.events import Event

metadata = sa.MetaData()

Big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""64 bits. SQLite numbers its rows by a primary key only where the type is called INTEGER."""

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("keys", sa.Text, nullable=False),
    sa.Column("mark", sa.BigInteger, nullable=False),
    sa.Column("erasures", sa.BigInteger, nullable=False),
    sa.Column("gap", sa.Text),
    sa.Column("server", sa.Text),
)
"""One row. `identity` tells this ledger from every other, `keys` is the fingerprint of the index key that it was made
with; `mark` counts the suppressing events of all writers, `erasures` how often keys were destroyed; `gap` is when it
was restored from a backup, until somebody answered for what may be missing since; `server` is which database it is in,
where that can be told."""

subjects = sa.Table(
    "subjects",
    metadata,
    # Rows are added at the end, so that no page is ever split: a split leaves a copy of a wrapped key behind.
    sa.Column("id", Big, primary_key=True, autoincrement=True),
    sa.Column("subject", sa.LargeBinary, nullable=False),
    sa.Column("controller", sa.Text, nullable=False),
    sa.Column("class", sa.Text, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("token", sa.LargeBinary),
    sa.Column("master", sa.Text),
    sa.Column("wrapped", sa.LargeBinary),
    sa.Column("destroyed", sa.Text),
    sa.Column("settled", sa.Integer, nullable=False, server_default=sa.text("1")),
    sa.Index("subjects_by_subject", "subject", unique=True),
    sa.Index(
        "subjects_by_token",
        "token",
        unique=True,
        sqlite_where=sa.text("token IS NOT NULL AND settled = 1"),
        postgresql_where=sa.text("token IS NOT NULL AND settled = 1"),
    ),
    sa.Index("subjects_fresh", "id", sqlite_where=sa.text("settled = 0"), postgresql_where=sa.text("settled = 0")),
)
"""A person for one controller and class. `subject` is the time it was made and chance; `token` finds it by the number,
and `wrapped` is its key under the master key named `master`: these three are null once the key was destroyed. `settled`
is 0 while the index of tokens does not hold it yet, which is so for the newest in SQLite (`ledger/fresh.py`)."""

events = sa.Table(
    "events",
    metadata,
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
    sa.Index("events_of_writer", "writer", "n", unique=True),
    sa.Index(
        "events_by_mark",
        "mark",
        unique=True,
        sqlite_where=sa.text("mark IS NOT NULL"),
        postgresql_where=sa.text("mark IS NOT NULL"),
    ),
    sa.Index(
        "events_of_call",
        "call",
        "kind",
        sqlite_where=sa.text("call IS NOT NULL"),
        postgresql_where=sa.text("call IS NOT NULL"),
    ),
    sa.Index(
        "events_of_subject",
        "subject",
        sqlite_where=sa.text("subject IS NOT NULL"),
        postgresql_where=sa.text("subject IS NOT NULL"),
    ),
)
"""The events, append-only. `n` counts a writer's own events from 1; `mark` numbers the suppressing ones of all. The
last three are what an event says: retention takes them away together, and nothing else is ever changed."""

open_calls = sa.Table("open_calls", metadata, sa.Column("call", sa.Text, primary_key=True), sqlite_with_rowid=False)
"""The calls that were allowed and are not closed: a projection of the events, which can be made anew from them."""

checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("number", Big, primary_key=True, autoincrement=False),
    sa.Column("statement", sa.Text, nullable=False),
    sa.Column("signer", sa.LargeBinary, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
)
"""Signed statements of where every chain stood. `signer` is the Ed25519 public key."""


@dataclass(frozen=True, slots=True)
class StoredToken:
    """What stands for an objection in a suppression cache (`encoding.Token`), and under which token key it was made.

    It is stored with the event, so that the objection outlives the person's number.
    """

    key: str
    spread: int
    member: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its place in the ledger.

    `seq` orders all events; `writer` and `n` name it for good; `mark` is its number among the suppressing events, and
    None for all others. `tokens` come with suppressing events. `gone` says that something which the event once said was
    removed: its `number` and `personal` part after an erasure, its `payload` too after its retention.
    """

    seq: int
    writer: str
    n: int
    mark: int | None
    event: Event
    tokens: tuple[StoredToken, ...] = ()
    gone: bool = False


dump = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode
"""The one JSON text of a payload. Raises ValueError, TypeError or RecursionError for what JSON cannot hold."""
