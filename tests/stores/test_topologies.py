"""One suite for the cache on one server, behind a Sentinel and on a Cluster."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from callgate.core.events import Event, Kind
from callgate.core.gate import ListState, Scope
from callgate.core.law import Consent
from callgate.scrub.judging import CLEAR, OBJECTION, OnFile
from callgate.scrub.objections import read_objections
from callgate.stores.cache import bulk, replicas, suppression
from callgate.stores.cache.connection import connect
from callgate.stores.cache.consents import payload
from callgate.stores.cache.filling import names
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.lookup import Answers, look_up
from callgate.stores.cache.nodes import Client, ask, home, primaries
from callgate.stores.cache.readiness import check, ensure, rebuild
from callgate.stores.cache.suppression import Query, SuppressionCache
from callgate.stores.cache.verify import Compared, verify
from callgate.stores.errors import NotReady, StoreUnavailable, Why
from callgate.stores.ledger import Ledger
from callgate.stores.lists.inforce import directory, load_list
from tests.stores.conftest import ANNA, BRAM, DNCM, NOW, TOKENS, filed, objection, removal
from tests.stores.shapes import uniform
from tests.stores.topologies import NEVER, BehindSentinel, Cluster, TcpServer

pytestmark = pytest.mark.server

SOLAR = Query(ANNA, "futura", "solar", ("be-dncm",))


class Alone:
    """One server, with no replica."""

    def __init__(self) -> None:
        self.primary = TcpServer()
        self.url = f"redis://{self.primary.address}"
        self.servers = (self.primary,)

    def end(self) -> None:
        self.primary.end()


Topology = Alone | BehindSentinel | Cluster
MAKERS: dict[str, Callable[[], Topology]] = {
    "server": Alone,
    "sentinel": lambda: BehindSentinel(NEVER),
    "cluster": lambda: Cluster(NEVER),
}


@pytest.fixture(scope="module", params=list(MAKERS))
def topology(request: pytest.FixtureRequest) -> Iterator[Topology]:
    """For the tests that do it no harm."""
    made = MAKERS[request.param]()
    yield made
    made.end()


@pytest.fixture
async def client(topology: Topology) -> AsyncIterator[Client]:
    made = connect(topology.url, connect_within=5)
    yield made
    await made.aclose()


@pytest.fixture
async def cache(client: Client, ledger: Ledger, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> SuppressionCache:
    # However busy the machine is: how long is waited for a replica is no part of the contract.
    monkeypatch.setattr(replicas, "WAIT_MS", 4000)
    made = SuppressionCache(client, keys, TOKENS, ledger.identity, answer_within=5)
    assert await rebuild(made, ledger) == ()
    return made


async def hits(cache: SuppressionCache, query: Query = SOLAR) -> set[Scope]:
    return {hit.scope for hit in (await cache.lookup(query)).facts.hits}


# The contract.


async def test_objections_and_lists_are_found_and_removals_lift(
    cache: SuppressionCache, ledger: Ledger, client: Client, keys: Keys, tmp_path: Path
) -> None:
    await load_list(client, keys, filed(tmp_path, [int(ANNA[1:])]))
    await cache.apply((await ledger.append([objection()])).entries)
    found = await cache.lookup(SOLAR)
    assert {hit.scope for hit in found.facts.hits} == {Scope.CONTROLLER, Scope.NATIONAL}
    assert (found.facts.lists, found.mark) == ({"be-dncm": ListState("2026-11-24", NOW)}, 1)
    await cache.apply((await ledger.append([removal()])).entries)
    assert await hits(cache) == {Scope.NATIONAL}
    assert (await cache.lookup(replace(SOLAR, number=BRAM))).facts.hits == ()


async def test_a_large_list_is_loaded_counted_found_and_swept(
    cache: SuppressionCache, ledger: Ledger, client: Client, keys: Keys, tmp_path: Path
) -> None:
    numbers = uniform(20_000, 20_000 * 10**4)
    file = filed(tmp_path, numbers)
    loaded = await load_list(client, keys, file)
    if len(await primaries(client)) > 1:
        homes = {await home(client, keys.chunk("be-dncm", loaded.load, at)) for at in range(loaded.chunks)}
        assert len(homes) == 3, "the chunks lie on one node, and the test shows nothing"
    assert await check(cache, ledger) == ()
    for number in (numbers[0], numbers[9_999], numbers[-1]):
        assert await hits(cache, replace(SOLAR, number=f"+{number}")) == {Scope.NATIONAL}
        assert await hits(cache, replace(SOLAR, number=f"+{number + 1}")) == set()
    await cache.apply((await ledger.append([objection()])).entries)
    right = [Compared("be-dncm", 20_000, 0, 0), Compared("objections", 1, 0, 0)]
    assert [part async for part in verify(cache, ledger, [file])] == right
    loaded = await load_list(client, keys, filed(tmp_path, [int(BRAM[1:])], replace(DNCM, version="next")))
    left = [name async for batch in names(client, keys.load("be-dncm")) for name in batch]
    assert sorted(left) == sorted([keys.index("be-dncm", loaded.load), keys.chunk("be-dncm", loaded.load, 0)])


async def test_no_lookup_errs_about_a_number_while_its_list_is_replaced(
    cache: SuppressionCache, client: Client, keys: Keys, tmp_path: Path
) -> None:
    always, never = int(ANNA[1:]), int(ANNA[1:]) + 2
    versions = [
        filed(tmp_path, {always, *range(always - many, always, step)}, replace(DNCM, version=f"{many}-{step}"))
        for many, step in ((1, 1), (30_000, 1), (300_000, 300), (900, 3))
    ]
    await load_list(client, keys, versions[0])
    done = asyncio.Event()

    async def look() -> int:
        looks = 0
        while not done.is_set():
            try:
                assert await hits(cache, SOLAR) == {Scope.NATIONAL}
                assert await hits(cache, replace(SOLAR, number=f"+{never}")) == set()
                looks += 1
            except NotReady as error:
                assert error.unready.why is Why.CHANGING
        return looks

    looking = [asyncio.create_task(look()) for _ in range(4)]
    for file in versions * 3:
        await load_list(client, keys, file)
    done.set()
    assert min(await asyncio.gather(*looking)) > 5


async def test_a_chunk_that_was_swept_after_the_directory_was_read_is_no_answer(
    cache: SuppressionCache, client: Client, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order in which a Cluster may answer: the directory before the switch, the chunk after the sweep."""
    versions = [filed(tmp_path, [int(ANNA[1:])], replace(DNCM, version=version)) for version in ("old", "new")]
    await load_list(client, keys, versions[0])
    assert await hits(cache) == {Scope.NATIONAL}
    whole = look_up

    async def switched_in_between(
        redis: Client, chunks: Sequence[tuple[str, int]], gate: Sequence[str], tokens: Sequence[int]
    ) -> Answers:
        monkeypatch.undo()
        before = await whole(redis, [], gate, tokens)
        await load_list(client, keys, versions[1])
        return replace(before, chunks=(await whole(redis, chunks, gate, tokens)).chunks)

    monkeypatch.setattr(suppression, "look_up", switched_in_between)
    found = await cache.lookup(SOLAR)
    assert [hit.scope for hit in found.facts.hits] == [Scope.NATIONAL]
    assert found.facts.lists["be-dncm"].version == "new"


