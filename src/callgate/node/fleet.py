"""The pilots of one PBX's calls: by CALLGATE_ID and by the agent's channel."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from callgate.boundary import Decision
from callgate.core.call import BEFORE_TALK
from callgate.core.token import Permit
from callgate.pbx.guard import Allowed
from callgate.pilot import Pilot, Tools

REMEMBERED = timedelta(minutes=10)
"""How long after a call its agent may still say that the callee objected."""


@dataclass(slots=True)
class _Flight:
    pilot: Pilot
    permit: Permit | None
    task: asyncio.Task[None]


class Fleet:
    """Every call that is open, or was lately."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._flights: dict[str, _Flight] = {}
        self._open: dict[str, Pilot] = {}
        self._by_agent: dict[str, Pilot] = {}
        self._by_leg: dict[str, Pilot] = {}

    def __len__(self) -> int:
        return len(self.under_way())

    def all(self) -> list[Pilot]:
        """The pilots, oldest first."""
        return [flight.pilot for flight in self._flights.values()]

    def under_way(self) -> list[Pilot]:
        """The pilots whose call is not over, oldest first. Who looks several times a second asks for no others.

        A busy hour has a hundred that are remembered for each that is open; a closed call does not open again.
        """
        self._open = {call: pilot for call, pilot in self._open.items() if pilot.is_open}
        return [*self._open.values()]

    def add(self, decision: Decision, uniqueid: str, agent: str, permit: Permit | None) -> Pilot:
        """Begin to fly an allowed call; without a permit nothing may be dialled for it any more."""
        pilot = Pilot(decision, uniqueid, agent, self._tools)
        task = asyncio.create_task(pilot.run(), name=f"pilot-{pilot.id}")
        self._flights[pilot.id] = _Flight(pilot, permit, task)
        self._by_agent[uniqueid] = pilot
        self._open[pilot.id] = pilot
        return pilot

    def get(self, call: str) -> Pilot | None:
        """The pilot of the call with this CALLGATE_ID."""
        flight = self._flights.get(call)
        return flight.pilot if flight else None

    def of_agent_channel(self, uniqueid: str) -> Pilot | None:
        """The pilot whose call this channel made."""
        return self._by_agent.get(uniqueid)

    def ringing(self, pilot: Pilot, uniqueid: str, channel: str) -> None:
        """A leg of the call rings."""
        self._by_leg[uniqueid] = pilot
        pilot.ringing(uniqueid, channel)

    def took_up(self, pilot: Pilot, uniqueid: str) -> None:
        """A leg that was found after a restart."""
        self._by_leg[uniqueid] = pilot

    def of_leg(self, uniqueid: str) -> Pilot | None:
        """The pilot whose leg this is."""
        return self._by_leg.get(uniqueid)

    def leg_gone(self, uniqueid: str) -> Pilot | None:
        """The pilot whose leg this was. Every hang-up on the PBX asks, so nothing is searched."""
        return self._by_leg.pop(uniqueid, None)

    def allowed(self, call: str) -> Allowed | None:
        """What the guard needs to know of a call."""
        flight = self._flights.get(call)
        if flight is None or flight.permit is None:
            return None
        return Allowed(flight.permit, flight.pilot.dialled, len(flight.pilot.legs), flight.pilot.is_open)

    def last_call_of(self, agent: str) -> Pilot | None:
        """The agent's last call in which somebody talked, unless several are open: nobody could tell which is meant."""
        since = self._tools.clock() - REMEMBERED
        lately = [
            pilot
            for pilot in self.all()
            if pilot.agent == agent
            and pilot.dialled
            and pilot.state not in BEFORE_TALK
            and (pilot.ended_at is None or pilot.ended_at > since)
        ]
        return lately[-1] if lately and sum(pilot.is_open for pilot in lately) <= 1 else None

    def forget(self, now: datetime) -> None:
        """Let go of the calls that ended long ago."""
        since = now - REMEMBERED
        began_before = takewhile(lambda one: one[1].pilot.born < since, self._flights.items())
        for call, flight in list(began_before):
            ended = flight.pilot.ended_at
            if ended is not None and ended < since and flight.pilot.is_settled:
                flight.task.cancel()
                del self._flights[call]
                self._by_agent.pop(flight.pilot.uniqueid, None)
                for uniqueid in flight.pilot.legs:
                    self._by_leg.pop(uniqueid, None)

    async def stop(self, grace_s: float) -> None:
        """Let recordings be sealed and closed calls be entered, then end the pilots."""
        closing = [pilot.closing for pilot in self.all() if pilot.closing is not None]
        if closing:
            await asyncio.wait(closing, timeout=grace_s)
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
