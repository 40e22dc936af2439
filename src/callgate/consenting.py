"""Prior consents into force: what may be entered, by whom, and what stands against it.

A consent of a person who objects is not entered: an objection beats every earlier consent, and a later one lifts it
only where an officer says so and the person's own proof is on file. A file never lifts an objection.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from callgate.core.consentfile import Given
from callgate.core.events import Event, Json, Kind
from callgate.core.gate import Scope
from callgate.office import LocalOffice
from callgate.stores import consents

BATCH = 500
"""Consents that share a transaction of the ledger."""


class ConsentRefused(Exception):
    """The consent was not entered; the message says why, and what would be right."""


class Objectors(Protocol):
    """Who objects: of everyone, or of those who are asked about."""

    def objected(self, number: str, controller: str) -> datetime | None:
        """When the person objected to this controller's calls, or to everyone's, last; None where they do not."""

    def objected_to_everyone(self, number: str) -> bool:
        """Whether the person objected to everyone's calls."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where consents are entered: for which controller, by whom, and through which door (`source`)."""

    office: LocalOffice
    objectors: Objectors
    controller: str
    by: str
    source: str
    clock: Callable[[], datetime]

    async def enter(self, given: Sequence[Given]) -> AsyncIterator[tuple[int, int]]:
        """Enter consents; gives after each batch how many were entered and how many people of it object."""
        for first in range(0, len(given), BATCH):
            batch = given[first : first + BATCH]
            free = [one for one in batch if self.objectors.objected(one.number, self.controller) is None]
            if free:
                await self.office.suppress(*(self._event(one) for one in free))
            yield len(free), len(batch) - len(free)

    async def add(self, given: Given, *, lift_objection: bool) -> None:
        """Enter one consent, and lift the objection before it where an officer says so. Raises `ConsentRefused`."""
        objected = self.objectors.objected(given.number, self.controller)
        if objected is None:
            await self.office.suppress(self._event(given))
            return
        if not lift_objection:
            raise ConsentRefused(
                "this person objected; where they changed that and you hold their own proof, say --lift-objection"
            )
        if self.objectors.objected_to_everyone(given.number):
            raise ConsentRefused(
                "this person objected to everyone's calls; `callgate suppress remove --all` takes that back first"
            )
        if given.consent.given <= objected:
            raise ConsentRefused(f"this person objected on {objected:%Y-%m-%d %H:%M} UTC, after the consent was given")
        said: dict[str, Json] = {"scope": Scope.CONTROLLER, "by": self.by, "source": self.source}
        personal = {"reason": f"consent given later: {given.proof}"}
        at = self.clock()
        lifted = Event(Kind.OBJECTION_REMOVED, at, None, given.number, self.controller, said, personal=personal)
        await self.office.suppress(lifted, self._event(given))

    async def withdraw(self, number: str, reason: str) -> None:
        """Enter that a person takes their consent back."""
        said: dict[str, Json] = {"by": self.by, "source": self.source}
        kind, personal = Kind.PRIOR_CONSENT_WITHDRAWN, {"reason": reason}
        await self.office.suppress(Event(kind, self.clock(), None, number, self.controller, said, personal=personal))

    def _event(self, given: Given) -> Event:
        said = consents.payload(given.consent) | {"by": self.by, "source": self.source}
        personal = {"proof": given.proof}
        return Event(Kind.PRIOR_CONSENT, self.clock(), None, given.number, self.controller, said, personal=personal)
