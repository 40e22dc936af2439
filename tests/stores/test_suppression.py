import asyncio
import os
import secrets
import traceback
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from callgate.core.events import Event
from callgate.core.gate import Facts, Hit, ListState, Scope
from callgate.core.law import Contacts
from callgate.stores.cache.connection import text
from callgate.stores.cache.filling import filling
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.readiness import rebuild
from callgate.stores.cache.suppression import Found, Query, SuppressionCache
from callgate.stores.encoding import TokenKey, TokenKeys
from callgate.stores.errors import Behind, NotReady, StoreBusy, StoreUnavailable, Why
from callgate.stores.ledger import Ledger
from callgate.stores.lists.inforce import load_list
from tests.stores.conftest import ANNA, BRAM, NOW, TOKENS, filed, objection, open_ledger, removal, verdict
from tests.stores.servers import RedisServer

pytestmark = pytest.mark.server

UNKNOWN_TO_ALL = Facts((), {}, contacts=Contacts())
SOLAR = Query(ANNA, "futura", "solar", ("be-dncm",))


async def hits(cache: SuppressionCache, query: Query = SOLAR) -> set[Scope]:
    return {hit.scope for hit in (await cache.lookup(query)).facts.hits}


@pytest.mark.parametrize(
    ("event", "mine", "my_other_campaign", "another_companys"),
    [
        (objection(), {Scope.CONTROLLER}, {Scope.CONTROLLER}, set()),
        (objection(scope="controller"), {Scope.CONTROLLER}, {Scope.CONTROLLER}, set()),
        (objection(scope="campaign", campaign="solar"), {Scope.CAMPAIGN}, set(), set()),
        (objection(scope="all"), {Scope.ALL}, {Scope.ALL}, {Scope.ALL}),
        (objection(controller=None, scope="all"), {Scope.ALL}, {Scope.ALL}, {Scope.ALL}),
        (objection(BRAM), set(), set(), set()),
    ],
)
async def test_an_objection_speaks_against_the_calls_of_its_scope_and_no_others(
    cache: SuppressionCache,
    ledger: Ledger,
    event: Event,
    mine: set[Scope],
    my_other_campaign: set[Scope],
    another_companys: set[Scope],
) -> None:
    await cache.apply((await ledger.append([event])).entries)
    assert await hits(cache) == mine
    assert await hits(cache, replace(SOLAR, campaign="heat")) == my_other_campaign
    assert await hits(cache, replace(SOLAR, controller="acme")) == another_companys


