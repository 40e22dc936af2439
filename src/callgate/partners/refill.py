"""What a restored ledger lacks, back from those who were told: objections since its backup.

A partner keeps what it received from us, and says so when it is asked: `GET received?since=…&after=…`, signed both
ways, page by page. Only items whose id callgate itself made are believed, so that a partner can hand back what it got
and add nothing. Objections that the ledger lacks are entered anew; that one was taken back since is *not* entered,
since only an officer may let somebody be called again: it is counted, and the officer hears of it. So are requests that
the ledger lost, by their names: erasures, restrictions and rectifications, which the partner carried out and we do not
know of any more.

What was acknowledged and had reached no partner when the ledger was lost is in no answer. So the gap stays for an
officer to answer for (`callgate ledger accept-gap`), who now knows what was found."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol

from callgate.core.events import Event, Json, Kind
from callgate.core.objecting import Door, objection
from callgate.core.partners import Partner, What
from callgate.partners.errors import NotBelieved
from callgate.partners.http import Line
from callgate.stores.encoding import TokenKeys
from callgate.stores.ledger import Ledger
from callgate.stores.objections import E164, audience_in
from callgate.stores.objectors import Objectors, read_objectors
from callgate.stores.outbox import Outbox

PAGE_BYTES = 4 << 20
MOST_PAGES = 10_000
MARGIN = timedelta(hours=1)
"""By how much more is asked for than what came after the backup: clocks differ, and what is known is passed over."""
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

NOT_AN_ITEM = "an item that the partner handed back is not as items are"


class Suppress(Protocol):
    """`LocalOffice.suppress`."""

    def __call__(self, *events: Event) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a partner handed back: items in all, objections that were entered, removals that were not, and the requests
    of which the ledger does not know."""

    items: int
    entered: int
    taken_back: int
    lost: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        """It in a sentence, for a person."""
        left = f"; {self.taken_back} were taken back since, which an officer has to enter" if self.taken_back else ""
        lost = f"; the ledger lost {', '.join(self.lost)}, to be asked for and entered anew" if self.lost else ""
        return f"{self.entered} objections of {self.items} items were missing and are in force{left}{lost}"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where it is done."""

    outbox: Outbox
    ledger: Ledger
    tokens: TokenKeys
    suppress: Suppress
    clock: Callable[[], datetime]

    async def fetch(self, name: str, line: Line, since: datetime | None = None) -> Fetched:
        """Fetch what the partner received `since` then (None: since the backup from which the ledger was restored).

        Raises `Undelivered`, `NotBelieved`, `LedgerUnavailable`, `NotCommitted`; what was entered until then is in
        force."""
        partner = self.outbox.partners[name]
        begin = since or await self._end_of_backup()
        objectors = await read_objectors(self.ledger, self.tokens)
        count = entered = taken_back = 0
        requests: dict[str, None] = {}
        async for page in _pages(line, begin - MARGIN):
            items = [self._checked(partner, said) for said in page]
            missing = [event for event in items if event.kind is Kind.OBJECTION and not _stands(objectors, event)]
            if missing:
                await self.suppress(*missing)
            count, entered = count + len(items), entered + len(missing)
            taken_back += sum(event.kind is Kind.OBJECTION_REMOVED for event in items)
            requests |= dict.fromkeys(str(event.payload["request"]) for event in items if "request" in event.payload)
        lost = [name for name in requests if not await self._knows(name)]
        told: dict[str, Json] = {
            "partner": name,
            "since": begin.isoformat(),
            "items": count,
            "entered": entered,
            "removals": taken_back,
            "lost": [*lost],
        }
        await self.ledger.append([Event(Kind.PARTNER_FETCHED, self.clock(), payload=told)])
        return Fetched(count, entered, taken_back, tuple(lost))

    async def _knows(self, request: str) -> bool:
        async for _ in self.ledger.requests(request, batch=1):
            return True
        return False

    async def _end_of_backup(self) -> datetime:
        """When the last event was that a restored ledger holds; the beginning for one that was never restored."""
        restored, after = None, 0
        while found := await self.ledger.read(kinds=[Kind.RESTORED], after_seq=after):
            restored, after = found[-1], found[-1].seq
        if restored is None:
            return BEGINNING
        before = await self.ledger.read(after_seq=restored.seq - 2, limit=1)
        return before[0].event.at if before[0].seq < restored.seq else BEGINNING

    def _checked(self, partner: Partner, said: object) -> Event:
        """The event that an item tells of. Raises `NotBelieved` where it is none of ours."""
        if not isinstance(said, dict):
            raise NotBelieved(NOT_AN_ITEM)
        try:
            event, name = self._read(partner, said)
        except (KeyError, TypeError, ValueError):
            raise NotBelieved(NOT_AN_ITEM) from None
        if name != said.get("id"):
            raise NotBelieved("an item that the partner handed back was never told to it")
        return event

    def _read(self, partner: Partner, said: dict[str, Any]) -> tuple[Event, str]:
        what, at, whose = What(said["what"]), datetime.fromisoformat(said["at"]), said.get("controller")
        about = str(said["event"] if "event" in said else said.get("reference", said.get("anchor", "")))
        name = self.outbox.id_of(partner.name, what, about, at)
        if what not in (What.OBJECTION, What.REMOVAL):
            of: dict[str, Json] = {"request": str(said["reference"])} if "reference" in said else {}
            return Event(Kind.PARTNER_FETCHED, at, payload=of), name
        if not E164.fullmatch(said["number"]) or not (whose is None or whose in partner.controllers):
            raise ValueError
        kind = Kind.OBJECTION if what is What.OBJECTION else Kind.OBJECTION_REMOVED
        by = f"partner {partner.name}"
        campaign = said.get("campaign")
        event = objection(
            said["number"], self.clock(), Door.PARTNER, by=by, controller=whose, campaign=campaign, kind=kind
        )
        audience_in(event)
        return event, name


def _stands(objectors: Objectors, event: Event) -> bool:
    return objectors.stands(event.number or "", audience_in(event))


async def _pages(line: Line, since: datetime) -> AsyncIterator[list[object]]:
    """The pages of what a partner received, in its order. Raises `NotBelieved` for one that has no end."""
    after = ""
    for _ in range(MOST_PAGES):
        query = {"since": since.isoformat(), "after": after}
        message = f"msg_{sha256(f'received {since.isoformat()} {after}'.encode()).hexdigest()[:32]}"
        try:
            said = json.loads(await line.ask(query, message, PAGE_BYTES))
            items, following = said["items"], said["next"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise NotBelieved('what the partner handed back is no object with "items" and "next"') from None
        if not isinstance(items, list) or not isinstance(following, str | None) or following == after:
            raise NotBelieved('what the partner handed back has no list of "items", or a "next" that leads nowhere')
        yield items
        if not following:
            return
        after = following
    raise NotBelieved(f"the partner has more than {MOST_PAGES} pages")
