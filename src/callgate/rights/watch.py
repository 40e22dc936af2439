"""Watches requests while callgate runs: reminders, deadlines that passed, and what an erasure left to do.

What is said is entered in the ledger first and told afterwards, so that a restart says nothing twice. A process that
dies between the two has told nobody; what is late is told again at every start, which costs nothing but a line.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from callgate.boundary import NotCommitted
from callgate.core.access import Principal, Role
from callgate.core.events import Json, Kind
from callgate.core.requests import Request, due, fold
from callgate.rights.desk import Desk
from callgate.rights.erasing import carry_out, end_terms, sweep
from callgate.stores.errors import LedgerRefused, LedgerUnavailable, StoreUnavailable

log = structlog.stdlib.get_logger()

LOOK_EVERY_S = 60.0
LEFT_AFTER = timedelta(minutes=5)
"""An erasure that was begun so long ago is at work nowhere: it broke off."""
ITSELF = Principal("callgate", Role.OFFICER)
"""Who does what the watch does."""

Sleep = Callable[[float], Awaitable[None]]
Alarm = Callable[[Kind, str], None]
"""Told what is to be said (`REQUEST_REMINDED` or `REQUEST_ESCALATED`), and the sentence."""


class RightsWatch:
    """The task that watches."""

    def __init__(self, desk: Desk, alarm: Alarm, sleep: Sleep = asyncio.sleep) -> None:
        self._desk = desk
        self._alarm = alarm
        self._sleep = sleep
        self._started = False
        self._known: dict[str, Request] = {}
        self._seen = 0

    @property
    def known(self) -> Sequence[Request]:
        """The requests as of the last look, which is a minute ago at most. Raises `LedgerUnavailable` before the
        first."""
        if not self._started:
            raise LedgerUnavailable("the requests were not read yet")
        return list(self._known.values())

    async def run(self) -> None:
        """Look every minute, until cancelled."""
        while True:
            try:
                await self.look()
            except (LedgerUnavailable, LedgerRefused, NotCommitted, StoreUnavailable, OSError) as error:
                log.warning("requests-not-seen", error=str(error))
            await self._sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Say what is to be said, and do what is left to do. Raises what the ledger, Redis and files raise."""
        requests = await self._requests()
        now = self._desk.clock()
        today = now.date()
        for request in requests:
            if not self._started and request.escalated and request.late(today):
                self._tell(request, Kind.REQUEST_ESCALATED)
            if found := due(request, today):
                said: dict[str, Json] = {"days": found.days}
                await self._desk.enter(self._desk.event(ITSELF.name, request, found.kind, said))
                self._tell(request, found.kind)
        self._started = True
        for request in requests:
            if request.begun is not None and request.done is None and now - request.begun > LEFT_AFTER:
                await carry_out(self._desk, ITSELF, request.id)
            elif request.done is not None and request.outstanding:
                await self._take_answers(request)
        await sweep(self._desk, ITSELF.name, requests)
        if await end_terms(self._desk, ITSELF.name, requests):
            self._known, self._seen = {}, 0  # read anew: of these nobody knows the number any more

    async def _requests(self) -> list[Request]:
        """All requests: what was known at the last look, and what was entered since.

        In years they become many, and reading all of them every minute would hold up calls.
        """
        async for batch in self._desk.ledger.requests(after_seq=self._seen):
            self._known = fold((entry.event for entry in batch), self._known)
            self._seen = batch[-1].seq
        return list(self._known.values())

    async def _take_answers(self, request: Request) -> None:
        answered = await self._desk.partners.answered(request.id)
        for partner in request.outstanding:
            if (answer := answered.get(partner)) is not None:
                now = await self._desk.request(ITSELF, request.id)
                await self._desk.acknowledge(ITSELF, now, partner, answer)

    def _tell(self, request: Request, kind: Kind) -> None:
        state = "is late" if kind is Kind.REQUEST_ESCALATED else "is still open"
        waits = f", waiting for {', '.join(request.outstanding)}" if request.outstanding else ""
        due_on = f"it came on {request.deadline.received} and is due on {request.deadline.due}"
        says = f"the request {request.id} ({request.right}) to {request.controller} {state}{waits}: {due_on}"
        log.warning(kind.value, request=request.id, says=says)
        self._alarm(kind, says)
