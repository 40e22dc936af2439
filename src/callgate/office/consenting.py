"""Prior consents into force: what may be entered, by whom, and what stands against it.

A consent of a person who objects is not entered: an objection beats every earlier consent, and a later one lifts it
only where an officer says so and the person's own proof is on file. A file never lifts an objection, nor does it bring
back a person whose data the controller erased.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from callgate.core.consentfile import Given
from callgate.core.events import Event, Json, Kind
from callgate.core.gate import Scope
from callgate.office.local import LocalOffice
from callgate.stores.cache import consents

BATCH = 500
"""Consents that share a transaction of the ledger."""


class ConsentRefused(Exception):
    """The consent was not entered; the message says why, and what would be right."""


class Objectors(Protocol):
    """Who objects: of everyone, or of those who are asked about."""

    def objected(self, number: str, controller: str) -> datetime | None:
        """When the person objected to this controller's calls, or to everyone's, last; None where they do not."""

    def erased(self, number: str, controller: str) -> datetime | None:
        """When this controller erased the person's data, last; None where it did not."""

    def objected_to_everyone(self, number: str) -> bool:
        """Whether the person objected to everyone's calls."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of a batch: how many consents were entered, and how many people of it object or were erased."""

    entered: int
    objecting: int
    erased: int

    @property
    def size(self) -> int:
        """All of them."""
        return self.entered + self.objecting + self.erased


@dataclass(frozen=True, slots=True)
class Desk:
    """Where consents are entered: for which controller, by whom, and through which door (`source`)."""

    office: LocalOffice
    objectors: Objectors
    controller: str
    by: str
    source: str
    clock: Callable[[], datetime]

    async def enter(self, given: Sequence[Given]) -> AsyncIterator[Batch]:
        """Enter consents; gives after each batch what came of it."""
        for first in range(0, len(given), BATCH):
            batch = given[first : first + BATCH]
            known = [one for one in batch if self.objectors.erased(one.number, self.controller) is None]
            free = [one for one in known if self.objectors.objected(one.number, self.controller) is None]
            if free:
                await self.office.suppress(*(self._event(one) for one in free))
            yield Batch(len(free), len(known) - len(free), len(batch) - len(known))

    async def add(self, given: Given, *, lift_objection: bool) -> None:
        """Enter one consent, and lift the objection before it where an officer says so. Raises `ConsentRefused`."""
        against = {
            Scope.CONTROLLER: self.objectors.objected(given.number, self.controller),
            Scope.ERASED: self.objectors.erased(given.number, self.controller),
        }
        standing = {scope: at for scope, at in against.items() if at is not None}
        if not standing:
            await self.office.suppress(self._event(given))
            return
        if not lift_objection:
            raise ConsentRefused(
                "this person objected or was erased; where they changed that and you hold their own proof, say"
                " --lift-objection"
            )
        if self.objectors.objected_to_everyone(given.number):
            raise ConsentRefused(
                "this person objected to everyone's calls; `callgate suppress remove --all` takes that back first"
            )
        if given.consent.given <= (last := max(standing.values())):
            raise ConsentRefused(
                f"this person objected or was erased on {last:%Y-%m-%d %H:%M} UTC, after the consent was given"
            )
        lifted = (self._lifted(given, scope) for scope in standing)
        await self.office.suppress(*lifted, self._event(given))

    def _lifted(self, given: Given, scope: Scope) -> Event:
        said: dict[str, Json] = {"scope": scope, "by": self.by, "source": self.source}
        personal = {"reason": f"consent given later: {given.proof}"}
        kind, at = Kind.OBJECTION_REMOVED, self.clock()
        return Event(kind, at, None, given.number, self.controller, said, personal=personal)

    async def withdraw(self, number: str, reason: str) -> None:
        """Enter that a person takes their consent back."""
        said: dict[str, Json] = {"by": self.by, "source": self.source}
        kind, personal = Kind.PRIOR_CONSENT_WITHDRAWN, {"reason": reason}
        await self.office.suppress(Event(kind, self.clock(), None, number, self.controller, said, personal=personal))

    def _event(self, given: Given) -> Event:
        said = consents.payload(given.consent) | {"by": self.by, "source": self.source}
        personal = {"proof": given.proof}
        return Event(Kind.PRIOR_CONSENT, self.clock(), None, given.number, self.controller, said, personal=personal)
