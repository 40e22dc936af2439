"""National lists in Redis: the directory of those in force, and how a new one comes into force.

A list is filled under a fresh name beside the one in force, counted, and then put in force by a single write to the
directory. Until that write a crash leaves nothing that anyone would ask; the next load of the list sweeps it away.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from callgate.stores.cache.bulk import send, words
from callgate.stores.cache.connection import store, text
from callgate.stores.cache.filling import filling, sweep
from callgate.stores.cache.keys import Keys, named
from callgate.stores.cache.nodes import Client
from callgate.stores.cache.scripts import DISCARD_LIST, PUBLISH_LIST, run
from callgate.stores.errors import ListRefused, StoreBusy
from callgate.stores.lists.file import Filled, ListFile, ListVersion
from callgate.stores.lists.index import ENTRY_BYTES, Index

BLOCK = 200
"""Chunks between two signs of life. They are read from the file in one go, about a millisecond in which calls wait."""

Progress = Callable[[int], None]
"""Told how many numbers have arrived so far."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A list in force: which version, how many numbers in how many chunks, and the name of the load that holds them."""

    of: ListVersion
    count: int
    chunks: int
    load: str

    def to_json(self) -> str:
        """Its entry in the directory."""
        fields = self.of.to_fields() | {"count": self.count, "chunks": self.chunks, "load": self.load}
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def from_json(cls, entry_json: bytes | str) -> "Loaded":
        """Read an entry of the directory. Raises ValueError, KeyError or TypeError for one that is not ours."""
        entry = json.loads(entry_json)
        return cls(ListVersion.from_fields(entry), entry["count"], entry["chunks"], entry["load"])


async def directory(redis: Client, keys: Keys) -> Mapping[str, Loaded]:
    """The lists in force. Raises ValueError, KeyError or TypeError where an entry is not ours."""
    return read_directory(await redis.hgetall(keys.lists))


def read_directory(entries: Mapping[Any, bytes | str]) -> dict[str, Loaded]:
    """The lists in force, from the hash that names them."""
    return {text(list_id): Loaded.from_json(entry) for list_id, entry in entries.items()}


async def discard_foreign(redis: Client, keys: Keys) -> None:
    """Forget the lists whose entries cannot be read: they name nothing that could be asked."""
    for list_id, entry in (await redis.hgetall(keys.lists)).items():
        try:
            Loaded.from_json(entry)
        except (ValueError, KeyError, TypeError):
            await run(redis, DISCARD_LIST, [keys.lists], [list_id, entry])


async def load_list(redis: Client, keys: Keys, file: ListFile, progress: Progress = lambda _: None) -> Loaded:
    """Fill a new version of a list from its file, count it, put it in force, and remove the old one.

    Whatever fails, the version in force stays so. Raises `ListRefused`, `StoreBusy`, `StoreUnavailable`.
    """
    list_id = named("list", file.of.id)
    async with filling(redis, keys.loading(list_id)) as right, store(f"loading the list {list_id}"):
        await _sweep(redis, keys, list_id)
        loaded = Loaded(file.of, file.count, file.chunks, right.name)
        index, filled, given = Index(), file.filled(), 0
        while block := [*islice(filled, BLOCK)]:
            await right.renew()
            given += await send(redis, _fillings(keys, loaded, block, len(index)))
            for chunk, _ in block:
                index.add(chunk)
            progress(given)
        await redis.set(keys.index(list_id, right.name), index.to_bytes())
        held = await count(redis, keys, loaded)
        if held != file.count:
            raise ListRefused(f"of {file.count} numbers of {list_id} {held} arrived in Redis; load the list again")
        if not await run(redis, PUBLISH_LIST, [right.lock, keys.lists], [right.name, list_id, loaded.to_json()]):
            raise StoreBusy(f"another process took over loading {list_id}; look at what is in force, then try again")
        await _sweep(redis, keys, list_id)
    return loaded


async def read_index(redis: Client, keys: Keys, loaded: Loaded) -> Index | None:
    """The index of a load; None where Redis has none that fits it."""
    raw = await redis.get(keys.index(loaded.of.id, loaded.load))
    if not isinstance(raw, bytes) or len(raw) != loaded.chunks * ENTRY_BYTES:
        return None
    try:
        index = Index.from_bytes(raw)
    except ValueError:
        return None
    return index if index.count == loaded.count else None


async def has_index(redis: Client, keys: Keys, loaded: Loaded) -> bool:
    """Whether the index of a load is still there, by its length."""
    return int(await redis.strlen(keys.index(loaded.of.id, loaded.load))) == loaded.chunks * ENTRY_BYTES


async def count(redis: Client, keys: Keys, loaded: Loaded) -> int:
    """How many of a load's numbers Redis holds: none where the index is gone, without which none can be found."""
    index = await read_index(redis, keys, loaded)
    return 0 if index is None else await count_in(redis, keys, loaded, index, range(len(index)))


async def count_in(redis: Client, keys: Keys, loaded: Loaded, index: Index, part: range) -> int:
    """How many of the numbers of some chunks Redis holds; `part` are their places in the index."""
    questions = (
        (b"*2\r\n" + words(b"SCARD", keys.chunk(loaded.of.id, loaded.load, at).encode()), chunk.size)
        for at, chunk in zip(part, index.chunks(part), strict=True)
    )
    return await send(redis, questions)


def _fillings(keys: Keys, loaded: Loaded, block: Sequence[Filled], first: int) -> Iterator[tuple[bytes, int]]:
    """The commands that fill chunks, the first of which is `first` in the index."""
    for at, filled in enumerate(block, first):
        key = words(b"SADD", keys.chunk(loaded.of.id, loaded.load, at).encode())
        yield b"*%d\r\n" % (2 + filled.chunk.size) + key + _members(filled), filled.chunk.size


def _members(filled: Filled) -> bytes:
    if filled.chunk.width == 2:
        return b"".join(map(_narrow_members().__getitem__, filled.offsets))
    return words(*(b"%d" % (offset - filled.chunk.bias) for offset in filled.offsets))


@cache
def _narrow_members() -> list[bytes]:
    """What is sent for each offset in a narrow chunk: worked out once, since it is most of what loading does."""
    return [words(b"%d" % member) for member in range(-(1 << 15), 1 << 15)]


async def _sweep(redis: Client, keys: Keys, list_id: str) -> None:
    """Remove every load of the list but the one in force: an older version, or what a crash left half filled."""
    entry = await redis.hget(keys.lists, list_id)
    in_force = keys.load(list_id, Loaded.from_json(entry).load) if entry else None
    await sweep(redis, keys.load(list_id), lambda key: in_force is not None and key.startswith(in_force))
