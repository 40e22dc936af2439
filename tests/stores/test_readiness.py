import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from callgate.core.gate import Scope
from callgate.stores.cache import readiness, suppression
from callgate.stores.cache.connection import text
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.readiness import check, ensure, rebuild
from callgate.stores.cache.suppression import Query, SuppressionCache
from callgate.stores.encoding import TokenKey, TokenKeys
from callgate.stores.errors import LedgerUnavailable, ListRefused, NotReady, StoreBusy, Why
from callgate.stores.ledger import Ledger
from callgate.stores.lists.file import ListFile
from callgate.stores.lists.inforce import directory, load_list
from callgate.stores.schema import Entry
from tests.stores.conftest import ANNA, BRAM, DNCM, TOKENS, filed, objection, open_ledger
from tests.stores.servers import RedisServer

pytestmark = pytest.mark.server

SOLAR = Query(ANNA, "futura", "solar", ("be-dncm",))


@pytest.fixture
def file(tmp_path: Path) -> ListFile:
    """Three numbers, each in a chunk of its own."""
    return filed(tmp_path, [int(ANNA[1:]), int(ANNA[1:]) + 2**33, int(ANNA[1:]) + 2**34])


async def refused(cache: SuppressionCache) -> Why:
    with pytest.raises(NotReady) as raised:
        await cache.lookup(SOLAR)
    assert raised.value.unready.way_out in str(raised.value)
    return raised.value.unready.why


async def hits(cache: SuppressionCache) -> set[Scope]:
    return {hit.scope for hit in (await cache.lookup(SOLAR)).facts.hits}


async def whys(cache: SuppressionCache, ledger: Ledger) -> list[Why]:
    return [problem.why for problem in await check(cache, ledger)]


async def test_a_cache_that_was_never_checked_is_not_asked(cold: SuppressionCache) -> None:
    assert await refused(cold) is Why.UNCHECKED


async def test_an_empty_redis_never_looks_like_nobody_is_suppressed(cold: SuppressionCache, ledger: Ledger) -> None:
    assert await whys(cold, ledger) == [Why.EMPTY]
    assert await refused(cold) is Why.EMPTY


async def test_a_rebuild_makes_it_ready_with_every_objection_and_list(
    cold: SuppressionCache, ledger: Ledger, file: ListFile
) -> None:
    await ledger.append([objection(), objection(BRAM)])
    assert await rebuild(cold, ledger, [file]) == ()
    assert await hits(cold) == {Scope.CONTROLLER, Scope.NATIONAL}
    assert (await cold.lookup(SOLAR)).mark == 2


async def test_flushall_under_a_ready_cache_is_seen_by_the_next_lookup(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, file: ListFile
) -> None:
    await cache.apply((await ledger.append([objection()])).entries)
    await redis.flushall()
    assert await refused(cache) is Why.EMPTY
    with pytest.raises(NotReady):
        await cache.apply((await ledger.append([objection(BRAM)])).entries)
    assert await ensure(cache, ledger, [file]) == ()
    assert await hits(cache) == {Scope.CONTROLLER, Scope.NATIONAL}


async def test_a_restarted_redis_is_not_ready_until_it_was_rebuilt(
    server: RedisServer, cache: SuppressionCache, ledger: Ledger
) -> None:
    await cache.apply((await ledger.append([objection()])).entries)
    await server.restart()
    assert await refused(cache) is Why.EMPTY
    assert await ensure(cache, ledger) == ()
    assert await hits(cache) == {Scope.CONTROLLER}


