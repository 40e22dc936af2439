"""What the ledger does by itself: checkpoints every few minutes, retention every night.

What no checkpoint covers yet, whoever can write to the database can still make anew.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from callgate.core.retention import Terms
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger.ledger import Ledger
from callgate.stores.ledger.upkeep import retain

log = structlog.stdlib.get_logger()

CHECKPOINT_EVERY_S = 300.0
QUIET_HOUR = 3
"""Of the local day: when retention begins."""


async def keep_checkpoints(ledger: Ledger, clock: Callable[[], datetime], every: float = CHECKPOINT_EVERY_S) -> None:
    """Sign where the ledger stands now and every `every` seconds, until cancelled."""
    while True:
        await try_checkpoint(ledger, clock)
        await asyncio.sleep(every)


async def try_checkpoint(ledger: Ledger, clock: Callable[[], datetime]) -> None:
    """Sign where the ledger stands; where it cannot be written, the next checkpoint covers what this one would have."""
    try:
        await ledger.checkpoint(clock())
    except LedgerUnavailable as error:
        log.warning("no-checkpoint", error=str(error))


async def keep_terms(ledger: Ledger, clock: Callable[[], datetime], terms: Terms) -> None:
    """Remove what is past its term, every night, until cancelled."""
    while True:
        await asyncio.sleep(until_quiet(clock().astimezone()).total_seconds())
        try:
            now = clock()
            removed = await retain(ledger, terms.limits(now), now, "schedule", kept_by_law=terms.kept_by_law(now))
        except LedgerUnavailable as error:
            log.warning("no-retention", error=str(error))
        else:
            log.info("retention", removed=sum(removed.by_kind.values()))


def until_quiet(now: datetime) -> timedelta:
    """From `now`, a local time, to the next quiet hour: more than nothing, and a day at most."""
    quiet = now.replace(hour=QUIET_HOUR, minute=0, second=0, microsecond=0)
    return quiet - now if quiet > now else quiet + timedelta(days=1) - now
