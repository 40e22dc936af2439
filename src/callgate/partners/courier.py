"""Tells each partner what is due, until it did it or a person has to look.

Every partner has a task and a queue of its own, so that one that is slow or down holds up nobody else; a few are told
at a time. A partner that fails as a whole is left alone for a pause that grows to six hours (`core.partners.pause`),
which outlives a restart. An item that it leaves out of its answer waits by itself and holds up none behind it. One
that it refuses, and one that was told in vain for five days, is *dead*: an alarm, and `callgate partners dead`."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from callgate.clock import Clock
from callgate.core.partners import Item, Partner, Reply, pause
from callgate.partners.errors import NotBelieved, Undelivered
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.outbox import BATCH, Outbox

log = structlog.stdlib.get_logger()

EVERY_S = 5.0
"""How often a queue is looked at: within so many seconds a partner hears of an objection."""
AT_ONCE = 8
"""Partners that are spoken to at a time."""

Deliver = Callable[[Sequence[Item]], Awaitable[Reply]]
"""Tells a partner some items. Raises `Undelivered`, `NotBelieved`."""


class Courier:
    """The tasks. `ways` has every partner that is told by us; one that fetches its items itself is not in it."""

    def __init__(
        self,
        outbox: Outbox,
        ways: Mapping[str, Deliver],
        *,
        clock: Clock,
        alarm: Callable[[str, str], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._outbox = outbox
        self._ways = ways
        self._clock = clock
        self._alarm = alarm
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Tell all partners, until cancelled."""
        await self._see_who_is_gone()
        async with asyncio.TaskGroup() as group:
            for partner in self._outbox.partners.values():
                group.create_task(self._keep(partner), name=f"partner-{partner.name}")
            await asyncio.Event().wait()

    async def _see_who_is_gone(self) -> None:
        """What waits for a partner that was taken out of the configuration is for a person to look at."""
        try:
            for name in await self._outbox.strangers():
                if orphaned := await self._outbox.orphan(name):
                    self._alarm("delivery-dead", f"{name} is not configured any more; {orphaned} items wait for it")
        except LedgerUnavailable as error:
            log.warning("partners-not-compared", error=str(error))

    async def _keep(self, partner: Partner) -> None:
        while True:
            more = False
            try:
                more = await self.step(partner)
            except LedgerUnavailable as error:
                log.warning("partner-waits", partner=partner.name, error=str(error))
            if not more:
                await self._sleep(EVERY_S)

    async def step(self, partner: Partner) -> bool:
        """Tell a partner what is due; whether there may be more at once. Raises `LedgerUnavailable`."""
        name = partner.name
        await self._outbox.catch_up(partner)
        if given_up := await self._outbox.give_up(name):
            self._alarm("delivery-dead", f"{name}: {given_up} items were told in vain for days")
        stand = await self._outbox.stand(name)
        if name not in self._ways or (stand.due is not None and stand.due > self._clock()):
            return False
        items = await self._outbox.due(name)
        if not items:
            return False
        try:
            async with self._at_once:
                reply = await self._ways[name](items)
        except (Undelivered, NotBelieved) as error:
            await self._failed(name, stand.tries + 1, error)
            return False
        if stand.tries:
            await self._outbox.paused(name, 0, None, "")
        await self._settle(name, items, reply)
        return len(items) == BATCH

    async def _failed(self, name: str, tries: int, error: Exception) -> None:
        wait = pause(tries, self._rng.random())
        await self._outbox.paused(name, tries, self._clock() + wait, str(error))
        log.warning("partner-failed", partner=name, tries=tries, why=str(error), again_in_s=round(wait.total_seconds()))
        if tries == 1:
            what = "partner-not-believed" if isinstance(error, NotBelieved) else "partner-unreachable"
            self._alarm(what, f"{name}: {error}")

    async def _settle(self, name: str, items: Sequence[Item], reply: Reply) -> None:
        await self._outbox.done(name, [item for item in items if item.id in reply.done])
        refused = [item for item in items if item.id in reply.refused]
        await self._outbox.refused(name, refused, reply.refused)
        if refused:
            self._alarm("delivery-dead", f"{name}: {len(refused)} items were refused")
        for item in items:
            if item.id not in reply.named:
                due = self._clock() + pause(item.tries + 1, self._rng.random())
                await self._outbox.postpone([item], due, "the partner's answer did not speak of it")
