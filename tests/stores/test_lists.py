"""National lists in a real Redis: what is found in them, how they come into force, and how they are looked after."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from callgate.core.gate import Facts, Hit, ListState, Scope
from callgate.core.law import Contacts
from callgate.stores.cache import bulk, patrol
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.readiness import check, ensure, rebuild
from callgate.stores.cache.suppression import Query, SuppressionCache
from callgate.stores.errors import ListRefused, NotReady, StoreBusy, Why
from callgate.stores.ledger import Ledger
from callgate.stores.lists import indexes, inforce
from callgate.stores.lists.file import ListFile
from callgate.stores.lists.index import Index
from callgate.stores.lists.indexes import Indexes
from callgate.stores.lists.inforce import Loaded, directory, load_list
from tests.stores.conftest import ANNA, BRAM, DNCM, NOW, TOKENS, filed, objection
from tests.stores.servers import RedisServer
from tests.stores.shapes import NUMBERS, clustered, uniform

pytestmark = pytest.mark.server


def asked(number: int | str) -> Query:
    return Query(f"+{str(number).removeprefix('+')}", "futura", "solar", ("be-dncm",))


async def listed(cache: SuppressionCache, number: int | str) -> bool:
    return Hit(Scope.NATIONAL, "be-dncm") in (await cache.lookup(asked(number))).facts.hits


async def loads(redis: Redis, keys: Keys) -> dict[str, int]:
    """The loads of be-dncm of which Redis holds anything, and how many keys of each."""
    found: dict[str, int] = {}
    async for key in redis.scan_iter(f"{keys.prefix}be-dncm:*"):
        load = key.decode().split(":")[2]
        found[load] = found.get(load, 0) + 1
    return found


# What is found.


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=NUMBERS, data=st.data())
async def test_exactly_the_numbers_of_a_list_are_found(
    numbers: set[int], data: st.DataObject, redis: Redis, ledger: Ledger, tmp_path: Path
) -> None:
    keys = Keys(f"{secrets.token_hex(4)}:")
    cache = SuppressionCache(redis, keys, TOKENS, ledger.identity, answer_within=5)
    file = filed(tmp_path, numbers)
    assert await rebuild(cache, ledger, [file]) == ()
    borders = {n for chunk in file.index().chunks() for n in (chunk.base - 1, chunk.base, chunk.base + 2 * chunk.bias)}
    some = data.draw(st.sets(st.sampled_from(sorted(numbers | borders | {10})), max_size=40))
    for number in some | {n + 1 for n in some}:
        if 10 <= number < 10**15:
            assert await listed(cache, number) == (number in numbers)


@pytest.mark.parametrize(
    "numbers",
    [uniform(30_000, 30_000 * 100), uniform(30_000, 30_000 * 700), uniform(5000, 10**12), clustered(30_000)],
    ids=["uniform", "thin", "sparse", "clustered"],
)
async def test_every_set_of_a_list_is_an_intset(redis: Redis, keys: Keys, tmp_path: Path, numbers: list[int]) -> None:
    loaded = await load_list(redis, keys, filed(tmp_path, numbers))
    async with redis.pipeline(transaction=False) as pipe:
        for chunk in range(loaded.chunks):
            pipe.object("encoding", keys.chunk("be-dncm", loaded.load, chunk))
        assert set(await pipe.execute()) == {b"intset"}


async def test_a_lookup_is_one_round_trip_however_many_lists_bind_the_call(
    cache: SuppressionCache, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    other = replace(DNCM, id="be-other")
    for of in (DNCM, other):
        await load_list(redis, keys, filed(tmp_path, [int(ANNA[1:]), int(BRAM[1:])], of))
    query = replace(asked(ANNA), lists=("be-dncm", "be-other"))
    await cache.lookup(query)
    before = await redis.info("commandstats")
    found = await cache.lookup(query)
    after = await redis.info("commandstats")
    assert found.facts.hits == (Hit(Scope.NATIONAL, "be-dncm"), Hit(Scope.NATIONAL, "be-other"))
    calls = {name: stats["calls"] - before[name]["calls"] for name, stats in after.items()}
    assert {name: n for name, n in calls.items() if n} == {
        "cmdstat_info": 1, "cmdstat_evalsha": 1, "cmdstat_scard": 2, "cmdstat_sismember": 7, "cmdstat_get": 3,
        "cmdstat_hgetall": 1, "cmdstat_hget": 3, "cmdstat_hmget": 1, "cmdstat_zrange": 1, "cmdstat_exists": 1,
    }  # fmt: skip


async def test_a_number_in_no_chunks_span_is_not_listed_and_no_chunk_is_asked(
    cache: SuppressionCache, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    await load_list(redis, keys, filed(tmp_path, [int(ANNA[1:])]))
    assert await listed(cache, ANNA)
    await redis.acl_setuser("default", commands=["-scard"])
    assert not await listed(cache, int(ANNA[1:]) + 65_536)
    assert not await listed(cache, int(ANNA[1:]) - 1)


# How a list comes into force.


async def test_a_list_that_was_replaced_or_rebuilt_is_seen_at_the_next_lookup(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    await load_list(redis, keys, filed(tmp_path, [int(ANNA[1:])]))
    assert await listed(cache, ANNA)
    await load_list(redis, keys, filed(tmp_path, [int(BRAM[1:])], replace(DNCM, version="next")))
    found = await cache.lookup(asked(ANNA))
    assert found.facts == Facts((), {"be-dncm": ListState("next", NOW)}, contacts=Contacts())
    other = SuppressionCache(redis, keys, TOKENS, ledger.identity, answer_within=5)
    await ledger.append([objection()])
    await rebuild(other, ledger)
    assert {hit.scope for hit in (await cache.lookup(asked(ANNA))).facts.hits} == {Scope.CONTROLLER}


async def test_no_lookup_errs_about_a_number_while_its_list_is_replaced(
    cache: SuppressionCache, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    always, never = int(ANNA[1:]), int(ANNA[1:]) + 2
    # In each version the number lies in another chunk, among others.
    versions = [
        filed(tmp_path, {always, *range(always - many, always, step)}, replace(DNCM, version=f"{many}-{step}"))
        for many, step in ((1, 1), (30_000, 1), (3_000_000, 300), (900, 3))
    ]
    await load_list(redis, keys, versions[0])
    done = asyncio.Event()

    async def look() -> int:
        looks = 0
        while not done.is_set():
            try:
                assert await listed(cache, always)
                assert not await listed(cache, never)
                looks += 1
            except NotReady as error:
                assert error.unready.why is Why.CHANGING
        return looks

    looking = [asyncio.create_task(look()) for _ in range(8)]
    for file in versions * 3:
        await load_list(redis, keys, file)
    done.set()
    assert min(await asyncio.gather(*looking)) > 10


async def test_whoever_loads_is_told_how_far_it_is(redis: Redis, keys: Keys, tmp_path: Path) -> None:
    told: list[int] = []
    loaded = await load_list(redis, keys, filed(tmp_path, uniform(20_000, 20_000 * 10**8)), told.append)
    assert told == sorted(told)
    assert told[-1] == loaded.count == 20_000


@pytest.mark.parametrize("crash", ["damaged", "broken off"])
async def test_a_load_that_fails_leaves_the_version_in_force_and_the_next_leaves_no_litter(
    cache: SuppressionCache, redis: Redis, keys: Keys, tmp_path: Path, crash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def watch(arrived: int) -> None:
        if crash == "broken off" and arrived == bad.count:
            raise RuntimeError

    monkeypatch.setattr(inforce, "BLOCK", 50)
    await load_list(redis, keys, filed(tmp_path, [int(ANNA[1:])]))
    bad = filed(tmp_path, uniform(20_000, 10**7), replace(DNCM, version="bad"))
    if crash == "damaged":
        data = bytearray(bad.path.read_bytes())
        data[1000] ^= 1
        bad.path.write_bytes(data)
    for _ in range(3):
        with pytest.raises(ListRefused if crash == "damaged" else RuntimeError):
            await load_list(redis, keys, bad, watch)
    in_force, litter = sorted((await loads(redis, keys)).values())
    assert (in_force, litter) == (2, 162 if crash == "broken off" else 150), "failures piled up, or left nothing"
    assert await listed(cache, ANNA)
    loaded = await load_list(redis, keys, filed(tmp_path, [int(ANNA[1:])], replace(DNCM, version="next")))
    assert await loads(redis, keys) == {loaded.load: 2}


async def test_a_list_that_does_not_arrive_whole_is_not_put_in_force(
    cache: SuppressionCache, redis: Redis, keys: Keys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    counting = inforce.count

    async def count_after_a_loss(redis: Redis, keys: Keys, loaded: Loaded) -> int:
        await redis.spop(keys.chunk("be-dncm", loaded.load, 0))
        return await counting(redis, keys, loaded)

    monkeypatch.setattr(inforce, "count", count_after_a_loss)
    with pytest.raises(ListRefused, match="of 2 numbers of be-dncm 1 arrived"):
        await load_list(redis, keys, filed(tmp_path, [int(BRAM[1:]), int(ANNA[1:])]))
    assert (await cache.lookup(asked(ANNA))).facts.lists == {}


async def test_a_load_whose_place_another_took_is_not_put_in_force(
    redis: Redis, keys: Keys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def count_and_lose_the_lock(redis: Redis, keys: Keys, loaded: Loaded) -> int:
        await redis.set(keys.loading("be-dncm"), "another")
        return loaded.count

    monkeypatch.setattr(inforce, "count", count_and_lose_the_lock)
    with pytest.raises(StoreBusy, match="another process took over"):
        await load_list(redis, keys, filed(tmp_path, [int(ANNA[1:])]))
    assert await directory(redis, keys) == {}


# How lists are looked after.


@pytest.fixture
def five_chunks(tmp_path: Path) -> ListFile:
    """Five numbers, each in a chunk of its own; ANNA's is the first."""
    return filed(tmp_path, [int(ANNA[1:]) + 2**33 * n for n in range(5)])


