"""What is done to a ledger in quiet hours: what is past its term goes, and keys are wrapped anew.

Both go in small steps, each a transaction of its own that tells in an event what it did, so that whoever wants to
append in between waits for milliseconds, and a process that dies leaves nothing half done.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from callgate.core.events import Event, Json, Kind
from callgate.stores.ledger.ledger import Ledger
from callgate.stores.ledger.restrictions import read_restricted, subjects_of
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


async def retain(
    ledger: Ledger, limits: Mapping[Kind, datetime], at: datetime, by: str, *, dry_run: bool = False
) -> Removed:
    """Remove what events say that are past their term; a person's key goes with the last thing that it sealed.

    Of a person whose data a controller may only keep nothing is removed meanwhile (GDPR Art. 18). With `dry_run`, count
    and change nothing. Raises `LedgerUnavailable`; what was removed until then is recorded.
    """
    removed: Counter[Kind] = Counter()
    places: list[int] = []
    spared = await subjects_of(ledger, await read_restricted(ledger))
    for start in range(0, await ledger.last_seq(), SPAN):
        due = await _due(ledger, limits, start, spared)
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


async def _due(
    ledger: Ledger, limits: Mapping[Kind, datetime], start: int, spared: Collection[bytes]
) -> list[tuple[int, Kind]]:
    """The seq and kind of the events past their term, among the next `SPAN`; but for those of the spared subjects."""
    past = sa.or_(
        *(
            sa.and_(events.c.kind == kind.value, events.c.at < limit.astimezone(UTC).isoformat(timespec="microseconds"))
            for kind, limit in limits.items()
        )
    )
    query = sa.select(events.c.seq, events.c.kind, events.c.subject).where(
        events.c.seq > start, events.c.seq <= start + SPAN, events.c.body.is_not(None), past
    )
    found = await ledger.rows(query.order_by(events.c.seq))
    return [(row.seq, Kind(row.kind)) for row in found if row.subject not in spared]


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
    orphans = [(at.astimezone(UTC).isoformat(timespec="microseconds"), first, last)]
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
