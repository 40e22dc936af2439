"""Compares every entry of the cache with the truth: lists with their files, objections and consents with the ledger.

Calls go on meanwhile, and so do objections. So the tokens are read first and the ledger is replayed afterwards: it then
holds everything that the cache was told, and what came in since the cache's mark was read may be there or not. What is
replaced as a whole meanwhile, a list or the objections, cannot be compared, and that is said.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from callgate.stores.cache.connection import store, text
from callgate.stores.cache.filling import names
from callgate.stores.cache.nodes import Client
from callgate.stores.cache.readiness import OBJECTIONS, Progress
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.errors import StoreBusy
from callgate.stores.ledger import Ledger
from callgate.stores.lists.file import Filled, ListFile
from callgate.stores.lists.inforce import Loaded, directory, read_index

AT_ONCE = 16
"""Sets that are read with one round trip."""
NOT_LOADED = "not in Redis; run `callgate cache rebuild`"
NO_FILE = "there is no file of the version that is in force; import the list again"


@dataclass(frozen=True, slots=True)
class Compared:
    """One part of the cache beside the truth: how many entries are right, how many it lacks and has in excess.

    `note` says why it could not be compared, where it could not.
    """

    part: str
    right: int
    missing: int
    extra: int
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether the cache holds exactly what it should."""
        return not (self.missing or self.extra or self.note)


async def verify(
    cache: SuppressionCache, ledger: Ledger, lists: Iterable[ListFile], progress: Progress = lambda *_: None
) -> AsyncIterator[Compared]:
    """Compare everything, a part at a time. Nothing is changed.

    Raises `StoreBusy` where a part was replaced meanwhile, `NotReady`, `StoreUnavailable`, `LedgerUnavailable`,
    `ListRefused` for a damaged file.
    """
    files = {file.of.id: file for file in lists}
    async with store("reading which lists are in force"):
        in_force = await directory(cache.redis, cache.keys)
    for name in sorted({*files, *in_force}):
        yield await _verify_list(cache, name, files.get(name), in_force.get(name), progress)
    yield await _verify_objections(cache, ledger, progress)


async def _verify_list(
    cache: SuppressionCache, name: str, file: ListFile | None, loaded: Loaded | None, progress: Progress
) -> Compared:
    if loaded is None:
        return Compared(name, 0, file.count if file else 0, 0, NOT_LOADED)
    if file is None or file.of != loaded.of:
        return Compared(name, 0, 0, 0, NO_FILE)
    right = missing = extra = chunks = 0
    async with store(f"verifying the list {name}"):
        indexed = await read_index(cache.redis, cache.keys, loaded) == file.index()
        for block in _blocks(file.filled()):
            held = await _sets(
                cache.redis,
                [cache.keys.chunk(name, loaded.load, at) for at in range(chunks, chunks + len(block))],
            )
            for (chunk, offsets), members in zip(block, held, strict=True):
                expected = {offset - chunk.bias for offset in offsets}
                right += len(expected & members)
                missing += len(expected - members)
                extra += len(members - expected)
            chunks += len(block)
            progress(name, right + missing, file.count)
        if (await directory(cache.redis, cache.keys)).get(name) != loaded:
            raise StoreBusy(f"the list {name} was replaced while it was verified; verify again")
    # Without its index none of the numbers can be found.
    return Compared(name, right, missing, extra) if indexed else Compared(name, 0, file.count, extra)


def _blocks(filled: Iterator[Filled]) -> Iterator[list[Filled]]:
    while block := [*islice(filled, AT_ONCE)]:
        yield block


async def _verify_objections(cache: SuppressionCache, ledger: Ledger, progress: Progress) -> Compared:
    generation, mark = await cache.generation_and_mark()
    held = await _held(cache, generation)
    expected: dict[_Place, str] = {}
    moving: set[_Place] = set()
    async for batch in ledger.suppressions():
        for entry in batch:
            for command, key, member, value in cache.changes(entry, generation):
                place = key, str(member)
                if (entry.mark or 0) > mark:
                    moving.add(place)
                elif command in ("SADD", "HSET"):
                    expected[place] = value
                else:
                    expected.pop(place, None)
        progress(OBJECTIONS, batch[-1].mark or 0, mark)
    if (await cache.generation_and_mark())[0] != generation:
        raise StoreBusy("the objections were rebuilt while they were verified; verify again")
    right = len(held.items() & expected.items())
    missing = sum(place not in moving for place, _ in expected.items() - held.items())
    extra = sum(place not in moving for place, _ in held.items() - expected.items())
    return Compared(OBJECTIONS, right, missing, extra)


_Place = tuple[str, str]
"""A key of Redis and a member or field there."""


async def _held(cache: SuppressionCache, generation: str) -> dict[_Place, str]:
    """All objections, and all consents with their values, of a generation."""
    held: dict[_Place, str] = {}
    consents = cache.keys.consents(generation)
    async with store("reading its objections"):
        async for batch in names(cache.redis, cache.keys.generation(generation)):
            keys = [key for key in batch if key != cache.keys.mark(generation)]
            for first in range(0, len(keys), AT_ONCE):
                some = keys[first : first + AT_ONCE]
                for key, entries in zip(some, await _entries(cache.redis, some, consents), strict=True):
                    held |= {(key, member): value for member, value in entries.items()}
    return held


async def _entries(redis: Client, keys: Sequence[str], consents: str) -> list[dict[str, str]]:
    """What sets hold, each with "", and what hashes hold, which are the keys that begin with `consents`."""
    async with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            if key.startswith(consents):
                pipe.hgetall(key)
            else:
                pipe.smembers(key)
        answers = await pipe.execute()
    return [
        {text(field): text(value) for field, value in answer.items()}
        if isinstance(answer, dict)
        else {text(member): "" for member in answer}
        for answer in answers
    ]


async def _sets(redis: Client, keys: Sequence[str]) -> list[set[int]]:
    async with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.smembers(key)
        return [set(map(int, members)) for members in await pipe.execute()]
