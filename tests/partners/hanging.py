"""A process that tells a partner who never answers: says `asked` once it does, and waits to be killed."""

import asyncio
import sys
from collections.abc import Sequence

from callgate.core.partners import Item, Reply
from callgate.partners.courier import Courier
from callgate.stores.outbox import Outbox
from tests.partners.partner import CRM, Moved
from tests.stores.conftest import open_at


async def hang(items: Sequence[Item]) -> Reply:
    print("asked", flush=True)
    await asyncio.Event().wait()
    return Reply(frozenset(), {})


async def main(url: str) -> None:
    clock = Moved()
    outbox = Outbox(await open_at(url, "north"), [CRM], clock)
    await Courier(outbox, {"crm": hang}, clock=clock, alarm=lambda *_: None).step(CRM)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
