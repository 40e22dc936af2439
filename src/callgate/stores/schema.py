"""The ledger's tables as its queries see them, and the entry that is read from them.

The tables themselves are made by the migrations; a test compares the two. Text is stored as it is hashed: times in one
fixed form that sorts, what an event says as JSON.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa
from pydantic_core import to_json

from callgate.core.events import Event, Json, Kind

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
)
"""A person for one controller and class. `subject` is the time it was made and chance; `token` finds it by the number,
and `wrapped` is its key under the master key named `master`: these three are null once the key was destroyed. `settled`
is 0 while the index of tokens does not hold it yet, which is so for the newest in SQLite (`ledger/fresh.py`)."""

USUAL = (Kind.VERDICT, Kind.DIALLED, Kind.ANSWERED, Kind.NOTICE, Kind.CONNECTED, Kind.CLOSED)
"""The kinds of which every call has one. The index of kinds leaves them out, so that it costs a call nothing."""
_RARE = f"kind NOT IN ({', '.join(repr(kind.value) for kind in USUAL)})"

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
    sa.Index("events_of_kind", "kind", "seq", sqlite_where=sa.text(_RARE), postgresql_where=sa.text(_RARE)),
)
"""The events, append-only. `n` counts a writer's own events from 1; `mark` numbers the suppressing ones of all. The
last three are what an event says: retention takes them away together, and nothing else is ever changed."""


def of_kinds(kinds: Collection[Kind]) -> sa.ColumnElement[bool]:
    """That an event is of one of these kinds, said so that the index of kinds serves where it holds them all."""
    named = events.c.kind.in_([kind.value for kind in kinds])
    return named if set(kinds) & set(USUAL) else sa.and_(named, sa.text(_RARE))


open_calls = sa.Table("open_calls", metadata, sa.Column("call", sa.Text, primary_key=True), sqlite_with_rowid=False)
"""The calls that were allowed and are not closed: a projection of the events, which can be made anew from them."""

request_events = sa.Table(
    "request_events",
    metadata,
    sa.Column("request", sa.Text, primary_key=True),
    sa.Column("seq", Big, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Which events tell of each request of a person: a projection of the events, which can be made anew from them."""

checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("number", Big, primary_key=True, autoincrement=False),
    sa.Column("statement", sa.Text, nullable=False),
    sa.Column("signer", sa.LargeBinary, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
)
"""Signed statements of where every chain stood. `signer` is the Ed25519 public key."""

partners = sa.Table(
    "partners",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("mark", sa.BigInteger, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("due", sa.Text),
    sa.Column("why", sa.Text),
    sa.Column("anchored", sa.Text),
    sa.Column("seen", Big, nullable=False, server_default=sa.text("0")),
    sa.Column("holder", sa.Text),
    sa.Column("held", sa.Text),
)
"""How far the ledger was turned into what each partner is told: its suppressing events (`mark`), and those that tell of
a request (`seen`, a `seq`). How often it failed in a row, when it is tried again and why it failed; the day of the last
anchor that it was to be told; which writer alone tells it (`holder`), and until when, unless it says so again
(`held`)."""

deliveries = sa.Table(
    "deliveries",
    metadata,
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
    sa.Index("deliveries_by_id", "id", unique=True),
    sa.Index("deliveries_of_partner", "partner", "place"),
    # A partner that keeps a cursor must never meet a place for the second time.
    sqlite_autoincrement=True,
)
"""What partners are still to be told. The last four are the person's number, under a key of this row's own that is
wrapped as people's keys are; they end with the row, when the partner did what it was told or a person let it be.
`dead` is when telling it ended without success, `why` the last failure."""


users = sa.Table(
    "users",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("controllers", sa.Text),
    sa.Column("centres", sa.Text),
    sa.Column("password", sa.Text),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("disabled", sa.Text),
)
"""Who may use callgate over HTTP. `controllers` and `centres` are JSON lists of the names that the user is confined to,
null where not confined; `password` is an argon2 hash, null for one who has tokens only; `disabled` is since when."""

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("hash", sa.LargeBinary, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("seen", sa.Text, nullable=False),
)
"""Who is logged in: `hash` is the SHA-256 of what the cookie holds, `seen` when it was last used, by the minute."""

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("hash", sa.LargeBinary, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("expires", sa.Text, nullable=False),
    sa.Index("tokens_by_id", "id", unique=True),
)
"""The API tokens of the user `name`: `hash` is the SHA-256 of the token, `id` what a person calls it by, `scopes` a
JSON list. One that is taken back is deleted; the ledger's events tell of it."""

answers = sa.Table(
    "answers",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    sa.Column("claim", sa.Text, nullable=False),
    sa.Column("claimed", sa.Text, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("body", sa.Text),
)
"""What was answered to a request with an idempotency key, a day long. `name` is whose key it is, `fingerprint` a MAC of
the request, `claim` tells two that arrive together apart; `status` and `body` are null while it is being answered."""


@dataclass(frozen=True, slots=True)
class StoredToken:
    """What stands for an objection in a suppression cache (`encoding.Token`), and under which token key it was made.

    It is stored with the event, so that the objection outlives the person's number.
    """

    key: str
    spread: int
    member: int


class Entry(NamedTuple):
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


_STRICT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def dump(said: Mapping[str, Json] | Json) -> str:
    """JSON of what is said, with its keys as they come. Raises ValueError for what JSON cannot hold.

    By pydantic's serialiser, which takes a third of the time of the standard library's: every event waits for this.
    """
    text = to_json(said).decode()
    # It writes numbers that JSON has no words for. These words may be in a text too, so the strict one judges. Their
    # first letters are looked for before: that takes no time, and nearly no text has to be searched for the words.
    if ("N" in text and "NaN" in text) or ("I" in text and "Infinity" in text):
        return _STRICT(said)
    return text
