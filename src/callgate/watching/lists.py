"""Watches the lists while callgate runs: whether they grow old, and whether the newest version is the one in force.

Of its age a list is spoken once for each version and each thing that is to be said, in the log and on the live page: a
supervisor who saw it is not told again every minute, and one who did nothing about the first is told when it has got
worse.

A replica of Redis that takes over just after a new version came into force may have the version before, whole, and so
nothing about it looks wrong. But the file on disk is newer. It is loaded again when two looks in a row saw it so: an
import writes the file a moment before it takes the right to load it, and is not to be forestalled.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog

from callgate.clock import Clock
from callgate.core.ages import Age, Aged, all_aged
from callgate.core.gate import ListState
from callgate.core.policy import ListRule
from callgate.stores.cache.connection import store
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.errors import ListRefused, StoreBusy, StoreUnavailable
from callgate.stores.lists.file import ListFile, ListVersion
from callgate.stores.lists.inforce import Loaded, directory, load_list

log = structlog.stdlib.get_logger()

LOOK_EVERY_S = 60.0

Sleep = Callable[[float], Awaitable[None]]
Alarm = Callable[[Aged], None]


async def lists_in_force(cache: SuppressionCache) -> Mapping[str, Loaded]:
    """The loads in force. Raises `StoreUnavailable`; lists that are not ours are none."""
    async with store("reading which lists are in force"):
        try:
            return await directory(cache.redis, cache.keys)
        except (ValueError, KeyError, TypeError):
            return {}


async def list_states(cache: SuppressionCache) -> dict[str, ListState]:
    """The same, as the gate knows them. Raises `StoreUnavailable`."""
    found = await lists_in_force(cache)
    return {name: ListState(loaded.of.version, loaded.of.scrubbed_at) for name, loaded in found.items()}


class ListWatch:
    """The task that watches. `alarm` is told what is new; `files` gives the list files on disk."""

    def __init__(
        self,
        cache: SuppressionCache,
        *,
        rules: Callable[[], Mapping[str, ListRule]],
        clock: Clock,
        alarm: Alarm,
        files: Callable[[], Iterable[ListFile]],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._cache = cache
        self._rules = rules
        self._clock = clock
        self._alarm = alarm
        self._sleep = sleep
        self._files = files
        self._told: set[tuple[str, str, Age]] = set()
        self._outdated: set[ListVersion] = set()

    async def run(self) -> None:
        """Look every minute, until cancelled."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("lists-not-seen", error=str(error))
            await self._sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Tell what is new, and load what is outdated. Raises `StoreUnavailable`."""
        states = await list_states(self._cache)
        self._tell(all_aged(self._rules(), states, self._clock()))
        await self._renew(states)

    def _tell(self, found: Iterable[Aged]) -> None:
        worth_telling = {(one.list, one.version, one.age): one for one in found if one.age is not Age.FRESH}
        for key, one in worth_telling.items():
            if key not in self._told:
                log.warning(one.age, list=one.list, version=one.version, says=one.says, way_out=one.way_out)
                self._alarm(one)
        self._told = set(worth_telling)

    async def _renew(self, states: Mapping[str, ListState]) -> None:
        before, self._outdated = self._outdated, set()
        for file in self._files():
            state = states.get(file.of.id)
            if state is None or state.scrubbed_at >= file.of.scrubbed_at:
                continue
            self._outdated.add(file.of)
            if file.of in before:
                log.warning("list-outdated", list=file.of.id, in_force=state.version, file=file.of.version)
                try:
                    await load_list(self._cache.redis, self._cache.keys, file)
                except (StoreBusy, ListRefused) as error:
                    log.warning("list-not-renewed", list=file.of.id, error=str(error))
