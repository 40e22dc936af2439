"""Alarms: raised on the live page and in the ledger, and standing until somebody takes them.

An alarm is the same while it is about the same thing (`core.board.alarm_id`): raised again it stands once, with how
often. The ledger is told of one when it is raised and nobody has it yet, and of who took it. What stands is so found
again after a restart.
"""

from contextlib import suppress

import structlog

from callgate.clock import Clock
from callgate.core.board import alarm_id
from callgate.core.events import Event, Json, Kind
from callgate.live import Live
from callgate.pilot import Later
from callgate.stores.ledger import Ledger

log = structlog.stdlib.get_logger()


class Alarms:
    """Raises alarms that belong to no call and to no PBX, and lets them be taken."""

    def __init__(self, live: Live, later: Later, ledger: Ledger, clock: Clock) -> None:
        self._live = live
        self._later = later
        self._ledger = ledger
        self._clock = clock

    def sound(self, alarm: str, **facts: Json) -> None:
        """Raise an alarm. The ledger may be what it is about, and learns of it when it is back."""
        log.error("alarm", alarm=alarm, **facts)
        said: dict[str, Json] = {"alarm": alarm, **facts}
        if self._live.board.standing(alarm_id(alarm, facts)) is None:
            # A disk that is full keeps nothing more, and has alarms of its own.
            with suppress(OSError):
                self._later.keep("record", {"kind": Kind.ALARM, "call": None, "facts": said})
        self._live.tell("alarm", **said)

    async def take(self, alarm: str, by: str) -> bool:
        """Somebody looks after it; False where it does not stand (any more). Raises `LedgerUnavailable`."""
        standing = self._live.board.standing(alarm)
        if standing is None:
            return False
        about = {key: standing.facts[key] for key in ("controller", "centre") if key in standing.facts}
        said = {"id": alarm, "alarm": standing.alarm, "by": by, "times": standing.times, **about}
        await self._ledger.append([Event(Kind.ALARM_TAKEN, self._clock(), payload=said)])
        self._live.tell("alarm-taken", **said)
        return True
