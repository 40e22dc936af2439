"""Tells each partner what is due, until it did it or a person has to look.

Every partner has a task and a queue of its own, so that one that is slow or down holds up nobody else; a few are told
at a time. A partner that fails as a whole is left alone for a pause that grows to six hours (`core.partners.pause`),
which outlives a restart. An item that it leaves out of its answer waits by itself and holds up none behind it. One
that it refuses, and one that was told in vain for five days, is *dead*: an alarm, and `callgate partners dead`.

Where several processes share a ledger, whichever sees first that there is something to do for a partner takes it, so
that no two tell it at a time (`stores.lease`), and prolongs that until the partner has answered. A process that dies
meanwhile has told it or not: a minute later another tells it again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import structlog

from callgate.clock import Clock
from callgate.core.partners import Item, Partner, Reply, pause
from callgate.partners.errors import NotBelieved, Undelivered
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.lease import Lease
from callgate.stores.outbox import BATCH, Outbox

log = structlog.stdlib.get_logger()

EVERY_S = 5.0
"""How often a queue is looked at: within so many seconds a partner hears of an objection."""
PROLONG_EVERY_S = 20.0
"""How often a partner that is being told is taken anew: three times as often as is needed."""
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
        self._lease = Lease(outbox.ledger, clock)
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
        """Tell a partner what is due, if no other process does; whether there may be more at once.

        Raises `LedgerUnavailable`.
        """
        name = partner.name
        busy = await self._outbox.behind(partner) or await self._outbox.overdue(name) or await self._due(name)
        if not busy or not await self._lease.take(name):
            return False
        try:
            await self._outbox.catch_up(partner)
            if given_up := await self._outbox.give_up(name):
                self._alarm("delivery-dead", f"{name}: {given_up} items were told in vain for days")
            return await self._tell(name, await self._due(name))
        finally:
            with suppress(LedgerUnavailable):  # it is let go of by itself
                await self._lease.leave(name)

    async def _due(self, name: str) -> Sequence[Item]:
        """What is to be told to a partner now: nothing to one that fetches it itself, or is left alone."""
        stand = await self._outbox.stand(name)
        if name not in self._ways or (stand.due is not None and stand.due > self._clock()):
            return ()
        return await self._outbox.due(name)

    async def _tell(self, name: str, items: Sequence[Item]) -> bool:
        if not items:
            return False
        tries = (await self._outbox.stand(name)).tries
        try:
            reply = await self._held(name, items)
        except (Undelivered, NotBelieved) as error:
            await self._failed(name, tries + 1, error)
            return False
        if tries:
            await self._outbox.paused(name, 0, None, "")
        await self._settle(name, items, reply)
        return len(items) == BATCH

    async def _held(self, name: str, items: Sequence[Item]) -> Reply:
        """Tell them, and prolong meanwhile that nobody else does. Where that cannot be, it ends unheard."""

        async def telling() -> Reply:
            async with self._at_once:
                return await self._ways[name](items)

        async def prolonging() -> None:
            while True:
                await self._sleep(PROLONG_EVERY_S)
                if not await self._lease.take(name):
                    raise Undelivered("another process of callgate's tells this partner")

        told, held = asyncio.create_task(telling()), asyncio.create_task(prolonging())
        try:
            await asyncio.wait((told, held), return_when=asyncio.FIRST_COMPLETED)
            if not told.done():
                held.result()
            return await told
        finally:
            for task in (told, held):
                task.cancel()
            await asyncio.gather(told, held, return_exceptions=True)

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
