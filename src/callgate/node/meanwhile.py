"""What somebody on the line said by another way than their telephone is done to their call as their key would do it.

The office is asked for it several times a second. A withdrawal stops the recording and destroys it at once; an
objection ends the call. Both are said to the callee as after their own key: that is queued on their channel, where the
dialplan, or the notice that still plays, takes it. Where no key works, in a conference say, the recording is destroyed
all the same, and the call of who objects is hung up without a word.

An objection that the agent entered for this very call is what their own key says: they heard it, and say goodbye.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from callgate.boundary import NotCommitted, Office, Said
from callgate.core.call import BEFORE_TALK, On, State
from callgate.core.events import Kind
from callgate.node.exchange import Exchange
from callgate.node.fleet import Fleet
from callgate.pilot import Pilot

log = structlog.stdlib.get_logger()

ASK_EVERY_S = 0.25
STOP_KEY, OBJECT_KEY = "*", "9"
"""As in asterisk/callgate-features.conf."""
TRIES, TRY_EVERY_S = 3, 2.0
"""How often the key is queued: one that is pressed while a prompt says something else is lost."""

_ENDING = (State.OBJECTING, State.LEAVING, State.CLOSED)
_UNANSWERED = (State.ALLOWED, State.RINGING, State.CHECKING)
"""Before the callee hears anything they are looked up once more."""


class Meanwhile:
    """Listens to the office for the callees of one PBX."""

    def __init__(
        self,
        office: Office,
        fleet: Fleet,
        exchange: Exchange,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._office = office
        self._fleet = fleet
        self._exchange = exchange
        self._pause = pause
        self._mark: int | None = None
        self._done: set[tuple[str, Kind]] = set()

    async def run(self, ready: Callable[[], bool]) -> None:
        """Listen while the PBX is seen, until cancelled."""
        while True:
            await self._pause(ASK_EVERY_S)
            if ready():
                try:
                    await self.look()
                except NotCommitted as error:
                    log.warning("not-heard-meanwhile", error=str(error))

    async def look(self) -> None:
        """Ask once, and do what was said. Raises `NotCommitted`. Where no call is under way there is nothing to ask."""
        pilots = {pilot.id: pilot for pilot in self._fleet.under_way()}
        self._done = {done for done in self._done if done[0] in pilots}
        if not pilots:
            self._mark = None
            return
        self._mark, said = await self._office.said(list(pilots), self._mark)
        for one in said:
            self._take(pilots[one.call], one)

    def _take(self, pilot: Pilot, said: Said) -> None:
        if (pilot.id, said.kind) in self._done:
            return
        if said.kind is Kind.WITHDRAWAL:
            # One that is about to begin is stopped when it has begun: a withdrawal is told each time.
            if pilot.withdrew or pilot.state in BEFORE_TALK:
                return
            self._withdraw(pilot)
        elif pilot.objected:
            return
        elif said.in_the_call and pilot.state not in BEFORE_TALK:
            pilot.signal(On.HEARD, "office")
        else:
            self._exchange.background(self._end(pilot, said))
        self._done.add((pilot.id, said.kind))

    def _withdraw(self, pilot: Pilot) -> None:
        """Stop and destroy now, and then let it be said."""
        pilot.signal(On.WITHDREW, "office")
        if pilot.state not in _ENDING:
            self._exchange.background(self._exchange.press(pilot.callee_channel, STOP_KEY))

    async def _end(self, pilot: Pilot, said: Said) -> None:
        """End a call as the callee's `9` does."""
        for _ in range(TRIES if said.whole else 0):
            # What they said is committed, for all that their key would say.
            pilot.objected = True
            if pilot.state not in _UNANSWERED:
                await self._exchange.press(pilot.callee_channel, OBJECT_KEY)
            await self._pause(TRY_EVERY_S)
            if pilot.state in _ENDING:
                return
        if pilot.state not in _ENDING and pilot.callee_channel:
            await self._exchange.hang_up(pilot.callee_channel)
