"""Counts the lists in Redis, without asking for all of the largest every few seconds.

What a call asks for is counted with its own lookup, so what is looked for here may take its time: a load is counted
whole when it is first met, and whenever there is doubt about it; after that a stretch of it at each check, in turn.
"""

from collections.abc import AsyncIterator, Iterable

from callgate.stores.cache.keys import Keys
from callgate.stores.cache.nodes import Client
from callgate.stores.lists.indexes import Indexes
from callgate.stores.lists.inforce import Loaded, count, count_in, has_index

STRETCH = 1000
"""Chunks: about a millisecond of Redis's time."""


class Patrol:
    """The rounds over the lists of one Redis."""

    def __init__(self, redis: Client, keys: Keys, indexes: Indexes) -> None:
        self._redis = redis
        self._keys = keys
        self._indexes = indexes
        self._next: dict[Loaded, int] = {}

    def doubt(self, loaded: Loaded) -> None:
        """Have this load counted whole at the next check."""
        self._next.pop(loaded, None)

    async def short(self, in_force: Iterable[Loaded]) -> AsyncIterator[tuple[Loaded, int]]:
        """The loads that are found short of numbers, and how many Redis holds of each. Raises what redis-py raises."""
        self._next = {loaded: self._next[loaded] for loaded in in_force if loaded in self._next}
        for loaded in in_force:
            if loaded in self._next and await self._stretch_is_whole(loaded):
                continue
            held = await count(self._redis, self._keys, loaded)
            if held < loaded.count:
                self.doubt(loaded)
                yield loaded, held
            else:
                self._next[loaded] = 0

    async def _stretch_is_whole(self, loaded: Loaded) -> bool:
        index = await self._indexes.of(loaded)
        if index is None or not await has_index(self._redis, self._keys, loaded):
            return False
        part = range(self._next[loaded], min(self._next[loaded] + STRETCH, len(index)))
        self._next[loaded] = part.stop if part.stop < len(index) else 0
        expected = sum(chunk.size for chunk in index.chunks(part))
        return await count_in(self._redis, self._keys, loaded, index, part) == expected
