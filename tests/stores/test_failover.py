"""A primary that is lost, and one that does not know it: whatever Redis holds then, an objected number does not pass.

The replica is cut off *before* the objection, by freezing it and closing its connection at the primary. So it never has
the objection, and not merely not yet.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from callgate import config
from callgate.boundary import Decision
from callgate.core.events import Event, Kind
from callgate.core.gate import CallRequest
from callgate.core.policy import Policy
from callgate.core.reasons import Reason
from callgate.office.local import LocalOffice
from callgate.stores.cache.bulk import send, words
from callgate.stores.cache.connection import connect
from callgate.stores.cache.filling import names
from callgate.stores.cache.keys import Keys
from callgate.stores.cache.nodes import ask, primaries
from callgate.stores.cache.readiness import check, ensure
from callgate.stores.cache.replicas import reached_a_replica
from callgate.stores.cache.suppression import SuppressionCache
from callgate.stores.errors import NotReady, StoreUnavailable
from callgate.stores.ledger import Ledger
from tests.core.test_config import GOOD
from tests.stores.conftest import ANNA, NOW, TOKENS, open_ledger
from tests.stores.topologies import BehindSentinel, Cluster, cut_off, until_async

pytestmark = pytest.mark.server

Doomed = BehindSentinel | Cluster
MAKERS: dict[str, Callable[[], Doomed]] = {"sentinel": BehindSentinel, "cluster": Cluster}
OBJECTION = Event(Kind.OBJECTION, NOW, number=ANNA, controller="acme", payload={"scope": "controller"})
CALL = CallRequest("lab", "1.1", "PJSIP/7", ANNA, "spring", "brussels", "PJSIP/7")


@pytest.fixture(params=list(MAKERS))
def doomed(request: pytest.FixtureRequest) -> Iterator[Doomed]:
    made = MAKERS[request.param]()
    yield made
    made.end()


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    path = tmp_path / "callgate.toml"
    path.write_text(GOOD.replace('purpose = "marketing"', 'purpose = "service"'))
    return config.to_policy(config.load(path))


class Desk:
    """An office over one way to Redis, and what it came to doubt."""

    def __init__(self, cache: SuppressionCache, ledger: Ledger, policy: Policy) -> None:
        self.cache = cache
        self.ledger = ledger
        self.doubts: list[str] = []
        self.office = LocalOffice(
            ledger,
            cache,
            policy=lambda: policy,
            clock=lambda: NOW,
            doubt=self.doubts.append,
            alarm=lambda _: None,
        )

    async def decide(self, number: str = ANNA) -> Decision:
        """May the call be made? One that may is over at once, so that it is not in the next one's way."""
        decision = await self.office.decide(replace(CALL, dialled=number))
        if decision.allowed:
            await self.office.close(decision.call, {})
        return decision

    async def reaches_redis(self) -> bool:
        try:
            await self.cache.mark()
        except (StoreUnavailable, NotReady):
            return False
        return True


@asynccontextmanager
async def desk(url: str, ledger: Ledger, policy: Policy) -> AsyncIterator[Desk]:
    client = connect(url, connect_within=5)
    cache = SuppressionCache(client, Keys(), TOKENS, ledger.identity, answer_within=5)
    try:
        assert await ensure(cache, ledger) == ()
        yield Desk(cache, ledger, policy)
    finally:
        await client.aclose()


async def test_an_objection_that_no_replica_took_in_time_is_in_force_and_leaves_doubt(
    doomed: Doomed, ledger: Ledger, policy: Policy
) -> None:
    async with desk(doomed.url, ledger, policy) as ours:
        assert (await ours.decide()).allowed
        doomed.replica.freeze()
        await ours.office.suppress(OBJECTION)
        assert ours.doubts == ["no replica of Redis took the objection in time; the ledger has it"]
        assert (await ours.decide()).reason is Reason.OBJECTION


async def test_a_failover_to_a_replica_that_never_had_the_objection_lets_it_not_pass(
    doomed: Doomed, ledger: Ledger, policy: Policy
) -> None:
    async with desk(doomed.url, ledger, policy) as ours:
        assert (await ours.decide()).allowed
        cut_off(doomed.replica, doomed.primary)
        await ours.office.suppress(OBJECTION)
        assert not ours.doubts, "it was acknowledged, and nobody knew better"
        doomed.primary.kill()
        doomed.replica.thaw()
        doomed.fail_over()
        await until_async(ours.reaches_redis)
        assert await ours.cache.mark() == 0, "the new primary has the objection, and the test shows nothing"
        assert (await ours.decide()).reason is Reason.OBJECTION
        assert await ours.cache.mark() == 1


async def test_who_is_left_on_the_old_primary_lets_it_not_pass_either(
    doomed: Doomed, ledger: Ledger, policy: Policy, tmp_path: Path
) -> None:
    other_node = await open_ledger(tmp_path, "other")
    old, new = (f"redis://{server.address}" for server in (doomed.primary, doomed.replica))
    async with desk(old, other_node, policy) as left_behind:
        assert (await left_behind.decide()).allowed
        doomed.promote_replica()
        async with desk(new, ledger, policy) as ours:
            await ours.office.suppress(OBJECTION)
            assert (await ours.decide()).reason is Reason.OBJECTION
        # A Cluster's old primary may have heard of it by now, and then says nothing.
        reasons = {Reason.OBJECTION, *([Reason.STORE_UNAVAILABLE] if isinstance(doomed, Cluster) else [])}
        assert (await left_behind.decide()).reason in reasons
    await other_node.close()


async def test_where_no_server_is_left_nothing_is_known(doomed: Doomed, ledger: Ledger, policy: Policy) -> None:
    async with desk(doomed.url, ledger, policy) as ours:
        assert (await ours.decide()).allowed
        for server in doomed.servers:
            server.kill()
        for _ in range(3):
            assert (await ours.decide()).reason is Reason.STORE_UNAVAILABLE
        await ours.office.suppress(OBJECTION)
        assert ours.doubts
        with pytest.raises(StoreUnavailable):
            await check(ours.cache, ledger)
    fresh = connect(doomed.url)
    with pytest.raises(StoreUnavailable):
        await SuppressionCache(fresh, Keys(), TOKENS, ledger.identity).mark()
    await fresh.aclose()


@pytest.mark.parametrize("way", ["all servers", "all keys", "in bulk", "the witness"])
async def test_what_is_asked_of_servers_finds_those_that_took_over(way: str) -> None:
    """Each way by itself: no command that goes by its key has shown redis-py the new map before."""
    cluster = Cluster()
    client = connect(cluster.url, connect_within=5)

    async def asked() -> bool:
        with suppress(RedisError, OSError):
            if way == "all servers":
                return all([await ask(client, node, "PING") for node in await primaries(client)])
            if way == "all keys":
                return [batch async for batch in names(client, "nothing")] == []
            if way == "in bulk":
                return await send(client, [(b"*3\r\n" + words(b"SADD", b"{gate}", b"1"), 1)]) == 1
            return await reached_a_replica(client, "{gate}")
        return False

    try:
        for node in await primaries(client):
            await ask(client, node, "PING")
        cluster.primary.kill()
        cluster.fail_over()
        await until_async(asked)
    finally:
        await client.aclose()
        cluster.end()