async def test_a_lookup_tells_hits_lists_and_how_far_it_follows_the_ledger(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    await load_list(redis, keys, filed(tmp_path, [int(ANNA[1:])]))
    committed = await ledger.append([verdict(), objection(), objection(scope="all")])
    assert await cache.apply(committed.entries) == committed.mark == 2
    expected = (
        Hit(Scope.ALL, "objection"),
        Hit(Scope.CONTROLLER, "objection"),
        Hit(Scope.NATIONAL, "be-dncm"),
    )
    facts = Facts(expected, {"be-dncm": ListState("2026-11-24", NOW)}, contacts=Contacts())
    assert await cache.lookup(SOLAR) == Found(facts, 2)


async def test_a_list_counts_only_for_calls_that_it_binds_and_one_never_loaded_is_missing(
    cache: SuppressionCache, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    await load_list(redis, keys, filed(tmp_path, [int(ANNA[1:])]))
    assert (await cache.lookup(replace(SOLAR, lists=()))).facts == UNKNOWN_TO_ALL
    assert (await cache.lookup(replace(SOLAR, lists=("nl-x",)))).facts == UNKNOWN_TO_ALL


async def test_a_removal_lifts_the_objection_of_its_scope_only(cache: SuppressionCache, ledger: Ledger) -> None:
    await cache.apply((await ledger.append([objection(), objection(scope="all")])).entries)
    await cache.apply((await ledger.append([removal()])).entries)
    assert await hits(cache) == {Scope.ALL}


async def test_an_entry_whose_predecessor_is_missing_is_not_taken_until_the_cache_caught_up(
    cache: SuppressionCache, ledger: Ledger
) -> None:
    await ledger.append([objection()])
    later = await ledger.append([objection(BRAM)])
    with pytest.raises(Behind, match="holds the ledger up to mark 0 and cannot take mark 2"):
        await cache.apply(later.entries)
    assert await hits(cache, replace(SOLAR, number=BRAM)) == set()
    assert await cache.catch_up(ledger) == 2
    assert await hits(cache) == await hits(cache, replace(SOLAR, number=BRAM)) == {Scope.CONTROLLER}


async def test_a_removal_that_comes_late_does_not_lift_the_newer_objection(
    cache: SuppressionCache, ledger: Ledger
) -> None:
    await cache.apply((await ledger.append([objection()])).entries)
    lifted = await ledger.append([removal()])
    again = await ledger.append([objection()])
    with pytest.raises(Behind):
        await cache.apply(again.entries)
    await cache.catch_up(ledger)
    await cache.apply(lifted.entries)
    assert await hits(cache) == {Scope.CONTROLLER}


async def test_an_old_cache_shows_by_its_mark_that_a_newer_objection_exists(
    cache: SuppressionCache, ledger: Ledger
) -> None:
    found = await cache.lookup(SOLAR)
    await ledger.append([objection()])
    assert found.mark < (await ledger.append([verdict()])).mark


EVENTS = st.lists(st.tuples(st.sampled_from([ANNA, BRAM]), st.sampled_from(["futura", "acme"]), st.booleans()))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, data=st.data())
async def test_however_entries_arrive_the_cache_ends_as_the_ledger_says(
    events: list[tuple[str, str, bool]], data: st.DataObject, redis: Redis, tmp_path: Path
) -> None:
    order = data.draw(st.permutations(range(len(events))))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(events)), max_size=4)))
    fresh = secrets.token_hex(4)
    (tmp_path / fresh).mkdir()
    ledger = await open_ledger(tmp_path / fresh)
    cache = SuppressionCache(redis, Keys(f"{fresh}:"), TOKENS, ledger.identity, answer_within=5)
    await rebuild(cache, ledger)

    made = [(objection if objects else removal)(number, whose) for number, whose, objects in events]
    entries = (await ledger.append(made)).entries
    # One at a time in any order, then runs that overlap what is held, then all that is left.
    for taken in [[entries[at]] for at in order] + [entries[a:b] for a, b in pairwise(cuts)]:
        with suppress(Behind):
            await cache.apply(taken)
    assert await cache.catch_up(ledger) == len(events)

    standing = {(number, whose): objects for number, whose, objects in events}
    for number, whose in product((ANNA, BRAM), ("futura", "acme")):
        found = await hits(cache, Query(number, whose, "x"))
        assert found == ({Scope.CONTROLLER} if standing.get((number, whose)) else set())
    await ledger.close()


async def test_an_objection_is_not_entered_into_a_cache_that_is_no_longer_in_force(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys
) -> None:
    await cache.lookup(SOLAR)
    await redis.set(keys.epoch, "another/layout/generation")
    with pytest.raises(NotReady):
        await cache.apply((await ledger.append([objection()])).entries)
    assert not [key for key in await redis.keys(f"{keys.prefix}*tokens:*") if not text(key).endswith("mark")]


async def test_lookups_under_another_key_miss_nothing_while_both_are_alive(
    cold: SuppressionCache, ledger: Ledger
) -> None:
    await ledger.append([objection()])
    cold.tokens = TokenKeys((TokenKey("k2", b"\2" * 32), *TOKENS.keys))
    await rebuild(cold, ledger)
    assert await hits(cold) == {Scope.CONTROLLER}
    await cold.apply((await ledger.append([removal()])).entries)
    assert await hits(cold) == set()


async def test_two_processes_never_fill_the_same_thing_at_once(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, keys: Keys, tmp_path: Path
) -> None:
    file = filed(tmp_path, [1])
    async with filling(redis, keys.loading("be-dncm")), filling(redis, keys.rebuild):
        with pytest.raises(StoreBusy, match="another process holds"):
            await load_list(redis, keys, file)
        with pytest.raises(StoreBusy, match="another process holds"):
            await rebuild(cache, ledger)
    await load_list(redis, keys, file)
    assert await rebuild(cache, ledger) == ()


async def test_who_lost_the_right_to_fill_can_no_longer_renew_it(redis: Redis, keys: Keys) -> None:
    async with filling(redis, keys.rebuild) as right:
        await right.renew()
        await redis.set(keys.rebuild, "another")
        with pytest.raises(StoreBusy, match="was lost"):
            await right.renew()
    assert await redis.get(keys.rebuild) == b"another"


