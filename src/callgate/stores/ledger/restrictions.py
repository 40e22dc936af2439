"""Whose data a controller may only keep, until an officer lifts that (GDPR Art. 18): read from the ledger alone."""

import asyncio
from collections.abc import AsyncIterator, Collection

import sqlalchemy as sa

from callgate.core.events import DataClass, Event, Kind
from callgate.stores.ledger.finding import by_token
from callgate.stores.ledger.ledger import Ledger
from callgate.stores.ledger.sealing import Person
from callgate.stores.schema import subjects

STEP = 500
"""How many people are looked for at a time."""

Whose = tuple[str, str]
"""An E.164 number, and the controller for which it is meant."""


async def read_restricted(ledger: Ledger) -> frozenset[Whose]:
    """The people whose data is restricted now. Raises `LedgerUnavailable`."""
    people: set[Whose] = set()
    async for event in _events(ledger):
        if event.number is not None and event.controller is not None:
            if event.kind is Kind.RESTRICTION:
                people.add((event.number, event.controller))
            elif event.kind is Kind.RESTRICTION_LIFTED:
                people.discard((event.number, event.controller))
    return frozenset(people)


async def _events(ledger: Ledger) -> AsyncIterator[Event]:
    async for batch in ledger.requests():
        for entry in batch:
            yield entry.event


async def subjects_of(
    ledger: Ledger, people: Collection[Whose], classes: Collection[DataClass] = tuple(DataClass)
) -> frozenset[bytes]:
    """The subjects under which the ledger holds these people's data of these classes. Raises `LedgerUnavailable`."""
    wanted = [Person(*whose, of) for whose in people for of in classes]
    tokens = await asyncio.to_thread(lambda: [ledger.ring.token(person) for person in wanted])
    found: set[bytes] = set()
    for begin in range(0, len(tokens), STEP):
        query = by_token(sa.select(subjects.c.subject), tokens[begin : begin + STEP])
        found.update(row.subject for row in await ledger.rows(query))
    return frozenset(found)
