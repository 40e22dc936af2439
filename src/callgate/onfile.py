"""What the ledger has on file against calls to a number: objections, what was taken back, patterns that cover it.

A person who was erased has no number in the ledger any more. Their objection is still in force by its tokens, and
whoever holds the token keys and is asked about this very number can tell: only the office does.
"""

from dataclasses import dataclass
from datetime import datetime

from callgate.core.events import OBJECTIONS, PATTERNS, Event, Kind
from callgate.core.gate import Scope
from callgate.stores.encoding import TokenKeys
from callgate.stores.ledger import Ledger
from callgate.stores.objections import audience_in, named
from callgate.stores.schema import Entry
from callgate.stores.tokens import alive


@dataclass(frozen=True, slots=True)
class OnFile:
    """One suppressing event, as it is shown to an officer. `erased`: the person's data was, and this outlives it."""

    at: datetime
    event: str
    scope: str
    controller: str
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


async def standing_patterns(ledger: Ledger) -> list[OnFile]:
    """The patterns in force, in the order in which they were entered. Raises `LedgerUnavailable`."""
    standing: dict[tuple[object, str | None], OnFile] = {}
    async for batch in ledger.suppressions():
        for entry in batch:
            if entry.event.kind in PATTERNS:
                key = audience_in(entry.event), named(entry.event)
                standing.pop(key, None)
                if entry.event.kind is Kind.PATTERN:
                    standing[key] = _shown(entry.event)
    return list(standing.values())


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
        by=str(said.get("by", "")),
        reason=str(event.personal.get("reason", said.get("reason", ""))),
        erased=erased,
        pattern=str(said.get("pattern", "")),
    )
