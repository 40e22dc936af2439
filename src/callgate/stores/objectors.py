"""Who objects, by the ledger alone: for what is entered rarely and must not depend on Redis."""

from datetime import datetime

from callgate.core.events import Kind
from callgate.core.gate import Scope
from callgate.stores.encoding import TokenKeys
from callgate.stores.ledger import Ledger
from callgate.stores.objections import Audience

_Name = tuple[str, int, int]


class Objectors:
    """The objections in force when the ledger was read, those of erased people included. Made by `read_objectors`."""

    def __init__(self, keys: TokenKeys, since: dict[_Name, datetime]) -> None:
        self._keys = keys
        self._since = since

    def objected(self, number: str, controller: str) -> datetime | None:
        """When the person objected to this controller's calls, or to everyone's, last; None where they do not."""
        audiences = (Audience(Scope.ALL), Audience(Scope.CONTROLLER, controller))
        return max(filter(None, (self._when(number, audience) for audience in audiences)), default=None)

    def erased(self, number: str, controller: str) -> datetime | None:
        """When this controller erased the person's data at their request; None where it did not, or that is lifted."""
        return self._when(number, Audience(Scope.ERASED, controller))

    def objected_to_everyone(self, number: str) -> bool:
        """Whether the person objected to everyone's calls."""
        return self._when(number, Audience(Scope.ALL)) is not None

    def stands(self, number: str, audience: Audience) -> bool:
        """Whether the person's objection to the calls of exactly this audience is in force."""
        return self._when(number, audience) is not None

    def _when(self, number: str, audience: Audience) -> datetime | None:
        tokens = ((key.id, key.token(audience, number)) for key in self._keys.keys)
        found = (self._since.get((name, token.spread, token.member)) for name, token in tokens)
        return max(filter(None, found), default=None)


async def read_objectors(ledger: Ledger, keys: TokenKeys) -> Objectors:
    """Read the ledger's objections. Raises `LedgerUnavailable`."""
    since: dict[_Name, datetime] = {}
    async for batch in ledger.suppressions():
        for entry in batch:
            for token in entry.tokens:
                name = token.key, token.spread, token.member
                if entry.event.kind is Kind.OBJECTION:
                    since[name] = entry.event.at
                elif entry.event.kind is Kind.OBJECTION_REMOVED:
                    since.pop(name, None)
    return Objectors(keys, since)
