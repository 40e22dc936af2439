"""Watches the contracts and transfer bases while callgate runs: whether one lapses soon, or blocks calls already.

Of each it is said once 60 days ahead, once 30 and once 7, and once when it has come to that: in the log and on the live
page. A new policy that mends it ends the matter.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from callgate.clock import Clock
from callgate.core.policy import Policy
from callgate.core.processing import WARNED, Lapse, lapsing

log = structlog.stdlib.get_logger()

LOOK_EVERY_S = 600.0
"""A contract lapses at a midnight; a policy with another may come at any time."""

Sleep = Callable[[float], Awaitable[None]]


class LapseWatch:
    """The task that watches. `alarm` is told a name and a sentence, of what is new."""

    def __init__(
        self,
        *,
        policy: Callable[[], Policy],
        clock: Clock,
        alarm: Callable[[str, str], None],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._alarm = alarm
        self._sleep = sleep
        self._told: set[tuple[Lapse, int]] = set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await self._sleep(LOOK_EVERY_S)

    def look(self) -> None:
        """Tell what is new."""
        today = self._clock().date()
        due = [(lapse, lapse.warned(today)) for lapse in lapsing(self._policy(), today, timedelta(days=WARNED[0]))]
        for lapse, days in due:
            if (lapse, days) not in self._told:
                what = "contract-lapses" if days else "contract-lapsed"
                log.warning(what, centre=lapse.centre, controller=lapse.controller, says=str(lapse))
                self._alarm(what, str(lapse))
        self._told = set(due)
