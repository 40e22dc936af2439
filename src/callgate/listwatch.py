"""Watches the lists grow old while callgate runs: a warning in the log and on the live page, once each.

Once for each version of a list and each thing that is to be said of it, so that a supervisor who saw it is not told
again every minute, and one who did nothing about the first is told when it has got worse.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from callgate.clock import Clock
from callgate.core.ages import Age, Aged, all_aged
from callgate.core.gate import ListState
from callgate.core.policy import ListRule
from callgate.stores.connection import store
from callgate.stores.errors import StoreUnavailable
from callgate.stores.lists import directory
from callgate.stores.suppression import SuppressionCache

log = structlog.stdlib.get_logger()

LOOK_EVERY_S = 60.0

Sleep = Callable[[float], Awaitable[None]]
Alarm = Callable[[Aged], None]


async def list_states(cache: SuppressionCache) -> dict[str, ListState]:
    """The lists in force. Raises `StoreUnavailable`; lists that are not ours are none."""
    async with store("reading which lists are in force"):
        try:
            found = await directory(cache.redis, cache.keys)
        except (ValueError, KeyError, TypeError):
            return {}
    return {name: ListState(loaded.of.version, loaded.of.scrubbed_at) for name, loaded in found.items()}


class ListWatch:
    """The task that watches. `alarm` is told what is new."""

    def __init__(
        self,
        cache: SuppressionCache,
        rules: Callable[[], Mapping[str, ListRule]],
        clock: Clock,
        alarm: Alarm,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._cache = cache
        self._rules = rules
        self._clock = clock
        self._alarm = alarm
        self._sleep = sleep
        self._told: set[tuple[str, str, Age]] = set()

    async def run(self) -> None:
        """Look every minute, until cancelled."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("lists-not-seen", error=str(error))
            await self._sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Tell what is new. Raises `StoreUnavailable`."""
        found = all_aged(self._rules(), await list_states(self._cache), self._clock())
        worth_telling = {(one.list, one.version, one.age): one for one in found if one.age is not Age.FRESH}
        for key, one in worth_telling.items():
            if key not in self._told:
                log.warning(one.age, list=one.list, version=one.version, says=one.says, way_out=one.way_out)
                self._alarm(one)
        self._told = set(worth_telling)
