"""What is done to a ledger in quiet hours: what is past its term goes, and keys are wrapped anew.

Both go in small steps, each a transaction of its own that tells in an event what it did, so that whoever wants to
append in between waits for milliseconds, and a process that dies leaves nothing half done.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from callgate.core import phone
from callgate.core.events import DataClass, Event, Json, Kind, class_of
from callgate.stores.ledger.ledger import Ledger
from callgate.stores.ledger.restrictions import read_restricted, subjects_of
from callgate.stores.ledger.rows import READING, Reader
from callgate.stores.ledger.writing import Amendment
from callgate.stores.schema import deliveries, events, subjects

STEP = 500
"""How many events or keys a transaction touches."""
SPAN = 20_000
"""How many events are looked through at a time."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What a run of retention removed, or would: events by kind, and the first and last `seq` (0, 0 for none)."""

    by_kind: Mapping[Kind, int]
    first: int
    last: int


NOT_AT_ALL: Mapping[str, datetime] = {}


async def retain(
    ledger: Ledger,
    limits: Mapping[Kind, datetime],
    at: datetime,
    by: str,
    *,
    kept_by_law: Mapping[str, datetime] = NOT_AT_ALL,
    dry_run: bool = False,
) -> Removed:
    """Remove what events say that are past their term; a person's key goes with the last thing that it sealed.

    `kept_by_law` says from when proof is kept of people called in a country whose law asks for a longer term than
    `limits` has; "" stands for numbers whose country cannot be told (see `Terms`). Of a person whose data a controller
    may only keep nothing is removed meanwhile (GDPR Art. 18). With `dry_run`, count and change nothing. Raises
    `LedgerUnavailable`; what was removed until then is recorded.
    """
    removed: Counter[Kind] = Counter()
    places: list[int] = []
    spared = await subjects_of(ledger, await read_restricted(ledger))
    for start in range(0, await ledger.last_seq(), SPAN):
        due = [
            (row.seq, Kind(row.kind))
            for row in await _unless_kept(ledger, await _past(ledger, limits, start), kept_by_law)
            if row.subject not in spared
        ]
        for begin in range(0, len(due), STEP):
            step = due[begin : begin + STEP]
            if not dry_run:
                await remove(ledger, step, at, by)
            removed.update(kind for _, kind in step)
            places += (step[0][0], step[-1][0])
    if not dry_run:
        # Also where nothing was due: an erasure by day may have left a token in a page of the index.
        await ledger.forget(thorough=True)
    return Removed(dict(removed), min(places, default=0), max(places, default=0))


async def _past(ledger: Ledger, limits: Mapping[Kind, datetime], start: int) -> Sequence[sa.Row[Any]]:
    """Seq, kind, subject and time of the events past their term, among the next `SPAN`."""
    past = sa.or_(
        *(sa.and_(events.c.kind == kind.value, events.c.at < _written(limit)) for kind, limit in limits.items())
    )
    query = sa.select(events.c.seq, events.c.kind, events.c.subject, events.c.at).where(
        events.c.seq > start, events.c.seq <= start + SPAN, events.c.body.is_not(None), past
    )
    return await ledger.rows(query.order_by(events.c.seq))


async def _unless_kept(
    ledger: Ledger, past: Sequence[sa.Row[Any]], kept_by_law: Mapping[str, datetime]
) -> Sequence[sa.Row[Any]]:
    """Those of the events that no law of the called person's country asks to be kept for longer, as proof.

    Only the number tells the country, and it is sealed: so only what may be kept is opened.
    """
    if not kept_by_law:
        return past
    longest = _written(min(kept_by_law.values()))
    proof = [row for row in past if row.at >= longest and class_of(Kind(row.kind)) is DataClass.PROOF and row.subject]
    kept: set[int] = set()
    for begin in range(0, len(proof), STEP):
        step = await ledger.rows(READING.where(events.c.seq.in_([row.seq for row in proof[begin : begin + STEP]])))
        kept |= await asyncio.to_thread(_kept, Reader(ledger.ring), step, kept_by_law)
    return [row for row in past if row.seq not in kept]


def _kept(reader: Reader, rows: Sequence[sa.Row[Any]], kept_by_law: Mapping[str, datetime]) -> set[int]:
    """The seq of what is kept. Of a person whose key is gone nothing can be proved, and so nothing is."""
    kept: set[int] = set()
    for entry in map(reader.entry, rows):
        number = entry.event.number
        since = kept_by_law.get(phone.country_of(number)) if number is not None else None
        if since is not None and entry.event.at >= since:
            kept.add(entry.seq)
    return kept


def _written(moment: datetime) -> str:
    """A time as the ledger writes it, so that the two can be compared."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


async def remove(
    ledger: Ledger, step: Sequence[tuple[int, Kind]], at: datetime, by: str, because: str = "term"
) -> None:
    """Remove what a few events say, named by seq in their order, and tell so: their places in the chain stay.

    A person's key goes with the last thing that it sealed. Raises `LedgerUnavailable`; `Ledger.forget` overwrites.
    """
    counted: dict[str, Json] = {kind.value: count for kind, count in Counter(kind for _, kind in step).items()}
    first, last = step[0][0], step[-1][0]
    event = Event(
        Kind.RETENTION, at, payload={"removed": counted, "from": first, "to": last, "by": by, "because": because}
    )
    sql = ledger.backend.sql
    orphans = [(_written(at), first, last)]
    await ledger.amend(
        Amendment([(sql.remove_content, [(seq,) for seq, _ in step]), (sql.destroy_orphans, orphans)], event)
    )


async def rewrap(ledger: Ledger) -> int:
    """Wrap every key that is under an older master key under the newest; how many there were.

    Can be broken off and begun again at any time. Raises `LedgerUnavailable`.
    """
    sql = ledger.backend.sql
    done = await _rewrap(ledger, subjects, subjects.c.id, sql.rewrap)
    done += await _rewrap(ledger, deliveries, deliveries.c.place, sql.rewrap_delivery)
    if done:
        await ledger.forget()
    return done


async def _rewrap(ledger: Ledger, table: sa.Table, place: sa.ColumnElement[int], statement: str) -> int:
    done, last = 0, 0
    while True:
        query = sa.select(place.label("place"), table.c.subject, table.c.master, table.c.wrapped).where(
            place > last, table.c.wrapped.is_not(None), table.c.master != ledger.ring.keys.newest
        )
        found = await ledger.rows(query.order_by(place).limit(STEP))
        if not found:
            return done
        values = [
            (*ledger.ring.rewrap(row.subject, row.master, row.wrapped), row.subject, row.wrapped) for row in found
        ]
        await ledger.amend(Amendment([(statement, values)], None))
        done, last = done + len(found), found[-1].place
