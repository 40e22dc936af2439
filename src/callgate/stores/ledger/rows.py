"""The way of an event into a row and back."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from callgate.core.events import CONSENTS, REQUESTS, SUPPRESSING, Event, Json, Kind
from callgate.stores.cache import relations
from callgate.stores.cache.consents import check as check_consent
from callgate.stores.ledger.sealing import KeyRing, Person, Subject, person_of
from callgate.stores.objections import audience_of
from callgate.stores.schema import Entry, StoredToken, dump, events, subjects

TOKENS = "tokens"
"""The key of a suppressing event's tokens in its body, beside those of its payload."""

_CHECKS: Mapping[Kind, Callable[[Event], object]] = {
    **dict.fromkeys(CONSENTS, check_consent),
    Kind.RELATIONS: relations.check,
}
"""What raises ValueError for an event that nobody could act on; of kinds that are not here, `audience_of` does."""

Tokens = Callable[[Event], Sequence[StoredToken]]
"""Gives the tokens of a suppressing event, under every token key that is alive."""


class Prepared(NamedTuple):
    """An event that can be written: everything but its place, its salt and the key of its person."""

    event: Event
    at: str
    body: str
    person: Person | None
    tokens: tuple[StoredToken, ...]


def prepare(event: Event, tokens: Tokens) -> Prepared:
    """Raises ValueError for an event that could not be acted on later."""
    if event.at.tzinfo is None:
        raise ValueError(f"an event of kind {event.kind} has a time without a zone: {event.at.isoformat()}")
    if event.personal and event.number is None:
        raise ValueError(f"an event of kind {event.kind} says something of a person, and whom is not said")
    said = dict(event.payload)
    if event.kind in REQUESTS and not isinstance(said.get("request"), str):
        raise ValueError(f"an event of kind {event.kind} tells of a request, and of which is not said")
    stored: tuple[StoredToken, ...] = ()
    if event.kind in SUPPRESSING:
        if TOKENS in said:
            raise ValueError(f"the payload of an event of kind {event.kind} has no {TOKENS!r} of its own")
        _CHECKS.get(event.kind, audience_of)(event)
        stored = tuple(tokens(event))
        said[TOKENS] = [[token.key, token.spread, token.member] for token in stored]
    if event.personal:
        dump(dict(event.personal))
    at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    return Prepared(event, at, dump(said), person_of(event), stored)


READING = sa.select(
    events, subjects.c.master, subjects.c.wrapped, subjects.c.controller.label("whose"), subjects.c["class"].label("of")
).outerjoin(subjects, events.c.subject == subjects.c.subject)
"""Events, each with what opens its personal part."""


class Reader:
    """Turns rows of `READING` into entries; opens each person's key once."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._opened: dict[bytes, Subject] = {}

    def entry(self, row: sa.Row[Any]) -> Entry:
        """The entry that the row holds. Raises `LedgerUnavailable` where it was tampered with."""
        said = json.loads(row.body) if row.body is not None else {}
        kind = Kind(row.kind)
        tokens = said.pop(TOKENS, ()) if kind in SUPPRESSING else ()
        number: str | None = None
        personal: Mapping[str, Json] = {}
        gone = row.body is None
        if row.sealed is not None:
            if row.wrapped is None:
                gone = True
            else:
                number, personal = self._subject(row).unseal(row.sealed)
        event = Event(
            kind, datetime.fromisoformat(row.at), row.call, number, row.controller, said, row.version, personal
        )
        return Entry(row.seq, row.writer, row.n, row.mark, event, tuple(StoredToken(*one) for one in tokens), gone)

    def _subject(self, row: sa.Row[Any]) -> Subject:
        if row.subject not in self._opened:
            self._opened[row.subject] = self._ring.open(row.subject, row.master, row.wrapped)
        return self._opened[row.subject]