async def test_the_cache_of_another_ledger_is_not_believed(
    cache: SuppressionCache, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = await open_ledger(tmp_path / "other")
    ours = SuppressionCache(redis, keys, TOKENS, other.identity, answer_within=5)
    assert await whys(ours, other) == [Why.FOREIGN]
    assert await refused(ours) is Why.FOREIGN
    assert await ensure(ours, other) == ()
    assert await refused(cache) is Why.FOREIGN
    await other.close()


@pytest.mark.parametrize(
    "tokens",
    [
        TokenKeys((TokenKey("k1", b"\1" * 32),)),
        TokenKeys((TokenKey("k2", b"\1" * 32), *TOKENS.keys)),
    ],
)
async def test_a_cache_filled_with_other_token_keys_is_not_believed(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, tokens: TokenKeys
) -> None:
    ours = SuppressionCache(redis, keys, tokens, ledger.identity, answer_within=5)
    assert await whys(ours, ledger) == [Why.LAYOUT]
    assert await ensure(ours, ledger) == ()


async def test_a_redis_that_may_evict_is_not_believed_until_it_is_set_right(
    cache: SuppressionCache, ledger: Ledger, redis: Redis
) -> None:
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    assert [problem.why for problem in await ensure(cache, ledger)] == [Why.EVICTING]
    assert await refused(cache) is Why.EVICTING
    await redis.config_set("maxmemory-policy", "noeviction")
    assert await ensure(cache, ledger) == ()
    await cache.lookup(SOLAR)


async def test_a_cache_behind_the_ledger_catches_up_when_it_is_checked(cache: SuppressionCache, ledger: Ledger) -> None:
    await ledger.append([objection()])
    before = [problem.why async for problem in readiness.inspect(cache, ledger, expected=1)]
    assert before == [Why.BEHIND]
    assert await whys(cache, ledger) == []
    assert await hits(cache) == {Scope.CONTROLLER}


async def test_a_cache_ahead_of_the_ledger_waits_for_a_person(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys
) -> None:
    (key,) = await redis.keys(f"{keys.prefix}*:mark")
    await redis.set(key, 7)
    assert [problem.why for problem in await ensure(cache, ledger)] == [Why.AHEAD]
    assert await refused(cache) is Why.AHEAD
    assert await rebuild(cache, ledger) == ()


async def test_a_cache_that_lost_its_mark_is_not_believed(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys
) -> None:
    await cache.lookup(SOLAR)
    (key,) = await redis.keys(f"{keys.prefix}*:mark")
    await redis.delete(key)
    assert await refused(cache) is Why.EMPTY
    assert await whys(cache, ledger) == [Why.EMPTY]


@pytest.mark.parametrize("entry", ["no json", "{}", '{"country": "BE", "version": "1", "scrubbed_at": 5}', "[]"])
async def test_a_directory_that_is_not_ours_is_not_believed(
    cache: SuppressionCache, redis: Redis, keys: Keys, entry: str
) -> None:
    await redis.hset(keys.lists, "be-dncm", entry)
    assert await refused(cache) is Why.FOREIGN


@pytest.mark.parametrize("entry", ["no json", "{}", "[]"])
async def test_a_directory_that_is_not_ours_is_written_anew(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, file: ListFile, entry: str
) -> None:
    await redis.hset(keys.lists, "be-dncm", entry)
    await redis.hset(keys.lists, "nl-bmnr", entry)
    assert await ensure(cache, ledger, [file]) == ()
    assert await hits(cache) == {Scope.NATIONAL}
    assert set(await redis.hgetall(keys.lists)) == {b"be-dncm"}


@pytest.mark.parametrize("loss", ["a chunk", "a member", "the index"])
async def test_a_list_short_of_its_count_is_not_believed_until_it_was_loaded_again(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, file: ListFile, loss: str
) -> None:
    await rebuild(cache, ledger, [file])
    load = (await directory(redis, keys))["be-dncm"].load
    lost = keys.index("be-dncm", load) if loss == "the index" else keys.chunk("be-dncm", load, 1)
    await (redis.spop(lost) if loss == "a member" else redis.delete(lost))
    (problem,) = await check(cache, ledger)
    held = 0 if loss == "the index" else 2
    assert (problem.why, f"has {held} of its 3 numbers" in problem.what) == (Why.LIST_SHORT, True)
    assert await refused(cache) is Why.LIST_SHORT
    assert await ensure(cache, ledger, [file]) == ()
    assert await hits(cache) == {Scope.NATIONAL}


async def test_a_rebuild_loads_a_list_only_where_redis_lacks_this_version(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, file: ListFile, tmp_path: Path
) -> None:
    await rebuild(cache, ledger, [file])
    before = await redis.hgetall(keys.lists)
    await rebuild(cache, ledger, [file])
    assert await redis.hgetall(keys.lists) == before
    await load_list(redis, keys, filed(tmp_path, [1], replace(DNCM, version="older")))
    await rebuild(cache, ledger, [file])
    assert (await cache.lookup(SOLAR)).facts.lists["be-dncm"].version == DNCM.version


async def test_a_damaged_list_file_makes_nothing_ready(cold: SuppressionCache, ledger: Ledger, file: ListFile) -> None:
    data = bytearray(file.path.read_bytes())
    data[-40] ^= 1
    file.path.write_bytes(data)
    with pytest.raises(ListRefused, match="damaged"):
        await rebuild(cold, ledger, [file])
    assert await whys(cold, ledger) == [Why.EMPTY]


@pytest.fixture
def held_back(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Makes replays stop after their first batch: the first event says that it got there, the second lets it go on."""
    there, go_on = asyncio.Event(), asyncio.Event()
    whole = ledger.suppressions

    async def halting(after: int = 0) -> AsyncIterator[list[Entry]]:
        async for batch in whole(after, batch=1):
            yield batch
            there.set()
            await go_on.wait()

    monkeypatch.setattr(ledger, "suppressions", halting)
    return there, go_on


async def test_while_an_empty_redis_is_rebuilt_it_is_not_ready(
    cold: SuppressionCache, ledger: Ledger, held_back: tuple[asyncio.Event, asyncio.Event]
) -> None:
    there, go_on = held_back
    cold.problems = ()
    await ledger.append([objection(BRAM), objection()])
    rebuilding = asyncio.create_task(rebuild(cold, ledger))
    await there.wait()
    assert await refused(cold) is Why.EMPTY
    go_on.set()
    assert await rebuilding == ()
    assert await hits(cold) == {Scope.CONTROLLER}


async def test_while_a_ready_cache_is_rebuilt_it_goes_on_answering_and_taking_objections(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, held_back: tuple[asyncio.Event, asyncio.Event]
) -> None:
    there, go_on = held_back
    await cache.apply((await ledger.append([objection(BRAM)])).entries)
    rebuilding = asyncio.create_task(rebuild(cache, ledger))
    await there.wait()
    assert await hits(cache) == set()
    await cache.apply((await ledger.append([objection()])).entries)
    assert await hits(cache) == {Scope.CONTROLLER}
    go_on.set()
    assert await rebuilding == ()
    assert await hits(cache) == {Scope.CONTROLLER}
    assert len({text(key).split(":")[3] for key in await redis.keys(f"{keys.prefix}*tokens:*")}) == 1


async def test_a_crowded_cache_gets_more_buckets_and_answers_meanwhile(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cache.apply((await ledger.append([objection(), objection(BRAM)])).entries)
    before = await redis.get(keys.epoch)
    assert text(before or "").endswith(".8")
    assert await ensure(cache, ledger) == ()
    assert await redis.get(keys.epoch) == before
    monkeypatch.setattr(suppression, "crowded", lambda objections, bits: objections > 1 and bits < 9)
    monkeypatch.setattr(readiness, "bits_for", lambda objections: 7 + objections)
    ensuring = asyncio.create_task(ensure(cache, ledger))
    while not ensuring.done():
        assert await hits(cache) == {Scope.CONTROLLER}
    assert await ensuring == ()
    assert text(await redis.get(keys.epoch) or "").endswith(".9")
    assert await hits(cache) == {Scope.CONTROLLER}


@pytest.mark.parametrize("generation", ["old", "old.x", "old.99"])
async def test_a_generation_of_another_version_is_not_believed(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, generation: str
) -> None:
    await redis.set(keys.epoch, f"{ledger.identity}/{TOKENS.layout}/{generation}")
    assert await refused(cache) is Why.LAYOUT
    assert await ensure(cache, ledger) == ()


async def test_a_redis_that_loses_everything_during_a_rebuild_does_not_become_ready(
    cold: SuppressionCache, ledger: Ledger, redis: Redis, held_back: tuple[asyncio.Event, asyncio.Event]
) -> None:
    there, go_on = held_back
    await ledger.append([objection(BRAM)])
    rebuilding = asyncio.create_task(rebuild(cold, ledger))
    await there.wait()
    await redis.flushall()
    go_on.set()
    with pytest.raises(StoreBusy, match="rebuild again"):
        await rebuilding
    assert await whys(cold, ledger) == [Why.EMPTY]
    assert await ensure(cold, ledger) == ()


async def test_rebuilds_that_break_off_do_not_pile_up(
    cold: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ledger.append([objection()])

    async def breaking(after: int = 0) -> AsyncIterator[list[Entry]]:
        async for batch in whole(after):
            yield batch
        raise LedgerUnavailable("the disk is gone")

    whole = ledger.suppressions
    monkeypatch.setattr(ledger, "suppressions", breaking)
    for _ in range(3):
        with pytest.raises(LedgerUnavailable):
            await rebuild(cold, ledger)
    assert len(await redis.keys(f"{keys.prefix}*tokens:*")) == 2, "one mark and one bucket"
    assert await whys(cold, ledger) == [Why.EMPTY]
