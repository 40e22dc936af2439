"""The indexes of the lists in force, in this process's memory: each is read from Redis once, when first asked for.

That of the largest register has five megabytes, and may take longer to come than a call waits. So it is read by a task
of its own, which goes on when the call that asked first has given up.
"""

import asyncio
from collections.abc import Iterable
from functools import partial

from callgate.stores.cache.connection import store
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.nodes import Client
from callgate.stores.lists.index import Index
from callgate.stores.lists.inforce import Loaded, read_index


class Indexes:
    """The indexes in one Redis."""

    def __init__(self, redis: Client, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys
        self._readings: dict[Loaded, asyncio.Task[Index | None]] = {}

    async def of(self, loaded: Loaded) -> Index | None:
        """The index of a load; None where Redis has none that fits it. Raises `StoreUnavailable`."""
        reading = self._readings.get(loaded)
        if reading is None:
            reading = self._readings[loaded] = asyncio.create_task(self._read(loaded))
            reading.add_done_callback(partial(self._keep_if_read, loaded))
        return reading.result() if reading.done() else await asyncio.shield(reading)

    def keep_only(self, in_force: Iterable[Loaded]) -> None:
        """Forget all others."""
        kept = set(in_force)
        self._readings = {loaded: reading for loaded, reading in self._readings.items() if loaded in kept}

    async def _read(self, loaded: Loaded) -> Index | None:
        async with store(f"reading the index of {loaded.of.id}"):
            return await read_index(self._redis, self._keys, loaded)

    def _keep_if_read(self, loaded: Loaded, reading: "asyncio.Task[Index | None]") -> None:
        if reading.cancelled() or reading.exception() or reading.result() is None:
            self._readings.pop(loaded, None)
