"""What was accessed by whom in a window of time, for the notification of a breach (GDPR Art. 33).

Read from the ledger's events, whatever their kind: those that say `by` whom they were done, and the calls of agents,
who see the person they call. What names a person is counted by person; what concerns many says how many. The numbers
themselves appear nowhere. Everything that was held is counted besides: that is the most that whoever had the database
and its keys could have seen.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from callgate.core.events import Event, Kind, class_of, is_access
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.questions import Question
from callgate.stores.schema import Entry, subjects

PAGE = 2_000
"""Events that are read at a time."""
KEYS_AND_TIMERS = frozenset({"callee-key", "agent-key", "agent-key-after", "kept-by-pbx", "schedule"})
"""What stands under `by` where no user did it: keys that were pressed in a call, and what callgate does by itself. An
agent whose key it was is found by their call."""
LISTED = 1_000
"""Accesses that are listed one by one; what is more is counted."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `since` to before `until`, both aware; of one user or agent, or of all."""

    since: datetime
    until: datetime
    user: str | None = None


class Act(NamedTuple):
    """What somebody did: the kind of the event, or the name of the act; and whether that is an access."""

    who: str
    what: str
    access: bool


@dataclass(slots=True)
class Times:
    """How often something was done, and when first and last."""

    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Access:
    """One access, as it is listed."""

    seq: int
    at: datetime
    what: str
    who: str
    call: str
    controller: str


@dataclass(slots=True)
class Concerned:
    """The people of one controller: those that acts named, how many in acts that concern many (with some twice, where
    several acts do), acts on people who were erased since, and how many people the ledger holds something of."""

    named: set[str] = field(default_factory=set, repr=False)
    among_many: int = 0
    erased: int = 0
    held: int = 0

    @property
    def at_most(self) -> int:
        """How many people at most, as far as it is known."""
        return len(self.named) + self.among_many + self.erased


@dataclass(slots=True)
class Survey:
    """What a window showed. `accesses` are the first `LISTED`; `unlisted` counts the rest, and `forgotten` the events
    that have lost what they said since, with who did them."""

    window: Window
    acts: dict[Act, Times] = field(default_factory=dict)
    accesses: list[Access] = field(default_factory=list)
    unlisted: int = 0
    forgotten: int = 0
    people: defaultdict[str, Concerned] = field(default_factory=lambda: defaultdict(Concerned))
    data: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


async def survey(ledger: Ledger, window: Window, progress: Callable[[int], None] = lambda _: None) -> Survey:
    """Read the window. `progress` is told how many events were read. Raises `LedgerUnavailable`."""
    found = Survey(window)
    numbers: dict[str, str | None] = {}
    after = read = 0
    while batch := await ledger.search(Question(since=window.since, until=window.until, after_seq=after, limit=PAGE)):
        after, read = batch[-1].seq, read + len(batch)
        for entry in batch:
            found.forgotten += entry.gone and not entry.event.payload
            who = _who(entry.event)
            if who and window.user in (None, who):
                _count(found, entry, who, await _number(ledger, entry.event, numbers))
        progress(read)
    for controller, held in (await _held(ledger)).items():
        found.people[controller].held = held
    return found


def _who(event: Event) -> str:
    """Who did it; empty where nobody did, and for a call that was not made."""
    if event.kind is Kind.VERDICT:
        return str(event.payload.get("agent") or "") if event.payload.get("outcome") == "allow" else ""
    who = str(event.payload.get("by") or "")
    return "" if who in KEYS_AND_TIMERS else who


async def _number(ledger: Ledger, event: Event, known: dict[str, str | None]) -> str | None:
    """Whom the event concerns: its own number, or that of its call. `known`: the numbers of calls so far."""
    if event.number is not None or event.call is None:
        return event.number
    if event.call not in known:
        verdicts = await ledger.read(kinds=[Kind.VERDICT], call=event.call, limit=1)
        known[event.call] = verdicts[0].event.number if verdicts else None
    return known[event.call]


def _count(found: Survey, entry: Entry, who: str, number: str | None) -> None:
    event = entry.event
    times = found.acts.setdefault(Act(who, _what(event), is_access(event)), Times(0, event.at, event.at))
    times.count, times.last = times.count + 1, event.at
    controller = event.controller or ""
    if number is not None:
        found.people[controller].named.add(number)
    elif entry.gone or event.call is not None:
        found.people[controller].erased += 1
    if number is not None or event.call is not None:
        found.data[controller][class_of(event.kind)] += 1
    for whose, count in _many(event):
        found.people[whose].among_many += count
        found.data[whose][class_of(event.kind)] += 1
    if is_access(event):
        _list(found, Access(entry.seq, event.at, _what(event), who, event.call or "", controller))


def _what(event: Event) -> str:
    return str(event.payload["act"]) if event.kind is Kind.ACT and "act" in event.payload else event.kind.value


def _many(event: Event) -> Iterator[tuple[str, int]]:
    """How many people of which controller an act says that it concerned."""
    people = event.payload.get("people")
    if isinstance(people, Mapping):
        for controller, count in people.items():
            if isinstance(count, int):
                yield controller, count


def _list(found: Survey, access: Access) -> None:
    if len(found.accesses) < LISTED:
        found.accesses.append(access)
    else:
        found.unlisted += 1


async def _held(ledger: Ledger) -> dict[str, int]:
    """Of how many people the ledger holds something, by controller: the largest of its classes of data.

    A person has a key for each class, and nothing tells which belong together; so it may be some more.
    """
    counted = sa.func.count().label("held")
    query = sa.select(subjects.c.controller, subjects.c["class"], counted).where(subjects.c.wrapped.is_not(None))
    held: Counter[str] = Counter()
    for row in await ledger.rows(query.group_by(subjects.c.controller, subjects.c["class"])):
        held[row.controller] = max(held[row.controller], row.held)
    return dict(held)
