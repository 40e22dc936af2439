"""Checkpoints on a schedule: what no checkpoint covers yet, whoever can write to the database can still make anew."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger.ledger import Ledger

log = structlog.stdlib.get_logger()

CHECKPOINT_EVERY_S = 300.0


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
