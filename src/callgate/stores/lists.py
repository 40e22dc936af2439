"""National lists in Redis: the directory of those in force, and how a new one comes into force.

A list is filled under a fresh name beside the one in force, counted, and then put in force by a single write to the
directory. Until that write a crash leaves nothing that anyone would ask; the next load of the list sweeps it away.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from redis.asyncio import Redis

from callgate.stores.connection import store, text
from callgate.stores.encoding import place
from callgate.stores.errors import ListRefused, StoreBusy
from callgate.stores.filling import filling, names, sweep
from callgate.stores.keys import Keys, named
from callgate.stores.listfile import ListVersion, blocks
from callgate.stores.scripts import PUBLISH_LIST, run


@dataclass(frozen=True, slots=True)
class Loaded:
    """A list in force: which version, how many numbers, and the name of the load that holds them."""

    of: ListVersion
    count: int
    load: str

    def to_json(self) -> str:
        """Its entry in the directory."""
        return json.dumps(
            {
                "country": self.of.country,
                "version": self.of.version,
                "scrubbed_at": self.of.scrubbed_at.isoformat(),
                "count": self.count,
                "load": self.load,
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, list_id: str, entry_json: bytes | str) -> "Loaded":
        """Read an entry of the directory. Raises ValueError or KeyError for one that is not ours."""
        entry = json.loads(entry_json)
        scrubbed_at = datetime.fromisoformat(entry["scrubbed_at"])
        return cls(ListVersion(list_id, entry["country"], entry["version"], scrubbed_at), entry["count"], entry["load"])


async def directory(redis: Redis, keys: Keys) -> Mapping[str, Loaded]:
    """The lists in force. Raises ValueError or KeyError where an entry is not ours."""
    return read_directory(await redis.hgetall(keys.lists))


def read_directory(entries: Mapping[bytes | str, bytes | str]) -> dict[str, Loaded]:
    """The lists in force, from the hash that names them."""
    return {text(list_id): Loaded.from_json(text(list_id), entry) for list_id, entry in entries.items()}


async def load_list(redis: Redis, keys: Keys, of: ListVersion, numbers: Iterable[int]) -> Loaded:
    """Fill a new version of a list, count it, put it in force, and remove the old one.

    `numbers` are E.164 digits as integers, strictly increasing. Whatever fails, the version in force stays so. Raises
    `ListRefused`, `StoreBusy`, `StoreUnavailable`.
    """
    list_id = named("list", of.id)
    async with filling(redis, keys.loading(list_id)) as right, store(f"loading the list {list_id}"):
        await _sweep(redis, keys, list_id)
        given = 0
        for block in blocks(numbers):
            await right.renew()
            await _add(redis, keys, list_id, right.name, block)
            given += len(block)
        held = await count(redis, keys.load(list_id, right.name))
        if held != given:
            raise ListRefused(f"of {given} numbers of {list_id} {held} arrived in Redis; load the list again")
        loaded = Loaded(of, given, right.name)
        entry = [right.name, list_id, loaded.to_json()]
        if not await run(redis, PUBLISH_LIST, [right.lock, keys.lists], entry):
            raise StoreBusy(f"another process took over loading {list_id}; look at what is in force, then try again")
        await _sweep(redis, keys, list_id)
    return loaded


async def count(redis: Redis, beginning: str) -> int:
    """How many members all the sets hold whose keys begin so."""
    seen: set[str] = set()
    members = 0
    async for batch in names(redis, beginning):
        fresh = set(batch) - seen
        seen |= fresh
        async with redis.pipeline(transaction=False) as pipe:
            for key in fresh:
                pipe.scard(key)
            members += sum(await pipe.execute())
    return members


async def _add(redis: Redis, keys: Keys, list_id: str, load: str, block: Sequence[int]) -> None:
    async with redis.pipeline(transaction=False) as pipe:
        for chunk, places in groupby(map(place, block), key=lambda place: place[0]):
            pipe.sadd(keys.chunk(list_id, load, chunk), *(member for _, member in places))
        await pipe.execute()


async def _sweep(redis: Redis, keys: Keys, list_id: str) -> None:
    """Remove every load of the list but the one in force: an older version, or what a crash left half filled."""
    entry = await redis.hget(keys.lists, list_id)
    in_force = keys.load(list_id, Loaded.from_json(list_id, entry).load) if entry else None
    await sweep(redis, keys.load(list_id), lambda key: in_force is not None and key.startswith(in_force))
