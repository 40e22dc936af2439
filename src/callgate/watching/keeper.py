"""Keeps the suppression cache ready: checks it now and then, and at once when a lookup found it wanting."""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from callgate.stores.cache.readiness import ensure
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.errors import LedgerUnavailable, ListRefused, StoreBusy, StoreUnavailable
from callgate.stores.ledger import Ledger
from callgate.stores.lists.file import ListFile

log = structlog.stdlib.get_logger()

CHECK_EVERY_S = 5.0
RETRY_S = 0.5
"""While it is not ready: a Redis that comes back is filled at once."""


class Keeper:
    """The task that looks after one cache. `problems` is what stands between it and being believed."""

    def __init__(self, cache: SuppressionCache, ledger: Ledger, lists: Callable[[], Iterable[ListFile]]) -> None:
        # Whether Redis holds the attempts of other days is not known yet.
        cache.contacts.doubt()
        self._cache = cache
        self._ledger = ledger
        self._lists = lists
        self._doubt = asyncio.Event()
        self.problems: list[str] = ["the suppression cache was not checked yet"]

    def doubt(self, why: str) -> None:
        """A lookup or a write found the cache wanting: look at once, and say until then that it is not ready."""
        if not self.problems:
            log.warning("cache-in-doubt", why=why)
            self.problems = [why]
        self._doubt.set()

    async def run(self) -> None:
        """Look after the cache until cancelled."""
        while True:
            self._doubt.clear()
            await self._check()
            await self._wait()

    async def _check(self) -> None:
        before = self.problems
        try:
            self.problems = [str(problem) for problem in await ensure(self._cache, self._ledger, self._lists())]
        except (StoreUnavailable, StoreBusy, LedgerUnavailable, ListRefused) as error:
            self.problems = [str(error)]
        if self.problems and self.problems != before:
            log.warning("cache-not-ready", problems=self.problems)
        elif before and not self.problems:
            log.info("cache-ready")

    async def _wait(self) -> None:
        if self.problems:
            await asyncio.sleep(RETRY_S)
            return
        try:
            async with asyncio.timeout(CHECK_EVERY_S):
                await self._doubt.wait()
        except TimeoutError:
            return
