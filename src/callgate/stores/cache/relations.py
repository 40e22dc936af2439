"""What connects people with a controller, as the cache holds it: of each person all that was said last.

It comes from the ledger in one order with the objections, and lies beside the person's consent. An objection leaves it,
since that somebody is a customer stays true, and blocks whatever it says. An erasure takes it away.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from callgate.core.events import Event, Json, Kind
from callgate.core.gate import Scope
from callgate.core.law import Related
from callgate.core.law.terms import Relation
from callgate.stores.cache.consents import Change
from callgate.stores.cache.keys import Keys
from callgate.stores.encoding import Token, TokenKeys, bits_of
from callgate.stores.objections import Audience, audience_of
from callgate.stores.schema import Entry


def payload(related: Iterable[Related]) -> dict[str, Json]:
    """What an event says of a person's relations; the proofs are personal and stand apart, in the same order."""
    return {"relations": [_written(one) for one in related]}


def related_of(event: Event) -> tuple[Related, ...]:
    """Read an event of kind `relations`; none means that no relation is left. Raises ValueError where it is no such."""
    match event.payload.get("relations"):
        case list(said):
            return tuple(_read(one) for one in said)
    raise ValueError(f"an event of kind {event.kind} says which relations there are")


def check(event: Event) -> None:
    """Raises ValueError for an event that nobody could act on later."""
    if audience_of(event).scope is not Scope.CONTROLLER:
        raise ValueError(f"an event of kind {event.kind} is about the calls of one controller")
    related_of(event)


@dataclass(frozen=True, slots=True)
class Relations:
    """Where relations are, under one set of token keys."""

    keys: Keys
    tokens: TokenKeys

    def changes(self, entry: Entry, generation: str) -> Iterator[Change]:
        """The commands to which an entry comes, besides those about objections and consents."""
        event = entry.event
        erased = event.kind is Kind.OBJECTION and event.payload.get("scope") == Scope.ERASED
        if event.number is None or not (erased or event.kind is Kind.RELATIONS):
            return
        newest, *older = self.tokens.all(Audience(Scope.CONTROLLER, event.controller or ""), event.number)
        related = related_of(event) if event.kind is Kind.RELATIONS else ()
        for token in older if related else (newest, *older):
            yield "HDEL", self._key(token, generation), field(token), ""
        if related:
            said = json.dumps([_written(one) for one in related], separators=(",", ":"))
            yield "HSET", self._key(newest, generation), field(newest), said

    def _key(self, token: Token, generation: str) -> str:
        return self.keys.consents(generation, token.bucket(bits_of(generation)))


def field(token: Token) -> str:
    """Field of the relations of the person who has this token for one controller."""
    return f"r{token.member}"


def read(found: Sequence[bytes | None]) -> tuple[Related, ...]:
    """The relations, of what was found where they may be."""
    return tuple(_read(one) for said in found if said for one in json.loads(said))


def _written(related: Related) -> dict[str, Json]:
    return {
        "relation": related.relation.value,
        "about": related.about,
        "since": related.since.astimezone(UTC).isoformat(),
        "until": related.until.astimezone(UTC).isoformat() if related.until else None,
    }


def _read(said: Json) -> Related:
    match said:
        case {"relation": str(relation), "about": str(about), "since": str(since), "until": str() | None as until}:
            return Related(Relation(relation), about, _moment(since), _moment(until) if until else None)
    raise ValueError("a relation says what it is, what about, since when, and until when if it ended")


def _moment(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise ValueError("a relation has a time without a zone")
    return moment