async def test_a_list_that_lost_a_chunk_is_not_believed_until_it_was_loaded_again(
    cache: SuppressionCache, ledger: Ledger, client: Client, keys: Keys, tmp_path: Path
) -> None:
    file = filed(tmp_path, [int(ANNA[1:]) + 2**33 * n for n in range(12)])
    await rebuild(cache, ledger, [file])
    for at in range(12):
        load = (await directory(client, keys))["be-dncm"].load
        await client.delete(keys.chunk("be-dncm", load, at))
        with pytest.raises(NotReady) as raised:
            await cache.lookup(replace(SOLAR, number=f"+{int(ANNA[1:]) + 2**33 * at}"))
        assert raised.value.unready.why is Why.LIST_SHORT
        assert [problem.why for problem in await check(cache, ledger)] == [Why.LIST_SHORT]
        assert await ensure(cache, ledger, [file]) == ()


async def test_a_rebuild_serves_meanwhile_and_leaves_one_generation(
    cache: SuppressionCache, ledger: Ledger, client: Client, keys: Keys
) -> None:
    await cache.apply((await ledger.append([objection()])).entries)
    rebuilding = asyncio.create_task(rebuild(cache, ledger))
    while not rebuilding.done():
        assert await hits(cache) == {Scope.CONTROLLER}
    assert await rebuilding == ()
    assert await hits(cache) == {Scope.CONTROLLER}
    left = [name async for batch in names(client, keys.generation()) for name in batch]
    assert len(left) == 2, "one mark and one bucket"


