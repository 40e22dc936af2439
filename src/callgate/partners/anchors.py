"""An anchor a day to everybody who is to hold this ledger to what it said.

Whoever can sign can sign everything anew, but not what others hold. That an anchor went out is a delivery like any
other, told again until it arrived, and in the ledger."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from callgate.clock import Clock
from callgate.core.events import Json
from callgate.stores.errors import LedgerUnavailable
from callgate.stores.ledger import Ledger
from callgate.stores.outbox import Outbox

log = structlog.stdlib.get_logger()

LOOK_EVERY_S = 600.0


async def keep_anchors(
    ledger: Ledger, outbox: Outbox, clock: Clock, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Put an anchor into every queue that wants one, once a day (UTC), until cancelled."""
    while True:
        try:
            await put_anchor(ledger, outbox, clock)
        except LedgerUnavailable as error:
            log.warning("no-anchor", error=str(error))
        await sleep(LOOK_EVERY_S)


async def put_anchor(ledger: Ledger, outbox: Outbox, clock: Clock) -> tuple[str, ...]:
    """Put today's anchor into the queues that have none of today; whose they are. Raises `LedgerUnavailable`."""
    wanting = await outbox.without_anchor(clock())
    checkpoint = await ledger.checkpoint(clock()) if wanting else None
    if checkpoint is None:
        return ()
    said: dict[str, Json] = {
        "anchor": str(checkpoint.anchor),
        "ledger": ledger.identity,
        "statement": checkpoint.statement,
        "signer": checkpoint.signer.hex(),
        "signature": checkpoint.signature.hex(),
    }
    return await outbox.put_anchor(said, clock(), wanting)
