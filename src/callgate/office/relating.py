"""Relations into force: what a company says of its own customers, and who says so.

What is said of a person replaces what was said before, so that a file can be sent anew and end what is over. Nobody
whose data the company erased is brought back by it. An objection is not lifted by it: it blocks whatever is on file.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from callgate.core.events import Event, Json, Kind
from callgate.core.relationfile import Stated
from callgate.office.consenting import BATCH, Objectors
from callgate.office.local import LocalOffice
from callgate.stores.cache import relations


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of a batch: of how many people the relations were entered, and how many were erased."""

    entered: int
    erased: int


@dataclass(frozen=True, slots=True)
class RelationDesk:
    """Where relations are entered: for which controller, by whom, and through which door (`source`)."""

    office: LocalOffice
    objectors: Objectors
    controller: str
    by: str
    source: str
    clock: Callable[[], datetime]

    async def enter(self, stated: Sequence[Stated]) -> AsyncIterator[Batch]:
        """Enter what is said of people; gives after each batch what came of it."""
        for first in range(0, len(stated), BATCH):
            batch = stated[first : first + BATCH]
            known = [one for one in batch if self.objectors.erased(one.number, self.controller) is None]
            if known:
                await self.office.suppress(*(self._event(one) for one in known))
            yield Batch(len(known), len(batch) - len(known))

    async def end(self, number: str, reason: str) -> None:
        """Enter that no relation to this person is left."""
        await self.office.suppress(self._event(Stated(number, (), ()), reason=reason))

    def _event(self, stated: Stated, reason: str = "") -> Event:
        said = relations.payload(stated.related) | {"by": self.by, "source": self.source}
        personal: dict[str, Json] = {"reason": reason} if reason else {"proofs": [*stated.proofs]}
        return Event(Kind.RELATIONS, self.clock(), None, stated.number, self.controller, said, personal=personal)
