"""Appends events, many at once, until it is killed; writes a line for each one that was acknowledged.

Usage: appender.py LEDGER_URL
"""

import asyncio
import sys
from datetime import UTC, datetime
from itertools import count

from callgate.core.events import Event, Kind
from callgate.stores.ledger import Ledger
from tests.stores.conftest import LEDGER_KEYS

AT_ONCE = 200


def now() -> datetime:
    return datetime.now(UTC)


async def main(url: str) -> None:
    ledger = await Ledger.open(url, "child", now, keys=LEDGER_KEYS, tokens=lambda _: (), append_within=30)
    numbers = count()

    async def append_forever() -> None:
        while True:
            n = next(numbers)
            pair = [
                Event(kind, now(), f"call-{n}", f"+3247{n:07}", "futura") for kind in (Kind.CONSENT, Kind.CONNECTED)
            ]
            await ledger.append(pair)
            print(f"call-{n}", flush=True)

    await asyncio.gather(*(append_forever() for _ in range(AT_ONCE)))


asyncio.run(main(sys.argv[1]))
