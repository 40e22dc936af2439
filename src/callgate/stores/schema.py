"""The ledger's tables as its queries see them, and the way of an event into a row and back.

The tables themselves are made by the migrations; a test compares the two. Text is stored as it will be hashed: times
in one fixed form that sorts, payloads as JSON with sorted keys.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from callgate.core.events import SUPPRESSING, Event, Kind
from callgate.stores.objections import audience_of

metadata = sa.MetaData()

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("mark", sa.BigInteger, nullable=False),
)
"""One row. `identity` tells this ledger from every other; `mark` counts the suppressing events of all writers."""

events = sa.Table(
    "events",
    metadata,
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
    sa.Index("events_of_writer", "writer", "n", unique=True),
    sa.Index("events_by_mark", "mark", unique=True, sqlite_where=sa.text("mark IS NOT NULL")),
    sa.Index("events_of_call", "call", "kind", sqlite_where=sa.text("call IS NOT NULL")),
)
"""The events, append-only. `n` counts a writer's own events from 1; `mark` numbers the suppressing ones of all."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its place in the ledger.

    `seq` orders all events; `writer` and `n` name it for good; `mark` is its number among the suppressing events, and
    None for all others.
    """

    seq: int
    writer: str
    n: int
    mark: int | None
    event: Event


def row_of(event: Event) -> Row:
    """The columns that the event fills by itself. Raises ValueError for an event that could not be acted on later."""
    if event.at.tzinfo is None:
        raise ValueError(f"an event of kind {event.kind} has a time without a zone: {event.at.isoformat()}")
    if event.kind in SUPPRESSING:
        audience_of(event)
    return {
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "kind": event.kind.value,
        "call": event.call,
        "number": event.number,
        "controller": event.controller,
        "payload": dump(dict(event.payload)),
        "version": event.version,
    }


def entry_of(row: sa.Row[Any]) -> Entry:
    """The entry that a row of `events` holds."""
    event = Event(
        kind=Kind(row.kind),
        at=datetime.fromisoformat(row.at),
        call=row.call,
        number=row.number,
        controller=row.controller,
        payload=json.loads(row.payload),
        version=row.version,
    )
    return Entry(row.seq, row.writer, row.n, row.mark, event)


dump = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""The one JSON text of a payload. Raises ValueError or TypeError for what JSON cannot hold."""