async def test_a_chunk_that_lost_a_member_makes_the_lookup_itself_say_that_nothing_is_known(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = int(ANNA[1:]) + 2**33
    file = filed(tmp_path, [int(ANNA[1:]), int(ANNA[1:]) + 1, *(far + 2**33 * n for n in range(5))])
    monkeypatch.setattr(patrol, "STRETCH", 1)
    await rebuild(cache, ledger, [file])
    load = (await directory(redis, keys))["be-dncm"].load
    await check(cache, ledger)  # so that the round is past the first chunk, and will not come to it by itself
    await redis.spop(keys.chunk("be-dncm", load, 0))
    for number in (int(ANNA[1:]), int(ANNA[1:]) + 1, int(ANNA[1:]) + 500):
        with pytest.raises(NotReady) as raised:
            await cache.lookup(asked(number))
        assert raised.value.unready.why is Why.LIST_SHORT
    assert await listed(cache, far)
    assert [problem.why for problem in await check(cache, ledger)] == [Why.LIST_SHORT]
    assert await ensure(cache, ledger, [file]) == ()
    assert await listed(cache, ANNA)


async def test_a_check_counts_a_stretch_and_the_checks_in_turn_count_the_whole_list(
    cache: SuppressionCache,
    ledger: Ledger,
    redis: Redis,
    keys: Keys,
    five_chunks: ListFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patrol, "STRETCH", 2)
    await rebuild(cache, ledger, [five_chunks])
    counted = []
    for _ in range(4):
        await redis.config_resetstat()
        assert await check(cache, ledger) == ()
        counted.append((await redis.info("commandstats"))["cmdstat_scard"]["calls"])
    assert counted == [2, 2, 1, 2]
    load = (await directory(redis, keys))["be-dncm"].load
    for chunk in range(5):
        assert await ensure(cache, ledger, [five_chunks]) == ()
        load = (await directory(redis, keys))["be-dncm"].load
        await redis.delete(keys.chunk("be-dncm", load, chunk))
        checks = [bool(await check(cache, ledger)) for _ in range(3)]
        assert any(checks), f"the loss of chunk {chunk} was never seen"


async def test_the_loss_of_an_index_is_seen_by_whoever_has_it_in_memory(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, five_chunks: ListFile
) -> None:
    await rebuild(cache, ledger, [five_chunks])
    assert await listed(cache, ANNA)
    await redis.delete(keys.index("be-dncm", (await directory(redis, keys))["be-dncm"].load))
    assert [problem.why for problem in await check(cache, ledger)] == [Why.LIST_SHORT]


async def test_a_list_without_its_index_is_not_ready_and_is_loaded_again(
    cold: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, five_chunks: ListFile
) -> None:
    await rebuild(cold, ledger, [five_chunks])
    await redis.delete(keys.index("be-dncm", (await directory(redis, keys))["be-dncm"].load))
    with pytest.raises(NotReady):
        await cold.lookup(asked(ANNA))
    assert [problem.why for problem in await check(cold, ledger)] == [Why.LIST_SHORT]
    assert await ensure(cold, ledger, [five_chunks]) == ()
    assert await listed(cold, ANNA)


@pytest.mark.parametrize("raw", [b"", b"x" * 50, bytes(50)])
async def test_an_index_that_does_not_fit_its_load_is_not_believed(
    cold: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, five_chunks: ListFile, raw: bytes
) -> None:
    await rebuild(cold, ledger, [five_chunks])
    await redis.set(keys.index("be-dncm", (await directory(redis, keys))["be-dncm"].load), raw)
    with pytest.raises(NotReady):
        await cold.lookup(asked(ANNA))


async def test_an_index_goes_on_being_read_when_the_call_that_asked_gave_up(
    redis: Redis, keys: Keys, five_chunks: ListFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = await load_list(redis, keys, five_chunks)
    reads, begun, go_on = 0, asyncio.Event(), asyncio.Event()

    async def slow(redis: Redis, keys: Keys, loaded: Loaded) -> Index | None:
        nonlocal reads
        reads += 1
        begun.set()
        await go_on.wait()
        return await inforce.read_index(redis, keys, loaded)

    monkeypatch.setattr(indexes, "read_index", slow)
    held = Indexes(redis, keys)
    asking = asyncio.create_task(held.of(loaded))
    await begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    go_on.set()
    for _ in range(2):
        assert await held.of(loaded) == five_chunks.index()
    assert reads == 1


# The wire.


def sadd(key: bytes, *members: bytes) -> bytes:
    return b"*%d\r\n" % (2 + len(members)) + bulk.words(b"SADD", key, *members)


async def test_commands_are_all_sent_and_their_answers_added_up(redis: Redis) -> None:
    commands = [(sadd(b"s%d" % n, *(b"%d" % m for m in range(n % 7 + 1))), n % 7 + 1) for n in range(30_000)]
    assert await bulk.send(redis, commands) == sum(due for _, due in commands)
    assert await redis.dbsize() == 30_000
    assert await bulk.send(redis, []) == 0


async def test_more_than_was_expected_of_one_does_not_make_up_for_another(redis: Redis) -> None:
    assert await bulk.send(redis, [(sadd(b"a", b"1", b"2", b"3"), 1), (sadd(b"a", b"1", b"4"), 2)]) == 2


async def test_what_breaks_off_confuses_nobody_who_uses_the_connection_next(server: RedisServer, redis: Redis) -> None:
    def breaking_off() -> Iterator[tuple[bytes, int]]:
        for n in range(500):
            yield sadd(b"a", b"%d" % n), 1
        raise OSError("the source broke off")

    await redis.ping()
    server.freeze()
    with pytest.raises(OSError, match="broke off"):
        await bulk.send(redis, breaking_off())
    # The next one asks before the replies to what was sent arrive.
    asking = asyncio.ensure_future(redis.echo("mine"))
    for _ in range(50):
        await asyncio.sleep(0)
    server.thaw()
    assert await asking == b"mine"


async def test_a_refused_command_is_not_taken_for_an_answer(redis: Redis) -> None:
    await redis.set("text", "not a set")
    refused = [(sadd(b"text" if n == 5 else b"a", b"%d" % n), 1) for n in range(10)]
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await bulk.send(redis, refused)
