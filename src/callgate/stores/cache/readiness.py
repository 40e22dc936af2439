"""Whether the cache may be believed, and how it comes to be.

What a lookup sees for itself (no epoch, one of another ledger) it refuses by itself. What it cannot see is looked for
here, at start-up and from time to time: a Redis that may evict, a cache behind or ahead of the ledger, a list that has
lost numbers.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial

from callgate.stores.cache.connection import store, text
from callgate.stores.cache.contacts import FORGOTTEN
from callgate.stores.cache.filling import Filling, filling, sweep
from callgate.stores.cache.nodes import ask, primaries
from callgate.stores.cache.scripts import PUBLISH_EPOCH, run
from callgate.stores.cache.suppression import REBUILD, Epoch, SuppressionCache
from callgate.stores.encoding import bits_for, generation_of
from callgate.stores.errors import Behind, NotReady, StoreBusy, Unready, Why
from callgate.stores.ledger import Ledger, gap
from callgate.stores.lists.file import ListFile
from callgate.stores.lists.inforce import count, directory, discard_foreign, load_list

OBJECTIONS = "objections"
"""What progress calls the part that is filled from the ledger; the others are the lists."""

Progress = Callable[[str, int, int], None]
"""Told which part is at work, how many of its entries are done, and how many there are."""

SAFE_POLICY = "noeviction"
OVERTAKEN = "the rebuild was overtaken by another, or Redis restarted meanwhile; rebuild again"


async def check(cache: SuppressionCache, ledger: Ledger) -> tuple[Unready, ...]:
    """Let the cache catch up, find what is wrong with it, and let it serve only if nothing is.

    Raises `StoreUnavailable` and `LedgerUnavailable`; then what the check before found stands.
    """
    before = await ledger.mark()
    try:
        if await cache.mark() < before:
            await cache.catch_up(ledger)
    except NotReady:
        pass  # `inspect` meets the same and tells
    cache.problems = tuple([problem async for problem in inspect(cache, ledger, before)])
    return cache.problems


async def inspect(cache: SuppressionCache, ledger: Ledger, expected: int) -> AsyncIterator[Unready]:
    """Everything that is wrong with the cache; nothing is touched. `expected` is the mark that it must have reached."""
    async with store("being asked for its eviction policy"):
        policies = {
            (await ask(cache.redis, node, "INFO", "memory"))["maxmemory_policy"]
            for node in await primaries(cache.redis)
        }
    for policy in policies - {SAFE_POLICY}:
        way_out = f"set maxmemory-policy {SAFE_POLICY} in redis.conf"
        yield Unready(Why.EVICTING, f"Redis may drop entries when memory is short (maxmemory-policy {policy})", way_out)
    for problem in await gap.unready(ledger):
        yield problem
    try:
        mark = await cache.mark()
    except NotReady as error:
        yield error.unready
        return
    if mark < expected:
        yield Unready(Why.BEHIND, f"the cache is at mark {mark}, the ledger at {expected}", REBUILD)
    # The ledger's mark is read again: what was committed since `expected` may be in the cache already.
    if mark > (newest := await ledger.mark()):
        what = f"the cache is at mark {mark}, the ledger only at {newest}: was an old backup restored?"
        yield Unready(Why.AHEAD, what, f"see that no objection is missing from the ledger, then {REBUILD}")
    if not await cache.contacts.is_whole():
        yield FORGOTTEN
    async for problem in _short_lists(cache):
        yield problem


async def _short_lists(cache: SuppressionCache) -> AsyncIterator[Unready]:
    async with store("counting its lists"):
        in_force = await directory(cache.redis, cache.keys)
        async for loaded, held in cache.patrol.short(in_force.values()):
            what = f"the list {loaded.of.id} has {held} of its {loaded.count} numbers"
            yield Unready(Why.LIST_SHORT, what, REBUILD)


async def rebuild(
    cache: SuppressionCache,
    ledger: Ledger,
    lists: Iterable[ListFile] = (),
    *,
    anew: bool = False,
    progress: Progress = lambda *_: None,
) -> tuple[Unready, ...]:
    """Fill the cache anew from the ledger and the list files, then check it; returns what is still wrong.

    The objections are filled into a generation of their own, so that a cache in force serves until the new one is
    complete; an empty one stays not ready until then. Lists are loaded where Redis lacks this version or is short of
    it, and all of them where that is asked for (`anew`). Raises `StoreBusy`, `StoreUnavailable`, `LedgerUnavailable`,
    `ListRefused`.
    """
    async with store("looking for lists that are not ours"):
        await discard_foreign(cache.redis, cache.keys)
    for file in lists:
        if anew or not await _is_whole(cache, file):
            await load_list(cache.redis, cache.keys, file, partial(_tell, progress, file))
    async with filling(cache.redis, cache.keys.rebuild) as right:
        await _fill(cache, ledger, right, progress)
    await cache.contacts.rebuild(ledger)
    return await check(cache, ledger)


async def ensure(cache: SuppressionCache, ledger: Ledger, lists: Iterable[ListFile] = ()) -> tuple[Unready, ...]:
    """Make the cache ready with as little as that takes; returns what is still wrong. Raises what `rebuild` raises.

    One that is ready but crowded serves on while it is rebuilt with more buckets.
    """
    problems = await check(cache, ledger)
    if not problems and not await cache.crowded():
        return problems
    # A rebuild changes neither Redis's configuration nor a ledger that has lost events: that needs a person.
    found = {problem.why for problem in problems}
    if {Why.EVICTING, Why.AHEAD} & found or found == {Why.RESTORED}:
        return problems
    if {problem.why for problem in problems} == {Why.CONTACTS}:
        await cache.contacts.restore(ledger)
        return await check(cache, ledger)
    return await rebuild(cache, ledger, lists)


def _tell(progress: Progress, file: ListFile, arrived: int) -> None:
    progress(file.of.id, arrived, file.count)


async def _is_whole(cache: SuppressionCache, file: ListFile) -> bool:
    """Whether Redis holds as many numbers of this version of the list as there are."""
    async with store(f"looking for the list {file.of.id}"):
        loaded = (await directory(cache.redis, cache.keys)).get(file.of.id)
        as_filed = loaded is not None and (loaded.of, loaded.count) == (file.of, file.count)
        return loaded is not None and as_filed and await count(cache.redis, cache.keys, loaded) == file.count


async def _fill(cache: SuppressionCache, ledger: Ledger, right: Filling, progress: Progress) -> None:
    """Replay the whole ledger into a new generation and put it in force."""
    redis, keys = cache.redis, cache.keys
    generation = generation_of(right.name, bits_for(total := await ledger.mark()))
    reached = 0
    async with store("being rebuilt"):
        in_force = await redis.get(keys.epoch)
        old = keys.generation(text(in_force).split("/")[-1]) if in_force else None
        await sweep(redis, keys.generation(), lambda key: old is not None and key.startswith(old))
        await redis.set(keys.mark(generation), 0)
        try:
            async for batch in ledger.suppressions():
                await right.renew()
                reached = await cache.take(batch, generation, (right.lock, right.name))
                progress(OBJECTIONS, reached, max(reached, total))
        except Behind:
            raise StoreBusy(OVERTAKEN) from None
        epoch = Epoch(cache.ledger, cache.tokens.layout, generation)
        done = [right.lock, keys.mark(generation), keys.epoch]
        if not await run(redis, PUBLISH_EPOCH, done, [right.name, reached, str(epoch)]):
            raise StoreBusy(OVERTAKEN)
        await sweep(redis, keys.generation(), lambda key: key.startswith(keys.generation(generation)))
