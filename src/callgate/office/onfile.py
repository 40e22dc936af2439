"""What the ledger has on file against calls to a number: objections, what was taken back, patterns that cover it.

A person who was erased has no number in the ledger any more. Their objection is still in force by its tokens, and
whoever holds the token keys and is asked about this very number can tell: only the office does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from callgate.core.events import OBJECTIONS, PATTERNS, Event, Kind
from callgate.core.gate import Hit, Scope
from callgate.stores.cache.suppression import Query, SuppressionCache
from callgate.stores.encoding import TokenKeys
from callgate.stores.ledger import Ledger
from callgate.stores.ledger.questions import Question
from callgate.stores.objections import Audience, audience_in, named
from callgate.stores.schema import Entry
from callgate.stores.tokens import alive


@dataclass(frozen=True, slots=True)
class OnFile:
    """One suppressing event, as it is shown to an officer. `erased`: the person's data was, and this outlives it."""

    at: datetime
    event: str
    scope: str
    controller: str
    campaign: str
    by: str
    reason: str
    erased: bool
    pattern: str


async def on_file(ledger: Ledger, keys: TokenKeys, number: str) -> list[OnFile]:
    """Objections and patterns that concern an E.164 number, in the order in which they were committed.

    Raises `LedgerUnavailable`.
    """
    found = []
    async for batch in ledger.suppressions():
        against = (entry for entry in batch if entry.event.kind in OBJECTIONS | PATTERNS)
        found += [_shown(entry.event, erased=_erased(entry)) for entry in against if _concerns(entry, keys, number)]
    return found


async def patterns_in_force(ledger: Ledger) -> dict[tuple[Audience, str], Event]:
    """The patterns in force, each by whose calls it ends, in the order in which they were entered.

    Raises `LedgerUnavailable`.
    """
    standing: dict[tuple[Audience, str], Event] = {}
    async for batch in ledger.suppressions(kinds=PATTERNS):
        for event in (entry.event for entry in batch):
            key = audience_in(event), named(event) or ""
            standing.pop(key, None)
            if event.kind is Kind.PATTERN:
                standing[key] = event
    return standing


async def standing_patterns(ledger: Ledger) -> list[OnFile]:
    """The same, as they are shown to an officer. Raises `LedgerUnavailable`."""
    return [_shown(event) for event in (await patterns_in_force(ledger)).values()]


def _erased(entry: Entry) -> bool:
    return named(entry.event) is None


def _concerns(entry: Entry, keys: TokenKeys, number: str) -> bool:
    whom = named(entry.event)
    if entry.event.kind in PATTERNS:
        return number.startswith(whom or "")
    if whom is not None:
        return whom == number
    return not set(alive(keys, entry.tokens)).isdisjoint(keys.all(audience_in(entry.event), number))


def _shown(event: Event, *, erased: bool = False) -> OnFile:
    said = event.payload
    return OnFile(
        at=event.at,
        event=str(event.kind),
        scope=str(said.get("scope", Scope.CONTROLLER)),
        controller=event.controller or "",
        campaign=str(said.get("campaign", "")),
        by=str(said.get("by", "")),
        reason=str(event.personal.get("reason", said.get("reason", ""))),
        erased=erased,
        pattern=str(said.get("pattern", "")),
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What speaks against calls of one controller to one person, found without reading all that is on file.

    `events` are their objections and what was taken back; `since`: when the last that is in force was made, and of
    which scope. `hits` is the cache's word: it also knows of those who were erased, and of patterns.
    """

    events: tuple[Event, ...]
    since: dict[Scope, datetime]
    hits: tuple[Hit, ...]

    @property
    def unnamed(self) -> tuple[Hit, ...]:
        """What is in force and no event of this person says: of a pattern, or of data that was erased."""
        return tuple(hit for hit in self.hits if hit.source != "objection" or hit.scope not in self.since)


async def standing(ledger: Ledger, cache: SuppressionCache, number: str, controller: str) -> Standing:
    """Raises `LedgerUnavailable`, `StoreUnavailable`, `NotReady`."""
    asked = Question(number=number, controllers=(controller,), kinds=OBJECTIONS, limit=10_000)
    events = tuple(entry.event for entry in await ledger.search(asked))
    found = await cache.lookup(Query(number, controller, ""))
    return Standing(events, _since(events), tuple(hit for hit in found.facts.hits if hit.scope is not Scope.NATIONAL))


def _since(events: Iterable[Event]) -> dict[Scope, datetime]:
    since: dict[Scope, datetime] = {}
    for event in events:
        scope = Scope(str(event.payload.get("scope", Scope.CONTROLLER)))
        if event.kind is Kind.OBJECTION:
            since[scope] = event.at
        else:
            since.pop(scope, None)
    return since


class OnePersons:
    """The objections of one person, for whoever decides about a consent of theirs (`consenting.Objectors`)."""

    def __init__(self, of: Standing) -> None:
        self._of = of

    def objected(self, _number: str, _controller: str) -> datetime | None:
        """When. One that nobody knows the time of is later than anything."""
        return self._last(Scope.ALL, Scope.CONTROLLER)

    def erased(self, _number: str, _controller: str) -> datetime | None:
        """When; as of an objection."""
        return self._last(Scope.ERASED)

    def _last(self, *scopes: Scope) -> datetime | None:
        if any(hit.scope in scopes for hit in self._of.unnamed):
            return datetime.max.replace(tzinfo=UTC)
        return max(filter(None, (self._of.since.get(scope) for scope in scopes)), default=None)

    def objected_to_everyone(self, _number: str) -> bool:
        """Whether to everyone's calls."""
        return any(hit.scope is Scope.ALL for hit in self._of.hits) or Scope.ALL in self._of.since