async def test_a_server_that_may_evict_is_found_wherever_it_is(
    cache: SuppressionCache, ledger: Ledger, client: Client
) -> None:
    for node in await primaries(client):
        await ask(client, node, "CONFIG SET", "maxmemory-policy", "allkeys-lru")
        assert [problem.why for problem in await check(cache, ledger)] == [Why.EVICTING]
        await ask(client, node, "CONFIG SET", "maxmemory-policy", "noeviction")
    assert await check(cache, ledger) == ()


async def test_servers_that_forgot_their_scripts_are_told_them_again(
    cache: SuppressionCache, ledger: Ledger, client: Client, keys: Keys, tmp_path: Path
) -> None:
    await load_list(client, keys, filed(tmp_path, [int(ANNA[1:])]))
    await cache.apply((await ledger.append([objection()])).entries)
    await client.script_flush()
    assert await hits(cache) == {Scope.CONTROLLER, Scope.NATIONAL}


async def test_leads_are_held_against_objections_and_consents(cache: SuppressionCache, ledger: Ledger) -> None:
    consent = Consent(NOW)
    consented = Event(Kind.PRIOR_CONSENT, NOW, None, BRAM, "futura", payload(consent))
    await cache.apply((await ledger.append([objection(), consented])).entries)
    numbers = np.array([int(ANNA[1:]), int(BRAM[1:])], np.uint64)
    held = await read_objections(cache, ledger, "futura", "solar")
    assert (await held.against(numbers)).tolist() == [OBJECTION, CLEAR]
    assert await held.on_file(numbers) == {1: OnFile(consent)}


async def test_what_was_sent_in_bulk_is_answered_wherever_its_key_lies(client: Client, keys: Keys) -> None:
    def sadd(n: int) -> bulk.Command:
        return b"*3\r\n" + bulk.words(b"SADD", f"{keys.prefix}{n}".encode(), b"%d" % n), 1

    assert await bulk.send(client, map(sadd, range(5000))) == 5000
    assert await bulk.send(client, map(sadd, range(5001))) == 1
    sweep = [name async for batch in names(client, keys.prefix) for name in batch]
    assert len(set(sweep)) == 5001


async def test_an_answer_that_comes_too_late_is_not_taken_for_anothers(
    topology: Topology, cache: SuppressionCache, ledger: Ledger
) -> None:
    await cache.apply((await ledger.append([objection()])).entries)
    hasty = SuppressionCache(cache.redis, cache.keys, TOKENS, ledger.identity, answer_within=0.2)
    hasty.problems = ()
    assert await hits(hasty) == {Scope.CONTROLLER}
    topology.primary.freeze()
    outcomes = await asyncio.gather(
        *(hasty.lookup(replace(SOLAR, number=f"+3247000{n:04}")) for n in range(20)), return_exceptions=True
    )
    topology.primary.thaw()
    assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
    assert [await hits(cache) for _ in range(20)] == [{Scope.CONTROLLER}] * 20
    assert await hits(cache, replace(SOLAR, number=BRAM)) == set()


# Whether a replica has it.


async def test_what_was_written_reached_the_replica_where_there_is_one(
    topology: Topology, cache: SuppressionCache, ledger: Ledger, keys: Keys
) -> None:
    await cache.apply((await ledger.append([objection()])).entries)
    if not isinstance(topology, Alone):
        waits = topology.primary.client.info("commandstats")["cmdstat_wait"]["calls"]
        await cache.apply((await ledger.append([objection(BRAM)])).entries)
        assert topology.primary.client.info("commandstats")["cmdstat_wait"]["calls"] == waits + 1
