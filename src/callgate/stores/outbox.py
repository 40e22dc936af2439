"""What partners are still to be told, durable, in the ledger's own database.

Objections, restrictions, their ends, and rectifications are turned into items by themselves: each partner has two
cursors, up to which the ledger's suppressing events and those of requests were turned into what it is told. So nothing
that was acknowledged can be missed, and nobody on the telephone waits for it. An erasure and an anchor are put in by
whoever makes them, an erasure *before* the person's keys are destroyed: afterwards nobody knows the number any more.

What is personal in an item is sealed under a key of its own. Key and item end when the partner did what it was told, or
when a person let it be; what became of it is an event of the ledger, in the same transaction, and names nobody.
"""

import json
from collections.abc import AsyncIterator, Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import structlog

from callgate.core.events import Event, Json, Kind
from callgate.core.partners import GIVE_UP, OBJECTED, REQUESTED, Item, Partner, What, body_of, item_id, what_of
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.backend import Change
from callgate.stores.ledger.writing import Amendment
from callgate.stores.letters import Letters
from callgate.stores.outboxsql import Statements
from callgate.stores.schema import Entry, deliveries, dump, partners, request_events

log = structlog.stdlib.get_logger()

MOST_WAITING = 10_000
"""Items of one partner that wait at a time; what is beyond stays in the ledger until there is room."""
STEP = 500
"""Events of the ledger that share a transaction."""
BATCH = 100
"""Items that are told, or named in an event, at a time."""
GONE = "this partner is not in the configuration any more"


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a partner stands: how often it failed in a row, when it is tried again, why it failed, what waits for
    it."""

    partner: str
    tries: int = 0
    due: datetime | None = None
    why: str = ""
    waiting: int = 0
    dead: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """An item that was not told with success, for a person to see: since when it is so, and why."""

    item: Item
    since: datetime
    why: str


@dataclass(frozen=True, slots=True)
class _New:
    """An item before it is anybody's; `about` is the event, the request or the anchor that it is made of."""

    what: What
    about: str
    at: datetime
    body: Mapping[str, Json]
    controller: str | None = None
    number: str | None = None
    personal: Mapping[str, Json] = field(default_factory=dict)
    seq: int | None = None


