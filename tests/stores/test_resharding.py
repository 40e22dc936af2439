"""A Cluster whose slots move while calls are decided and people object: no objected number passes, nothing is lost.

The move is halted after each of its steps, and everything is asked in each of the states between.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis.crc import key_slot

from callgate.core.gate import Scope
from callgate.core.policy import Policy
from callgate.core.reasons import Reason
from callgate.stores.cache.readiness import check
from callgate.stores.cache.suppression import Query
from callgate.stores.cache.verify import Compared, verify
from callgate.stores.errors import NotReady, StoreUnavailable
from callgate.stores.ledger import Ledger
from callgate.stores.lists.inforce import load_list
from tests.stores.conftest import ANNA, BRAM, filed
from tests.stores.test_failover import OBJECTION, desk, policy
from tests.stores.topologies import NEVER, Cluster

__all__ = ["policy"]
pytestmark = pytest.mark.server

LISTED = Query(BRAM, "acme", "spring", ("be-dncm",))


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster(NEVER)
    yield made
    made.end()


async def test_while_the_slot_of_the_objections_moves_none_is_passed_over_and_none_is_lost(
    cluster: Cluster, ledger: Ledger, policy: Policy
) -> None:
    numbers = [ANNA]
    async with desk(cluster.url, ledger, policy) as ours:
        await ours.office.suppress(OBJECTION)
        reasons: list[Reason] = []
        for _ in cluster.moving(key_slot(b"gate")):
            numbers.append(f"+331990010{len(numbers):02}")
            await ours.office.suppress(replace(OBJECTION, number=numbers[-1]))
            reasons += [(await ours.decide(number)).reason for number in (ANNA, numbers[-1])]
        assert {*reasons} <= {Reason.OBJECTION, Reason.STORE_UNAVAILABLE, Reason.STORE_NOT_READY}
        assert len(reasons) > 20, "hardly a key was moved, and the test shows nothing"
        assert await check(ours.cache, ledger) == ()
        assert {(await ours.decide(number)).reason for number in numbers} == {Reason.OBJECTION}
        assert [part async for part in verify(ours.cache, ledger, [])] == [Compared("objections", len(numbers), 0, 0)]
        assert (await ours.decide("+33199009999")).allowed


async def test_while_the_slot_of_a_chunk_moves_no_listed_number_passes(
    cluster: Cluster, ledger: Ledger, policy: Policy, tmp_path: Path
) -> None:
    async with desk(cluster.url, ledger, policy) as ours:
        keys, redis = ours.cache.keys, ours.cache.redis
        loaded = await load_list(redis, keys, filed(tmp_path, [int(BRAM[1:])]))
        answered = 0
        for _ in cluster.moving(key_slot(keys.chunk("be-dncm", loaded.load, 0).encode())):
            try:
                found = await ours.cache.lookup(LISTED)
            except (StoreUnavailable, NotReady):
                continue
            assert [hit.scope for hit in found.facts.hits] == [Scope.NATIONAL]
            answered += 1
        assert answered > 0
        assert await check(ours.cache, ledger) == ()
        assert [hit.scope for hit in (await ours.cache.lookup(LISTED)).facts.hits] == [Scope.NATIONAL]
