"""What filling the store takes, whether with a list or with objections: one process at a time, and no litter."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from callgate.stores.cache.connection import store, text
from callgate.stores.cache.nodes import Client, ask, primaries
from callgate.stores.cache.scripts import RELEASE, RENEW, run
from callgate.stores.errors import StoreBusy, StoreUnavailable

LOCK_MS = 30_000
"""How long after its last sign of life a process that fills is taken for dead."""
SCAN_COUNT = 1000
"""Keys that are looked at, and at most removed, by one command: less than half a millisecond of Redis's time."""
NAME_BYTES = 6
"""48 random bits in 8 characters: no two loads of a list, or generations, ever have the same name."""


@dataclass(frozen=True, slots=True)
class Filling:
    """The right to fill, and the fresh name under which to do it. Whoever puts the result in force checks `lock`."""

    redis: Client
    lock: str
    name: str

    async def renew(self) -> None:
        """Say that the work goes on. Raises `StoreBusy` when the right has passed to another process."""
        if not await run(self.redis, RENEW, [self.lock], [self.name, LOCK_MS]):
            raise StoreBusy(
                f"{self.lock} was lost while it was held, by a pause of {LOCK_MS} ms or a restart; try again"
            )


@asynccontextmanager
async def filling(redis: Client, lock: str) -> AsyncIterator[Filling]:
    """Take the right to fill for as long as the block lasts. Raises `StoreBusy`, `StoreUnavailable`."""
    name = secrets.token_urlsafe(NAME_BYTES)
    async with store("taking the lock to fill it"):
        await redis.set(lock, name, nx=True, px=LOCK_MS)
        # Read back, because the answer to a SET that was sent twice says only what the second one did.
        holder = await redis.get(lock)
    if holder is None or text(holder) != name:
        raise StoreBusy(f"another process holds {lock}; wait until it is done, at most {LOCK_MS // 1000} s if it died")
    try:
        yield Filling(redis, lock, name)
    finally:
        with suppress(StoreUnavailable):
            async with store("releasing the lock"):
                await run(redis, RELEASE, [lock], [name])


async def names(redis: Client, beginning: str) -> AsyncIterator[list[str]]:
    """The keys that begin so, in batches. A key may come twice (SCAN's guarantee goes no further)."""
    for node in await primaries(redis):
        cursor = -1
        while cursor:
            cursor, found = await ask(
                redis, node, "SCAN", max(0, cursor), "MATCH", f"{beginning}*", "COUNT", SCAN_COUNT
            )
            if found:
                yield [text(key) for key in found]


async def sweep(redis: Client, beginning: str, keep: Callable[[str], bool]) -> None:
    """Remove the keys that begin so, except those to `keep`. Redis frees the memory in its own time (UNLINK)."""
    async for batch in names(redis, beginning):
        if gone := [key for key in batch if not keep(key)]:
            await redis.unlink(*gone)