async def test_a_redis_that_is_down_makes_the_answer_unknown_and_heals_by_itself(
    server: RedisServer, cache: SuppressionCache, ledger: Ledger
) -> None:
    await server.stop()
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="looking up a number: ConnectionError"):
            await cache.lookup(SOLAR)
    with pytest.raises(StoreUnavailable, match="entering an objection"):
        await cache.apply((await ledger.append([objection()])).entries)
    await server.start()
    with pytest.raises(NotReady) as raised:
        await cache.lookup(SOLAR)
    assert raised.value.unready.why is Why.EMPTY
    assert await rebuild(cache, ledger) == ()
    assert await hits(cache) == {Scope.CONTROLLER}


async def test_a_restart_heals_at_the_first_lookup_however_many_connections_it_broke(
    server: RedisServer, cache: SuppressionCache, ledger: Ledger
) -> None:
    await asyncio.gather(*(cache.lookup(SOLAR) for _ in range(10)))
    await server.restart()
    outcomes = await asyncio.gather(*(cache.lookup(SOLAR) for _ in range(10)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {NotReady}
    await rebuild(cache, ledger)
    await asyncio.gather(*(cache.lookup(SOLAR) for _ in range(10)))


async def test_a_connection_that_breaks_in_mid_command_gets_a_second_chance(
    cache: SuppressionCache, ledger: Ledger, redis: Redis
) -> None:
    committed = await ledger.append([objection()])
    await redis.client_pause(10_000, all=False)
    applying = asyncio.create_task(cache.apply(committed.entries))
    async with asyncio.timeout(5):
        while not (await redis.info("clients"))["blocked_clients"]:
            pass
    await redis.client_kill_filter(_type="normal", skipme=True)
    await redis.client_unpause()
    assert await applying == 1
    assert await hits(cache) == {Scope.CONTROLLER}


async def test_a_redis_that_hangs_is_given_up_and_its_late_answers_confuse_nobody(
    server: RedisServer, cache: SuppressionCache, ledger: Ledger
) -> None:
    await cache.apply((await ledger.append([objection()])).entries)
    cache._within = 0.05
    server.freeze()
    async with asyncio.timeout(1):
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="did not answer in time"):
                await cache.lookup(replace(SOLAR, number=BRAM))
    server.thaw()
    cache._within = 5
    for _ in range(5):
        assert await hits(cache) == {Scope.CONTROLLER}
        assert await hits(cache, replace(SOLAR, number=BRAM)) == set()


@pytest.mark.parametrize("command", ["sismember", "get", "evalsha"])
async def test_a_redis_that_refuses_makes_the_answer_unknown_and_no_error_repeats_the_number(
    cache: SuppressionCache, ledger: Ledger, redis: Redis, command: str
) -> None:
    await cache.lookup(SOLAR)
    await redis.acl_setuser("default", commands=[f"-{command}"])
    failed = []
    for attempt in (cache.lookup(SOLAR), cache.apply((await ledger.append([objection()])).entries)):
        try:
            await attempt
        except StoreUnavailable as error:
            failed.append("".join(traceback.format_exception(error)))
    assert failed
    assert not any(ANNA[1:] in shown or "SISMEMBER" in shown for shown in failed)


async def test_a_redis_that_forgot_its_scripts_is_told_them_again(
    cache: SuppressionCache, ledger: Ledger, redis: Redis
) -> None:
    await cache.apply((await ledger.append([objection()])).entries)
    await redis.script_flush()
    assert await hits(cache) == {Scope.CONTROLLER}


async def test_a_read_only_replica_takes_no_objection(cache: SuppressionCache, ledger: Ledger, redis: Redis) -> None:
    # Nothing listens there: a replica that lost its primary still refuses writes.
    await redis.replicaof("127.0.0.1", str(os.getpid() % 1000 + 1))
    with pytest.raises(StoreUnavailable, match="ReadOnlyError"):
        await cache.apply((await ledger.append([objection()])).entries)


async def test_redis_never_holds_the_number_of_a_person_who_objected(
    cache: SuppressionCache, ledger: Ledger, redis: Redis
) -> None:
    await cache.apply((await ledger.append([objection()])).entries)
    held = b""
    async for key in redis.scan_iter():
        held += key + (await redis.dump(key) or b"")
    assert held
    assert ANNA[1:].encode() not in held
    assert int(ANNA[1:]).to_bytes(8, "little") not in held