class Outbox:
    """The queues of these partners. Every method raises `LedgerUnavailable` where the database fails."""

    def __init__(self, ledger: Ledger, partners: Iterable[Partner], clock: Callable[[], datetime]) -> None:
        self.partners: Mapping[str, Partner] = {partner.name: partner for partner in partners}
        self.ledger = ledger
        self._clock = clock
        self._letters = Letters(ledger.ring)
        self._sql = Statements(ledger.backend)

    # Putting in.

    async def catch_up(self, partner: Partner) -> None:
        """Turn what the ledger took in since the last time into items for this partner."""
        row = await self._row(partner.name)
        mark, seen = (row.mark, row.seen) if row else (0, 0)
        room = MOST_WAITING - (await self.stand(partner.name)).waiting
        if partner.told.intersection(OBJECTED.values()):
            found = self.ledger.suppressions(after=mark, batch=STEP)
            room = await self._turn(partner, found, OBJECTED, room, self._marked)
        if partner.told.intersection(REQUESTED.values()):
            found = self.ledger.requests(after_seq=seen, batch=STEP)
            await self._turn(partner, found, REQUESTED, room, self._seen)

    async def _turn(
        self,
        partner: Partner,
        found: AsyncIterator[list[Entry]],
        kinds: Container[Kind],
        room: int,
        moved: Callable[[Partner, Entry], Change],
    ) -> int:
        """Turn those of these kinds into items while there is room, and move the cursor; how much room is left."""
        async for entries in found:
            if room <= 0:
                break
            told = [entry for entry in entries if entry.event.kind in kinds]
            rows = [self._row_of(partner, new) for entry in told if (new := self._of_entry(partner, entry))]
            await self._amend([(self._sql.put, rows), moved(partner, entries[-1])], None)
            room -= len(rows)
        return room

    def _marked(self, partner: Partner, last: Entry) -> Change:
        return self._sql.set_mark, [(partner.name, last.mark, 0)]

    def _seen(self, partner: Partner, last: Entry) -> Change:
        return self._sql.set_seen, [(partner.name, 0, 0, last.seq)]

    @staticmethod
    def _of_entry(partner: Partner, entry: Entry) -> _New | None:
        event = entry.event
        what = what_of(event)
        if what is None or not partner.hears(what, event.controller):
            return None
        if event.number is None:
            # The person was erased since; the erasure itself was put in with their number.
            log.info("not-told-of-erased", partner=partner.name, seq=entry.seq)
            return None
        body, personal = body_of(event)
        return _New(what, str(entry.seq), event.at, body, event.controller, event.number, personal, entry.seq)

    async def put_erasure(self, number: str, controller: str, reference: str, at: datetime) -> tuple[str, ...]:
        """Have every partner of the controller told to erase what it holds on a person; the partners' names.

        To be called before the person's keys are destroyed. `reference` names the request, and nobody else's; with the
        same one and the same `at` it is done once.
        """
        hearing = [one for one in self.partners.values() if one.hears(What.ERASURE, controller)]
        for partner in hearing:
            await self.catch_up(partner)
        body: dict[str, Json] = {"reference": reference}
        new = _New(What.ERASURE, reference, at, body, controller, number)
        await self._amend([(self._sql.put, [self._row_of(one, new) for one in hearing])], None)
        return tuple(one.name for one in hearing)

    async def without_anchor(self, at: datetime) -> tuple[str, ...]:
        """The partners that are to be told an anchor and have none of this day (UTC) yet."""
        rows = await self.ledger.rows(sa.select(partners.c.name).where(partners.c.anchored == _day(at)))
        told = {row.name for row in rows}
        return tuple(
            one.name for one in self.partners.values() if one.hears(What.ANCHOR, None) and one.name not in told
        )

    async def put_anchor(self, anchor: Mapping[str, Json], at: datetime, whom: Sequence[str]) -> tuple[str, ...]:
        """Have these partners told the anchor of this day."""
        new = _New(What.ANCHOR, str(anchor["anchor"]), at, anchor)
        rows = [self._row_of(self.partners[name], new) for name in whom]
        days = [(name, 0, 0, _day(at)) for name in whom]
        await self._amend([(self._sql.put, rows), (self._sql.set_day, days)], None)
        return tuple(whom)

    def _row_of(self, partner: Partner, new: _New) -> tuple[object, ...]:
        name, now = self.id_of(partner.name, new.what, new.about, new.at), self._clock()
        item = name, partner.name, new.what.value, new.seq, new.controller, _text(new.at)
        sealed = self._letters.seal(new.number, new.personal, now) if new.number else (None, None, None, None)
        return *item, _text(now), _text(now), 0, None, None, dump(new.body), *sealed

    def id_of(self, partner: str, what: What, about: str, at: datetime) -> str:
        """The id of an item; see `core.partners.item_id`."""
        return item_id(self.ledger.ring.keys.index, partner, what, about, at.astimezone(UTC))

    # Looking.

    async def due(self, partner: str) -> list[Item]:
        """The first items of a partner whose time has come."""
        of = deliveries.c
        return await self._items(of.partner == partner, of.dead.is_(None), of.due <= _text(self._clock()), limit=BATCH)

    async def after(self, partner: str, place: int, limit: int) -> list[Item]:
        """The first items of a partner after a place, those among them that are taken for dead."""
        return await self._items(deliveries.c.partner == partner, deliveries.c.place > place, limit=limit)

    async def named(self, partner: str, ids: Collection[str]) -> list[Item]:
        """Those of these items that the partner is still to be told."""
        return await self._items(deliveries.c.partner == partner, deliveries.c.id.in_(list(ids)), limit=len(ids))

    async def dead(self, partner: str, limit: int | None = 1000) -> list[Dead]:
        """The items of a partner that a person has to look at."""
        of = deliveries.c
        rows = await self._rows(of.partner == partner, of.dead.is_not(None), limit=limit)
        return [Dead(self._item(row), datetime.fromisoformat(row.dead), row.why or "") for row in rows]

    async def unfinished(self, reference: str) -> dict[str, bool]:
        """The partners that have not done yet what this erasure asks of them, and whether it is taken for dead."""
        of = deliveries.c
        rows = await self._rows(of.what == What.ERASURE.value, limit=None)
        asked = [row for row in rows if json.loads(row.body)["reference"] == reference]
        return {row.partner: row.dead is not None for row in asked}

    async def stand(self, partner: str) -> Stand:
        """Where a partner stands."""
        of, row = deliveries.c, await self._row(partner)
        counts: list[Any] = [sa.func.count().label("all"), sa.func.count(of.dead).label("dead")]
        query = sa.select(*counts, sa.func.min(of.queued).label("oldest")).where(of.partner == partner)
        counted = (await self.ledger.rows(query))[0]
        oldest = datetime.fromisoformat(counted.oldest) if counted.oldest else None
        known = Stand(partner, waiting=counted.all - counted.dead, dead=counted.dead, oldest=oldest)
        if row is None:
            return known
        due = datetime.fromisoformat(row.due) if row.due else None
        return Stand(partner, row.tries, due, row.why or "", known.waiting, known.dead, oldest)

    async def behind(self, partner: Partner) -> bool:
        """Whether the ledger took in what may have to be turned into items for this partner."""
        row = await self._row(partner.name)
        mark, seen = (row.mark, row.seen) if row else (0, 0)
        if partner.told.intersection(OBJECTED.values()) and await self.ledger.mark() > mark:
            return True
        last = sa.select(sa.func.coalesce(sa.func.max(request_events.c.seq), 0))
        told = partner.told.intersection(REQUESTED.values())
        return bool(told) and (await self.ledger.rows(last))[0][0] > seen

    # What became of them.

    async def done(self, partner: str, items: Sequence[Item]) -> None:
        """The partner did what these say: they end, and their numbers with them."""
        await self._end(items, _told(Kind.DELIVERY_DONE, self._clock(), partner, items))

    async def drop(self, partner: str, items: Sequence[Item], by: str, because: str) -> None:
        """A person lets these be."""
        await self._end(items, _told(Kind.DELIVERY_DROPPED, self._clock(), partner, items, by=by, because=because))

    async def _end(self, items: Sequence[Item], event: Event) -> None:
        if not items:
            return
        await self._amend([(self._sql.end, [(item.id,) for item in items])], event)
        if any(item.what is What.ERASURE for item in items):
            await self.ledger.forget()

    async def refused(self, partner: str, items: Sequence[Item], why: Mapping[str, str]) -> None:
        """These will not be done as they are: a person has to look at them. `why` is by id, and harmless."""
        if not items:
            return
        now = self._clock()
        changes: list[Change] = [(self._sql.die, [(_text(now), why[item.id], item.id) for item in items])]
        reasons: dict[str, Json] = {item.id: why[item.id] for item in items}
        await self._amend(changes, _told(Kind.DELIVERY_DEAD, now, partner, items, why=reasons))

    async def postpone(self, items: Sequence[Item], due: datetime, why: str) -> None:
        """Tell these again at `due`."""
        if items:
            await self._amend([(self._sql.postpone, [(_text(due), why, item.id) for item in items])], None)

    async def strangers(self) -> list[str]:
        """The partners for whom something waits and whom the configuration does not name any more."""
        rows = await self.ledger.rows(sa.select(deliveries.c.partner).distinct().order_by(deliveries.c.partner))
        return [row.partner for row in rows if row.partner not in self.partners]

    async def orphan(self, partner: str) -> int:
        """Take for dead what waits for a partner that is not configured any more; how many items there were."""
        orphaned = 0
        of = deliveries.c
        while items := await self._items(of.partner == partner, of.dead.is_(None), limit=BATCH):
            await self.refused(partner, items, dict.fromkeys((item.id for item in items), GONE))
            orphaned += len(items)
        return orphaned

    async def overdue(self, partner: str) -> list[Item]:
        """The first items that were told in vain for as long as `GIVE_UP`."""
        of, limit = deliveries.c, _text(self._clock() - GIVE_UP)
        return await self._items(of.partner == partner, of.dead.is_(None), of.queued <= limit, limit=BATCH)

    async def give_up(self, partner: str) -> int:
        """Take for dead what is overdue; how many items there were."""
        items = await self.overdue(partner)
        why = (await self.stand(partner)).why or "it was not acknowledged in time"
        await self.refused(partner, items, {item.id: why for item in items})
        return len(items)

    async def retry(self, partner: str, items: Sequence[Item], by: str) -> None:
        """A person wants these to be told again, from now on and as often as if they were new; and at once."""
        if not items:
            return
        now = _text(self._clock())
        changes: list[Change] = [
            (self._sql.revive, [(now, now, item.id) for item in items]),
            (self._sql.set_pause, [(partner, 0, 0, None, None)]),
        ]
        await self._amend(changes, _told(Kind.DELIVERY_RETRIED, self._clock(), partner, items, by=by))

    async def paused(self, partner: str, tries: int, due: datetime | None, why: str) -> None:
        """The partner as a whole failed for the `tries`-th time in a row, and is left alone until `due`; 0 and None: it
        answered."""
        await self._amend([(self._sql.set_pause, [(partner, 0, tries, due and _text(due), why or None)])], None)

    # Helpers.

    async def _amend(self, changes: Sequence[Change], event: Event | None) -> None:
        wanted = [change for change in changes if change[1]]
        if wanted:
            await self.ledger.amend(Amendment(wanted, event, keys=False))

    async def _row(self, partner: str) -> sa.Row[Any] | None:
        found = await self.ledger.rows(sa.select(partners).where(partners.c.name == partner))
        return found[0] if found else None

    async def _rows(self, *where: sa.ColumnElement[bool], limit: int | None) -> Sequence[sa.Row[Any]]:
        return await self.ledger.rows(sa.select(deliveries).where(*where).order_by(deliveries.c.place).limit(limit))

    async def _items(self, *where: sa.ColumnElement[bool], limit: int) -> list[Item]:
        return [self._item(row) for row in await self._rows(*where, limit=limit)]

    def _item(self, row: sa.Row[Any]) -> Item:
        sealed = row.subject, row.master, row.wrapped, row.sealed
        number, personal = self._letters.unseal(*sealed) if row.sealed else (None, {})
        at, body = datetime.fromisoformat(row.at), json.loads(row.body)
        return Item(row.id, row.place, What(row.what), at, row.controller, number, body, row.seq, row.tries, personal)


def _told(kind: Kind, at: datetime, partner: str, items: Sequence[Item], **more: Json) -> Event:
    named: list[Json] = [item.named() for item in items]
    return Event(kind, at, payload={"partner": partner, "items": named, **more})


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()
