"""Alarms of what knows no call: told to whoever watches, at once, and entered in the ledger as soon as that takes them.

The node enters its own, with its calls. An alarm says nothing of a person.
"""

import asyncio
from collections import deque

from callgate.clock import Clock
from callgate.core.events import Event, Json, Kind
from callgate.live import Live
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Ledger

KEPT = 1_000
"""Alarms that wait for the ledger; the oldest of more are seen on the live page only."""
RETRY_S = 2.0


class Alarming:
    """Raises alarms; called with what it is, and a sentence where there is more to say."""

    def __init__(self, live: Live, ledger: Ledger, clock: Clock) -> None:
        self._live = live
        self._ledger = ledger
        self._clock = clock
        self._waiting: deque[Event] = deque(maxlen=KEPT)
        self._news = asyncio.Event()

    def __call__(self, what: str, why: str = "") -> None:
        """Raise one. Costs the caller nothing, and never fails."""
        said: dict[str, Json] = {"alarm": what, "why": why} if why else {"alarm": what}
        self._live.tell("alarm", **said)
        self._waiting.append(Event(Kind.ALARM, self._clock(), payload=said))
        self._news.set()

    async def run(self) -> None:
        """Enter them, until cancelled."""
        while True:
            await self._news.wait()
            try:
                await self.enter()
            except LedgerUnavailable:
                await asyncio.sleep(RETRY_S)

    async def enter(self) -> None:
        """Enter those that wait. Raises `LedgerUnavailable`: they wait on."""
        self._news.clear()
        try:
            while self._waiting:
                await self._ledger.append([self._waiting[0]], patient=True)
                self._waiting.popleft()
        except LedgerUnavailable:
            self._news.set()
            raise
